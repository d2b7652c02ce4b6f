/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which bytes beyond the next expected one have arrived: up to GAP_RANGES ranges, in order. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

#define GAP_RANGES 32

struct gap_range {
	uint32_t start, end; /* sequence numbers, end excluded */
};

struct tcp_gap_list {
	unsigned count;
	unsigned newest; /* index of the range that grew last: SACK names it first, RFC 2018 4 */
	struct gap_range ranges[GAP_RANGES];
};

/* Adds [start, end), joining what touches. False: no room for another range. */
bool gap_list_add(struct tcp_gap_list *list, uint32_t start, uint32_t end) MUST_USE;
/* Drops what lies before `next`; where a range begins at or before it, returns that range's end,
 * else `next`. */
uint32_t gap_list_advance(struct tcp_gap_list *list, uint32_t next);
