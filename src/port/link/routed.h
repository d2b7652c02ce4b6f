/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member that speaks IP and knows no Ethernet: any WireGuard client. On the hub it is a station
 * with an address of each family, or of one, and a MAC address that we made up; ARP (RFC 826) and
 * Neighbour Discovery (RFC 4861) are ours to speak for it. It may send from its addresses alone.
 */
#pragma once

#include "io/loop.h"
#include "ip/waiting.h"
#include "port/link/link.h"
#include "wire/discovery.h"

#define ROUTED_NEIGHBOURS 64 /* the one heard of longest ago makes way */
#define ROUTED_MESSAGES	  16 /* of ours, that wait for the end of the turn */
#define ROUTED_HEADROOM	  ETH_HEADER_LEN
/* Packets that wait for a neighbour's answer. */
#define ROUTED_HOPS	   16
#define ROUTED_HOP_PACKETS 4
#define ROUTED_BYTES	   ((size_t)64 << 10)

struct link_member;

struct routed_neighbour {
	struct ip ip; /* none: free */
	struct mac mac;
	nsec heard_at;
};

struct routed {
	struct link_member *member;
	struct link_address v4, v6;
	struct routed_neighbour neighbours[ROUTED_NEIGHBOURS];
	struct waiting waiting;
	struct task speak;
	struct routed_message {
		uint8_t bytes[ETH_HEADER_LEN + DISCOVERY_LEN];
		uint32_t len;
	} messages[ROUTED_MESSAGES];
	unsigned message_count;
};

/* NULL: no memory. */
struct routed *routed_new(
	struct link_member *member, const struct link_address *v4, const struct link_address *v6);
void routed_free(struct routed *routed); /* NULL is fine */
/* port_ops.send of such a member. */
void routed_send(struct port *port, const struct frame *frames, unsigned count);
/* A packet that it sent, with ROUTED_HEADROOM bytes before it that may be written to, becomes a
 * frame. Returns the frame's length; 0: it waits for a neighbour, or was dropped and counted. */
uint32_t routed_frame(struct routed *routed, uint8_t *packet, size_t len, nsec now);

/* routed_neighbour.c: */
void routed_neighbours_init(struct routed *routed);
void routed_neighbours_done(struct routed *routed);
/* Its addresses are here: for those who knew them elsewhere. */
void routed_announce(struct routed *routed);
/* Once a second: asks again, gives up. */
void routed_tick(struct routed *routed, nsec now);
/* True: the frame was between machines of the wire, and is dealt with. packet: parsed, of it. */
bool routed_hear(
	struct routed *routed, const struct frame *frame, const struct packet *packet, nsec now);
/* Somebody on its subnet, or not, is at that address. */
void routed_learn(struct routed *routed, struct ip ip, struct mac mac, nsec now);
bool routed_find(struct routed *routed, struct ip ip, nsec now, struct mac *ret) MUST_USE;
/* A frame whose destination is still to be filled in waits for its neighbour, who is asked. */
void routed_await(struct routed *routed, struct ip ip, const struct frame *frame, nsec now);

static inline const struct link_address *routed_side(const struct routed *routed, struct ip ip)
{
	return ip_is_v4(ip) ? &routed->v4 : &routed->v6;
}

static inline bool routed_owns(const struct routed *routed, struct ip ip)
{
	const struct link_address *side = routed_side(routed, ip);

	return side->prefix.len && ip_equal(side->prefix.address, ip);
}

static inline bool routed_is_near(const struct routed *routed, struct ip ip)
{
	const struct link_address *side = routed_side(routed, ip);

	return side->prefix.len && prefix_contains(&side->prefix, ip);
}
