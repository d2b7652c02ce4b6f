/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbour Discovery's two messages of who has which MAC address (RFC 4861 4.3, 4.4): ARP's
 * counterpart in IPv6. */
#pragma once

#include "wire/icmp.h"
#include "wire/packet.h"

#define DISCOVERY_MAC_LEN 8 /* the option */
#define DISCOVERY_LEN	  (IP6_HEADER_LEN + ND_NEIGHBOUR_LEN + DISCOVERY_MAC_LEN)

struct discovery {
	struct ip from, to, target;
	uint8_t type, flags; /* enum icmp6_type; enum nd_neighbour_flags */
	bool has_mac;
	struct mac mac; /* of the option that belongs to the type */
};

/* Whether the packet, as packet_parse() found it, is one of the two. Fragments never are (RFC 6980
 * 5). */
bool packet_is_discovery(const uint8_t *head, const struct packet *packet);
/* Of a frame's first bytes, which must hold it whole. False: RFC 4861 7.1.1 and 7.1.2 would have it
 * thrown away; the checksum is not looked at. */
bool discovery_parse(const uint8_t *head, uint32_t head_len, const struct packet *packet,
	struct discovery *ret) MUST_USE;
/* An IPv6 packet of up to DISCOVERY_LEN bytes. */
void write_discovery(struct writer *w, const struct discovery *message);

struct ip solicited_node(struct ip ip); /* RFC 4291 2.7.1 */
