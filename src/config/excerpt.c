/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/excerpt.h"

#include <stdbool.h>
#include <string.h>

/* Second bytes that are narrower than the rest: C1 controls, overlong forms, surrogates, the end.
 */
static bool may_follow(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xc2:
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second <= 0x9f;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second <= 0x8f;
	}
	return true;
}

/* Bytes of the UTF-8 character at text; 0: none, or one that would move the cursor. */
static unsigned printable_len(const char *text)
{
	unsigned char first = (unsigned char)text[0];
	unsigned len = first < 0x80   ? 1
		       : first < 0xc2 ? 0
		       : first < 0xe0 ? 2
		       : first < 0xf0 ? 3
				      : 4;

	if (len == 1)
		return first >= 0x20 && first != 0x7f;
	if (first > 0xf4 || !may_follow(first, (unsigned char)text[1]))
		return 0;
	/* U+2028 to U+202E break or turn the line. */
	if (first == 0xe2 && (unsigned char)text[1] == 0x80 && (unsigned char)text[2] >= 0xa8)
		return 0;
	for (unsigned i = 1; i < len; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Takes one character off the text, '?' for what is none. Its bytes. */
static unsigned take(const char **text, char ret_bytes[4])
{
	unsigned len = printable_len(*text);

	if (len) {
		memcpy(ret_bytes, *text, len);
		*text += len;
		return len;
	}
	ret_bytes[0] = '?';
	do
		(*text)++;
	while (((unsigned char)**text & 0xc0) == 0x80);
	return 1;
}

struct excerpt excerpt(const char *text)
{
	struct excerpt result;
	unsigned used = 0, len;
	char bytes[4];

	while (*text) {
		len = take(&text, bytes);
		if (used + len > EXCERPT_SIZE - 4) {
			memcpy(result.text + used, "...", 3);
			used += 3;
			break;
		}
		memcpy(result.text + used, bytes, len);
		used += len;
	}
	result.text[used] = '\0';
	return result;
}

void excerpt_clean(char *text)
{
	const char *from = text;
	unsigned len;
	char bytes[4];

	while (*from) {
		len = take(&from, bytes);
		memcpy(text, bytes, len);
		text += len;
	}
	*text = '\0';
}
