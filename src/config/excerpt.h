/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody wrote, made fit to be quoted in a sentence of one line. */
#pragma once

#define EXCERPT_SIZE 68

struct excerpt {
	char text[EXCERPT_SIZE];
};

/* Cut to 64 bytes between two characters; what is not printable, or no UTF-8, becomes '?'. */
struct excerpt excerpt(const char *text);
/* The same for a text as long as it is, in its place. */
void excerpt_clean(char *text);
