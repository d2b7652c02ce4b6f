/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A leg: a host whose address is a router's on its hub. What comes in is judged here, on the thread
 * it came by, and written into the ring of the leg it leaves by; that one finds the neighbour.
 */
#pragma once

#include "ip/host.h"
#include "ip/router/map.h"
#include "ip/waiting.h"

struct leg_settings {
	struct mac mac;
	struct ip_prefix address, address6; /* address6 may be none */
	uint32_t mtu;
	struct hash_key key;
};

/* Of what came in by this leg, but for no_neighbour: of what was to leave by it. */
struct leg_counters {
	uint64_t forwarded; /* packets; a super-frame counts as those it stands for */
	uint64_t fragmented, time_exceeded, no_route, too_big, no_neighbour;
	uint64_t errors; /* ICMP errors sent */
};

struct leg {
	struct host host;
	struct machine machine;
	struct router_map *map; /* NULL: it is alone, and answers for its addresses only */
	unsigned touched;	/* rings, by leg, that something was written into in this turn */
	struct ip last_to, known_from;
	const struct ip_route *last_route; /* to last_to; NULL: not known */
	struct waiting waiting;		   /* packets, for neighbours */
	struct leg_counters counters;
};

/* The owner then fills leg->host.port.ops and name. -ENOMEM. */
int leg_init(struct leg *leg, const struct leg_settings *settings) MUST_USE;
/* The map is not its own. */
void leg_done(struct leg *leg);

/* port_ops.send of a leg. */
void leg_receive(struct port *port, const struct frame *frames, unsigned count);
/* What it goes by from here on; returns what it went by before, for others to free. */
struct router_map *leg_set_map(struct leg *leg, struct router_map *map);
/* Sends what the ring holds into the hub, up to a bound. False: there may be more. Not from within
 * leg_receive(). */
bool leg_drain(struct leg *leg, struct handover *from, nsec now);
