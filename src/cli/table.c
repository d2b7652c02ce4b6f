/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 12
#define GAP	    2 /* spaces between columns */

struct table {
	char **lines; /* the first holds the headings */
	size_t count, size;
	int widths[COLUMNS_MAX];
	bool is_number[COLUMNS_MAX];
};

/* The word at *at, which moves behind it; what is printed of it is *ret_len bytes long. */
static const char *next_word(const char **at, int *ret_len)
{
	const char *word = *at;
	size_t len = strcspn(word, "\t");

	*at = word[len] ? word + len + 1 : NULL;
	*ret_len = (int)len;
	return word;
}

static void measure(struct table *table, const char *line)
{
	const char *at = line;
	int len;

	for (unsigned column = 0; at && column < COLUMNS_MAX; column++) {
		next_word(&at, &len);
		table->widths[column] = MAX(table->widths[column], len);
	}
}

/* line: malloc'ed, the table's from here on; NULL: left out. */
static void append(struct table *table, char *line)
{
	if (table->count == table->size) {
		size_t size = table->size ? table->size * 2 : 32;
		char **lines = realloc(table->lines, size * sizeof(*lines));

		if (!lines) {
			free(line);
			return;
		}
		table->lines = lines;
		table->size = size;
	}
	if (!line)
		return;
	measure(table, line);
	table->lines[table->count++] = line;
}

/* Notes which columns hold numbers, and takes their marks out. */
static char *read_headings(struct table *table, const char *headings)
{
	char *line = strdup(headings), *to = line;
	unsigned column = 0;

	for (const char *at = headings; line && *at; at++) {
		bool begins = at == headings || at[-1] == '\t';

		if (at > headings && begins)
			column++;
		if (begins && *at == '>')
			table->is_number[MIN(column, COLUMNS_MAX - 1u)] = true;
		else
			*to++ = *at;
	}
	if (line)
		*to = '\0';
	return line;
}

struct table *table_new(const char *headings)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table)
		append(table, read_headings(table, headings));
	return table;
}

void table_add(struct table *table, const char *format, ...)
{
	char *line = NULL;
	va_list args;
	int len;

	if (!table)
		return;
	va_start(args, format);
	len = vasprintf(&line, format, args);
	va_end(args);
	append(table, len < 0 ? NULL : line);
}

static void print_line(const struct table *table, const char *line)
{
	const char *at = line, *word;
	int len, pending = 0; /* spaces that are printed when something follows */

	for (unsigned column = 0; at && column < COLUMNS_MAX; column++) {
		int fill;

		word = next_word(&at, &len);
		fill = table->widths[column] - len;
		if (table->is_number[column]) {
			pending += fill;
			fill = 0;
		}
		if (len)
			printf("%*s%.*s", pending, "", len, word);
		pending = (len ? 0 : pending + len) + fill + GAP;
	}
	putchar('\n');
}

void table_print(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++) {
		print_line(table, table->lines[i]);
		free(table->lines[i]);
	}
	free(table->lines);
	free(table);
}
