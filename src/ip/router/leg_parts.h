/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that make up a leg (leg.h) have in common, and nobody else needs. */
#pragma once

#include "ip/router/leg.h"

/* forward.c: a packet that is for others. */
void leg_forward(struct leg *leg, const struct frame *frame, const struct packet *packet, nsec now);
/* Whether nobody beyond the hub can be behind this address. */
bool leg_is_martian(const struct leg *leg, struct ip from);
const struct ip_route *leg_route(struct leg *leg, struct ip to);
/* Where on the route's hub it goes next. */
static inline struct ip route_hop(const struct ip_route *route, struct ip to)
{
	return route->kind == ROUTE_VIA ? route->via : to;
}

/* leg.c: room in a ring; what was reserved is told with leg_publish(). */
struct handed *leg_reserve(
	struct leg *leg, const struct ip_route *route, struct ip to, uint32_t len);
void leg_publish(struct leg *leg);
/* Into the hub, where there is one. */
void leg_send(struct leg *leg, const struct frame *frames, unsigned count, nsec now);

/* complain.c: an ICMP error about the packet to its sender, wherever he is. rest: the four bytes
 * behind the checksum. */
void leg_complain(struct leg *leg, uint8_t type, uint8_t code, uint32_t rest,
	const struct frame *frame, const struct packet *packet, nsec now);
/* Of either family: there is no way to it. */
void leg_complain_unreachable(struct leg *leg, bool has_route, const struct frame *frame,
	const struct packet *packet, nsec now);

/* hop.c: packets whose neighbour is not known yet. */
void hops_init(struct leg *leg);
bool hop_is_awaited(const struct leg *leg, struct ip ip);
void hop_await(struct leg *leg, const struct handed *handed, nsec now);
void hops_run(struct leg *leg, nsec now);
void hops_done(struct leg *leg);
