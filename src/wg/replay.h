/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which counters have been seen (RFC 6479): a ring of words in which the newest counter's word is
 * the end. One that is REPLAY_WINDOW or more behind the newest counts as seen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WORDS  128
#define REPLAY_WINDOW ((REPLAY_WORDS - 1) * 64) /* 8128: the newest word is only part of one */

struct replay {
	uint64_t next; /* one more than the newest; 0: none was seen */
	uint64_t seen[REPLAY_WORDS];
};

/* Marks it; false: it has been seen, or is too old to know. Only for a counter that is
 * authenticated, and less than UINT64_MAX. */
bool replay_accept(struct replay *replay, uint64_t counter);
