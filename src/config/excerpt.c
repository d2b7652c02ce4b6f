/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/excerpt.h"

#include <string.h>

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
	if (first > 0xf4 || (first == 0xc2 && (unsigned char)text[1] < 0xa0))
		return 0;
	/* E0, ED, F0 and F4 have narrower second bytes: overlong forms, surrogates, the end. */
	if ((first == 0xe0 && (unsigned char)text[1] < 0xa0) ||
		(first == 0xed && (unsigned char)text[1] > 0x9f) ||
		(first == 0xf0 && (unsigned char)text[1] < 0x90) ||
		(first == 0xf4 && (unsigned char)text[1] > 0x8f))
		return 0;
	/* U+2028 to U+202E break or turn the line. */
	if (first == 0xe2 && (unsigned char)text[1] == 0x80 && (unsigned char)text[2] >= 0xa8)
		return 0;
	for (unsigned i = 1; i < len; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

struct excerpt excerpt(const char *text)
{
	struct excerpt result;
	unsigned used = 0, len;

	while (*text) {
		len = printable_len(text);
		if (used + (len ? len : 1) > EXCERPT_SIZE - 4) {
			memcpy(result.text + used, "...", 3);
			used += 3;
			break;
		}
		if (len)
			memcpy(result.text + used, text, len);
		else
			result.text[used] = '?';
		used += len ? len : 1;
		text += len ? len : 1;
		while (!len && ((unsigned char)*text & 0xc0) == 0x80)
			text++;
	}
	result.text[used] = '\0';
	return result;
}
