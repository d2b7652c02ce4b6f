/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host that forwards (ip_forward) takes what comes to its NIC's MAC address for a guest as its
 * own to forward: it sends it a second time and corrects whoever sent it. Rules of routing keep it
 * from that for the NIC's own subnets, where it is asked for: then they are the one thing that is
 * changed on the host.
 */
#pragma once

#include "io/link_watch.h"

#include <stdbool.h>

struct host_guard {
	bool is_on;
	char interface[INTERFACE_NAME_SIZE]; /* the one the rules name */
};

/* Has the rules be as the link is, or there be none. */
int host_guard_set(struct host_guard *guard, const struct link_state *link, bool is_on,
	struct error *error) MUST_USE;
