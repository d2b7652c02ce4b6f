/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was sent and not yet acknowledged, in order of sequence: which parts the peer holds (SACK,
 * RFC 2018), which are taken for lost (RACK, RFC 8985) and when each was last sent.
 */
#pragma once

#include "base/attr.h"
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct sent {
	uint32_t start, end; /* sequence numbers, end excluded */
	nsec at;	     /* when it was last sent */
	bool is_sacked, is_lost, is_retransmitted;
};

struct scoreboard {
	struct sent *runs; /* a ring of `size`, the oldest at `first`; NULL while idle */
	uint32_t first, count, size;
	uint32_t sacked_len, lost_len; /* bytes */
};

#define SCOREBOARD_RUNS_MAX 4096

struct sent *scoreboard_at(const struct scoreboard *board, uint32_t index);
/* False: no memory or too many runs; then nothing may be sent. */
bool scoreboard_append(struct scoreboard *board, uint32_t start, uint32_t end, nsec at) MUST_USE;
/* Everything before una is acknowledged. newest: of the runs that went (wholly or in part) and were
 * not sacked before, the one sent last, when there is one. */
bool scoreboard_acknowledge(struct scoreboard *board, uint32_t una, struct sent *ret_newest);
/* The peer holds [start, end): marks it, splitting runs. As above for what is newly marked. */
bool scoreboard_sack(
	struct scoreboard *board, uint32_t start, uint32_t end, struct sent *ret_newest);
/* Marks as lost the runs [start, end) cover that are not sacked. */
void scoreboard_lose(struct scoreboard *board, struct sent *run);
/* The first lost run cut to at most len bytes, sent again at `at`; false: none is lost. */
bool scoreboard_resend(struct scoreboard *board, uint32_t len, nsec at, struct sent *ret_run);
/* All of it is lost (a timeout), as one run: what was sacked may be forgotten too (RFC 2018 8). */
void scoreboard_lose_all(struct scoreboard *board);
void scoreboard_done(struct scoreboard *board);
