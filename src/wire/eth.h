/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet II (IEEE 802.3, 802.1Q): sizes, types, the header. */
#pragma once

#include "base/bytes.h"
#include "wire/address.h"

#define ETH_HEADER_LEN 14
#define ETH_VLAN_LEN   4
#define ETH_FRAME_MIN  60    /* without FCS */
#define ETH_FRAME_MAX  65553 /* header, one VLAN tag, a 65535-byte IP packet: a super-frame */

enum ethertype {
	ETHERTYPE_IP4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_RARP = 0x8035,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IP6 = 0x86dd,
	ETHERTYPE_SERVICE_VLAN = 0x88a8, /* 802.1ad */
};

/* The frame's first 14 bytes, as they lie on the wire. */
struct eth_header {
	struct mac to, from;
	uint16_t type_be;
};

static inline void write_eth(struct writer *w, struct mac to, struct mac from, uint16_t type)
{
	write_bytes(w, &to, sizeof(to));
	write_bytes(w, &from, sizeof(from));
	write_be16(w, type);
}
