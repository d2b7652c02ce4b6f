/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines on a hub believe that their segment carries what their interface does, and it is not
 * ours to set. So they are told what a link carries as a router on the way would tell them (RFC
 * 1191, RFC 8201), but for the sender: that is the packet's destination, behind the MAC address
 * where it lives, so that nobody sees a station that is not there. The packet itself goes on its
 * way in pieces. Those who may fragment IPv4 are told nothing, nor are groups written about.
 */
#pragma once

#include "base/list.h"
#include "hub/port.h"
#include "io/loop.h"

struct forge {
	struct port *port; /* the way to the destinations; they are heard from there */
	struct loop *loop;
	struct task speak;
	struct list errors; /* that wait for the end of the turn */
	nsec full_at;	    /* icmp_error_take_token() */
	uint16_t next_id;
};

void forge_init(struct forge *forge, struct port *port, struct loop *loop);
void forge_done(struct forge *forge);
/* A frame, plain, longer than the MTU's. Once for each pair of addresses in a turn, a hundred times
 * a second. */
void forge_too_big(struct forge *forge, uint32_t mtu, const struct frame *frame, nsec now);
