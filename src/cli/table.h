/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of words under headings, in columns as wide as they need. */
#pragma once

#include "base/attr.h"

struct table;

/* headings: tabs between them; one that begins with '>' has numbers below it. NULL: no memory;
 * the rest is fine with that, and prints nothing. */
struct table *table_new(const char *headings);
/* A line, with a tab between any two words. */
void table_add(struct table *table, const char *format, ...) PRINTF_LIKE(2, 3);
/* On standard output; then the table is gone. */
void table_print(struct table *table);
