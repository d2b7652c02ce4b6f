/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member that speaks IP and knows no Ethernet: any WireGuard client. On the hub it is a station
 * with one IPv4 address and a MAC address that we made up; ARP (RFC 826) is ours to speak for it.
 * It may send from its address alone.
 */
#pragma once

#include "io/loop.h"
#include "port/link/link.h"

#define ROUTED_NEIGHBOURS 64 /* the one heard of longest ago makes way */
#define ROUTED_ARPS	  16 /* that wait for the end of the turn */
#define ROUTED_HEADROOM	  ETH_HEADER_LEN

struct link_member;

struct routed_neighbour {
	struct ip4 ip;	/* none: free */
	struct mac mac; /* zero: asked for */
	nsec heard_at;
};

struct routed {
	struct link_member *member;
	struct ip_prefix address;
	struct ip gateway; /* of what is off the subnet; or none */
	struct routed_neighbour neighbours[ROUTED_NEIGHBOURS];
	struct task speak;
	struct arp_frame {
		uint8_t bytes[ETH_HEADER_LEN + 28];
	} arps[ROUTED_ARPS];
	unsigned arp_count;
};

/* NULL: no memory. */
struct routed *routed_new(
	struct link_member *member, const struct ip_prefix *address, struct ip gateway);
void routed_free(struct routed *routed); /* NULL is fine */
/* port_ops.send of such a member. */
void routed_send(struct port *port, const struct frame *frames, unsigned count);
/* A packet that it sent, with ROUTED_HEADROOM bytes before it that may be written to, becomes a
 * frame. Returns the frame's length; 0: it is nothing, or was dropped and counted. */
uint32_t routed_frame(struct routed *routed, uint8_t *packet, size_t len, nsec now);
/* Its address is here: for those who knew it elsewhere. */
void routed_announce(struct routed *routed);
