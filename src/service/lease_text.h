/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lease as a line of text, its times on the wall clock so that they outlive a restart:
 *
 *     192.168.120.128 00:0c:29:1b:85:3d bound 1700000000 1800 01000c291b853d redhat
 *     192.168.120.129 free
 *
 * address, MAC, state, when it ends (seconds since 1970), seconds granted, client id, name; "-"
 * for what is not there. The last line about an address counts.
 */
#pragma once

#include "service/lease.h"

#define LEASE_LINE_SIZE 448

/* The same moment on both clocks. */
struct lease_clock {
	nsec now;
	nsec wall; /* since 1970 */
};

/* Returns the length, with the newline. Writes "free" of an offer that was never taken up. */
size_t lease_write_line(
	const struct lease *lease, const struct lease_clock *clock, char out[LEASE_LINE_SIZE]);
size_t lease_write_free(struct ip4 ip, char out[LEASE_LINE_SIZE]);
/* line: ends with NUL, without a newline. False when it says nothing we understand (the table is
 * then as it was), or memory is short. */
bool lease_read_line(struct lease_table *table, const char *line, const struct lease_clock *clock);
