/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which multicast groups the guest behind a port is in, by what it reports: IGMP (RFC 1112, 2236,
 * 3376) and MLD (RFC 2710, 3810). Only to be told to people: the hub lets every group through.
 *
 * A group is forgotten when the guest leaves it. Nothing ages: where no router asks, a guest says
 * only once that it has joined.
 */
#pragma once

#include "hub/frame.h"

#define GROUPS_MAX	64 /* that are known by their reports; the oldest makes way */
#define GROUPS_LIST_MAX (GROUPS_MAX + 2)

struct groups {
	struct mac source; /* of the latest frame to a group; zero: there was none */
	/* Then it is in 224.0.0.1 and ff02::1, which nobody reports: RFC 3376 4, RFC 3810 6. */
	bool speaks_ip4, speaks_ip6;
	unsigned count;
	struct ip joined[GROUPS_MAX]; /* the oldest first */
};

/* A frame to a group address, from behind the port. */
void groups_note(struct groups *groups, const struct frame *frame);
/* The addresses its network card has to let through, each once; returns how many. */
unsigned groups_list(const struct groups *groups, struct mac ret[GROUPS_LIST_MAX]);
