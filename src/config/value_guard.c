/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of config/value.h that is about what a port may not say, or not so often. */
#include "config/excerpt.h"
#include "config/model.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE	   "none"
#define SEPARATORS " ,"
#define STORM_MAX  1000000

static const struct {
	const char *name;
	size_t offset;
} words[] = {
	{"dhcp", offsetof(struct guards_config, dhcp)},
	{"ra", offsetof(struct guards_config, ra)},
	{"arp", offsetof(struct guards_config, arp)},
};

static bool take_word(const char **text, struct guards_config *guards)
{
	size_t len = strcspn(*text, SEPARATORS);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].name) != len || strncmp(words[i].name, *text, len))
			continue;
		*(bool *)((char *)guards + words[i].offset) = true;
		*text += len;
		*text += strspn(*text, SEPARATORS);
		return true;
	}
	return false;
}

int guards_parse(const char *text, void *ret, struct error *error)
{
	struct guards_config guards = {0};
	const char *at = text;

	if (strcmp(text, NONE) != 0) {
		do {
			if (!take_word(&at, &guards))
				return value_refuse(error, text,
					"is not a guard; dhcp, ra and arp are, or several: \"dhcp ra\"; or none");
		} while (*at);
	}
	*(struct guards_config *)ret = guards;
	return 0;
}

void guards_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!*(const bool *)((const char *)value + words[i].offset))
			continue;
		used += (size_t)snprintf(text + used, VALUE_TEXT_SIZE - used, "%s%s",
			used ? " " : "", words[i].name);
	}
	if (!used)
		strcpy(text, NONE);
}

int storm_parse(const char *text, void *ret, struct error *error)
{
	unsigned long rate;
	char *end;

	if (!strcmp(text, NONE)) {
		*(unsigned *)ret = 0;
		return 0;
	}
	rate = strtoul(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end || rate > STORM_MAX)
		return value_refuse(error, text,
			"is not a number of frames a second, from 1 to 1000000; or none");
	*(unsigned *)ret = (unsigned)rate;
	return 0;
}

void storm_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	unsigned rate = *(const unsigned *)value;

	if (rate)
		snprintf(text, VALUE_TEXT_SIZE, "%u", rate);
	else
		strcpy(text, NONE);
}
