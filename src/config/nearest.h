/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guessing which word was meant. */
#pragma once

#include <stdbool.h>

/* Whether `word` is `meant` but for a typing mistake or two: letters left out, added, changed or
 * swapped with their neighbour; one in a word of up to four letters, two in a longer one. */
bool is_nearly(const char *word, const char *meant);
