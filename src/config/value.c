/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/value.h"

#include "config/excerpt.h"
#include "config/model.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTU_MIN	   576	 /* RFC 791: what every host takes */
#define MTU_MAX	   65520 /* the most a TAP has */
#define LEASE_MAX  (365 * 86400)
#define HUB_MAX	   9999
#define LETTERS	   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	   "0123456789"
#define DOMAIN_MAX 253 /* RFC 1035 2.3.4, written out */
#define LABEL_MAX  63

int value_refuse(struct error *error, const char *text, const char *what)
{
	return error_set(error, EINVAL, "'%s' %s", excerpt(text).text, what);
}

/* Digits alone; false above max. */
static bool number_parse(const char *text, unsigned max, unsigned *ret)
{
	unsigned long number;

	if (!*text || strspn(text, DIGITS) != strlen(text) || strlen(text) > 10)
		return false;
	number = strtoul(text, NULL, 10);
	if (number > max)
		return false;
	*ret = (unsigned)number;
	return true;
}

static void text_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	snprintf(text, VALUE_TEXT_SIZE, "%s", (const char *)value);
}

int flag_parse(const char *text, void *ret, struct error *error)
{
	bool is_true = !strcmp(text, "true");

	if (!is_true && strcmp(text, "false"))
		return value_refuse(error, text, "is not true or false");
	*(bool *)ret = is_true;
	return 0;
}

void flag_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(*(const bool *)value ? "true" : "false", text);
}

int mtu_parse(const char *text, void *ret, struct error *error)
{
	unsigned mtu;

	if (!number_parse(text, MTU_MAX, &mtu) || mtu < MTU_MIN)
		return value_refuse(error, text, "is not an MTU, a number from 576 to 65520");
	*(unsigned *)ret = mtu;
	return 0;
}

int hub_mtu_parse(const char *text, void *ret, struct error *error)
{
	struct hub_config *hub = ret;
	int err = mtu_parse(text, &hub->mtu, error);

	hub->has_mtu |= !err;
	return err;
}

/* The standard one, where it is given, is more than none: guests are told of it. */
void hub_mtu_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct hub_config *hub = value;
	const unsigned mtu = hub->has_mtu ? hub->mtu : 0;

	mtu_format(&mtu, text);
}

void mtu_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	unsigned mtu = *(const unsigned *)value;

	text[0] = '\0';
	if (mtu)
		snprintf(text, VALUE_TEXT_SIZE, "%u", mtu);
}

static const struct unit {
	char letter;
	unsigned seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

static const struct unit *unit_find(char letter)
{
	for (unsigned i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].letter == letter)
			return &units[i];
	return NULL;
}

int duration_parse(const char *text, void *ret, struct error *error)
{
	size_t len = strlen(text);
	const struct unit *unit = len ? unit_find(text[len - 1]) : NULL;
	char digits[16];
	unsigned number;

	if (!unit || len > sizeof(digits))
		return value_refuse(error, text, "is not a duration, such as 90s, 30m, 2h or 7d");
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	if (!number_parse(digits, UINT32_MAX, &number))
		return value_refuse(error, text, "is not a duration, such as 90s, 30m, 2h or 7d");
	if (!number || number > LEASE_MAX / unit->seconds)
		return value_refuse(error, text, "is not between 1s and 365d");
	*(unsigned *)ret = number * unit->seconds;
	return 0;
}

void duration_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	unsigned seconds = *(const unsigned *)value, i = 0;

	while (seconds % units[i].seconds)
		i++;
	snprintf(text, VALUE_TEXT_SIZE, "%u%c", seconds / units[i].seconds, units[i].letter);
}

int hub_name_parse(const char *text, void *ret, struct error *error)
{
	bool has_prefix = !strncmp(text, "hub", 3);
	unsigned number;

	if (!has_prefix || !number_parse(text + 3, HUB_MAX, &number) || (text[3] == '0' && text[4]))
		return value_refuse(error, text, "is not a hub's name: hub0 to hub9999");
	snprintf(ret, 16, "%s", text);
	return 0;
}

int port_name_parse(const char *text, void *ret, struct error *error)
{
	size_t len = strlen(text);

	/* A letter first: numbers are slots. */
	if (!len || len >= CONFIG_NAME_SIZE || !strchr(LETTERS, text[0]) ||
		strspn(text, LETTERS DIGITS "-_") != len)
		return value_refuse(error, text,
			"is not a port's name: a letter, then letters, digits, - and _, at most 31 in all");
	memcpy(ret, text, len + 1);
	return 0;
}

void port_name_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

/* RFC 1123 2.1. The label ends at a dot or at the end. */
static size_t label_len(const char *text)
{
	size_t len = strspn(text, LETTERS DIGITS "-");

	if (!len || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
		return 0;
	return !text[len] || text[len] == '.' ? len : 0;
}

static bool is_domain(const char *text)
{
	size_t len;

	if (strlen(text) > DOMAIN_MAX)
		return false;
	for (;; text += len + 1) {
		len = label_len(text);
		if (!len || !text[len])
			return len;
	}
}

int guest_name_parse(const char *text, void *ret, struct error *error)
{
	size_t len = label_len(text);

	if (!len || text[len] || len >= CONFIG_NAME_SIZE)
		return value_refuse(error, text,
			"is not a host name: letters, digits and -, at most 31, no - first or last");
	memcpy(ret, text, len + 1);
	return 0;
}

void guest_name_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

int domain_parse(const char *text, void *ret, struct error *error)
{
	if (*text && !is_domain(text))
		return value_refuse(error, text, "is not a domain name, such as lab.example.org");
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

void domain_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

static int search_refuse(struct error *error, const char *text)
{
	return value_refuse(error, text,
		"is not domain names with spaces between, such as 'lab.example.org example.org'");
}

int search_parse(const char *text, void *ret, struct error *error)
{
	char words[1024], *rest = words, *word, list[1024];
	size_t used = 0;

	if (strlen(text) >= sizeof(words))
		return search_refuse(error, text);
	memcpy(words, text, strlen(text) + 1);
	list[0] = '\0';
	while ((word = strtok_r(rest, " ", &rest))) {
		if (!is_domain(word))
			return search_refuse(error, text);
		used += (size_t)sprintf(list + used, "%s%s", used ? " " : "", word);
	}
	memcpy(ret, list, used + 1);
	return 0;
}

void search_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

static bool is_printable(const char *text)
{
	while (*text >= 0x20 && *text < 0x7f)
		text++;
	return !*text;
}

int interface_parse(const char *text, void *ret, struct error *error)
{
	size_t len = strlen(text);
	bool is_dots = !strcmp(text, ".") || !strcmp(text, "..");

	/* dev_valid_name() in net/core/dev.c; % would make the kernel choose a number. */
	if (!len || len > 15 || is_dots || !is_printable(text) || strpbrk(text, " /:%"))
		return value_refuse(error, text,
			"is not an interface's name: 1 to 15 characters, no space, /, : or %");
	memcpy(ret, text, len + 1);
	return 0;
}

void interface_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

int boot_file_parse(const char *text, void *ret, struct error *error)
{
	size_t len = strlen(text);

	if (len >= CONFIG_BOOT_FILE_SIZE || !is_printable(text))
		return value_refuse(error, text,
			"is not a boot file: a name or URL of printable ASCII, at most 255 characters");
	memcpy(ret, text, len + 1);
	return 0;
}

void boot_file_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

int netns_parse(const char *text, void *ret, struct error *error)
{
	size_t len = strlen(text);

	if (!len || len >= CONFIG_PATH_SIZE || !is_printable(text))
		return value_refuse(error, text,
			"is not a namespace: a name under /run/netns, a path or a process id");
	memcpy(ret, text, len + 1);
	return 0;
}

void netns_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}
