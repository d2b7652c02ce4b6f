/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How frames reach the host that a NIC is in: what is sent on the NIC goes to the wire and never to
 * the host's own stack, so they are written to a TAP of ours, whose frames the kernel takes for
 * frames that arrived at the NIC. The other way needs nothing: a packet socket hears what the host
 * sends. See docs/decisions/0008-the-host-is-reached-through-a-tap.md.
 */
#pragma once

#include "hub/frame.h"
#include "io/link_watch.h"
#include "io/tap.h"

struct host_reach {
	struct tap tap; /* fd -1: the host is not reached */
	int index;	/* of the NIC that its frames arrive at; 0: none */
};

/* Makes the TAP. Needs CAP_NET_ADMIN; nothing that was there before is changed. */
int host_reach_open(
	const struct link_state *nic, struct host_reach *ret_reach, struct error *error) MUST_USE;
void host_reach_close(struct host_reach *reach);
/* The NIC's index or MAC address may be another. */
int host_reach_follow(
	struct host_reach *reach, const struct link_state *nic, struct error *error) MUST_USE;
/* False: errno says why. */
bool host_reach_send(struct host_reach *reach, const struct frame *frame, const uint8_t *head,
	uint32_t head_len, uint32_t replaces);
