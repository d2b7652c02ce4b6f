/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a datagram one path carries, found by sending some (RFC 8899, DPLPMTUD): nobody on the
 * way has to say so, and what somebody says is not believed. Sizes are those of IP packets, in
 * bytes. A machine without I/O: whoever owns it sends the probes, which the other side acknowledges
 * by their stamp.
 *
 *   TOP ─ lost ─> BASE ─ lost ─> FLOOR ─ lost ─> SILENT ─ 5 s ─> TOP
 *    │             │              │
 *    │             └──── HALVE <──┘       between what arrived and what did not
 *    │                     │
 *    └──────> FOUND <──────┘              after 600 s: TOP, then NEXT, the size behind this one
 *
 * While data of such lengths flows, the size that was found is confirmed again and again, whatever
 * is searched for. Is that lost too, the path is a black hole, and it begins anew from the base.
 */
#pragma once

#include "base/attr.h"
#include "base/time.h"

#define PATH_MTU_BASE	1280 /* RFC 8899 5.1.2 */
#define PATH_MTU_FLOOR4 576  /* of IPv4, where 1280 is no promise */
#define PATH_MTU_STEP	4    /* a search ends at sizes that are closer */
#define PATH_MTU_PROBES 3    /* lost ones in a row before a size is taken for too long */

#define PATH_MTU_WAIT	       (1 * NSEC_PER_SEC) /* for an acknowledgement */
#define PATH_MTU_CONFIRM_EVERY (1 * NSEC_PER_SEC)
#define PATH_MTU_CONFIRM_WAIT  (NSEC_PER_SEC / 2) /* at least; or the round trip */
#define PATH_MTU_SILENT_WAIT   (5 * NSEC_PER_SEC)
#define PATH_MTU_RAISE	       (600 * NSEC_PER_SEC)

enum path_mtu_phase {
	PATH_MTU_UNKNOWN, /* not looked for */
	PATH_MTU_TOP,
	PATH_MTU_BASIC,
	PATH_MTU_LEAST,
	PATH_MTU_HALVE,
	PATH_MTU_NEXT,
	PATH_MTU_FOUND,
	PATH_MTU_SILENT,
};

struct path_probe {
	uint32_t size; /* on its way; 0: none */
	uint32_t number;
	unsigned tries;
	nsec first_at, due; /* when it was first sent; when it is to be sent again, or given up */
};

struct path_mtu {
	enum path_mtu_phase phase;
	uint32_t floor, base, top;
	uint32_t confirmed; /* no datagram is to be longer */
	uint32_t low, high; /* arrived, 0: nothing; did not arrive */
	struct path_probe search, confirmation;
	nsec confirmed_at;
	nsec rtt; /* 0: not known */
};

/* A path begins, or is another one. floor: what it carries in any case; top: what is of use. */
void path_mtu_begin(struct path_mtu *path, uint32_t floor, uint32_t top, nsec now);
void path_mtu_end(struct path_mtu *path);
/* When there is something to do. */
nsec path_mtu_due(const struct path_mtu *path);
/* Returns the size of a probe to be sent now, and its stamp; 0: none. */
uint32_t path_mtu_run(struct path_mtu *path, nsec now, uint64_t *ret_stamp);
/* An acknowledgement. It may be anybody's idea of one. */
void path_mtu_hear(struct path_mtu *path, uint64_t stamp, nsec now);
/* Datagrams longer than the base have been sent of late. */
void path_mtu_use(struct path_mtu *path, nsec now);
/* Our own kernel will not send as much. */
void path_mtu_refuse(struct path_mtu *path, uint32_t size, nsec now);
