/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/nearest.h"

#include "base/attr.h"

#include <string.h>

#define WORD_MAX 31

/* The three rows of the optimal string alignment table that are still needed. */
struct rows {
	unsigned before_last[WORD_MAX + 1], last[WORD_MAX + 1], current[WORD_MAX + 1];
};

static bool is_swapped(const char *a, const char *b, size_t i, size_t j)
{
	return i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
}

static void fill_row(struct rows *rows, const char *a, const char *b, size_t b_len, size_t i)
{
	unsigned *row = rows->current;

	row[0] = (unsigned)i;
	for (size_t j = 1; j <= b_len; j++) {
		row[j] = rows->last[j - 1] + (a[i - 1] != b[j - 1]);
		row[j] = MIN(row[j], MIN(rows->last[j], row[j - 1]) + 1);
		if (is_swapped(a, b, i, j))
			row[j] = MIN(row[j], rows->before_last[j - 2] + 1);
	}
}

static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct rows rows = {};

	for (size_t j = 0; j <= b_len; j++)
		rows.current[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		memcpy(rows.before_last, rows.last, sizeof(rows.last));
		memcpy(rows.last, rows.current, sizeof(rows.current));
		fill_row(&rows, a, b, b_len, i);
	}
	return rows.current[b_len];
}

bool is_nearly(const char *word, const char *meant)
{
	size_t word_len = strlen(word), meant_len = strlen(meant);

	if (word_len > WORD_MAX || meant_len > WORD_MAX)
		return false;
	return distance(word, word_len, meant, meant_len) <= (meant_len > 4 ? 2 : 1);
}
