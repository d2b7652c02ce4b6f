/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ARP for IPv4 over Ethernet (RFC 826). */
#pragma once

#include "base/bytes.h"
#include "wire/address.h"

#define ARP_LEN 28

enum arp_operation {
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
	RARP_REQUEST = 3, /* RFC 903 */
	RARP_REPLY = 4,
};

struct arp {
	uint16_t operation;
	struct mac from_mac, to_mac;
	struct ip4 from, to;
};

/* bytes: what follows the Ethernet header, padding included. False: short, or for other kinds of
 * addresses than ours. */
bool arp_parse(const void *bytes, size_t len, struct arp *ret) MUST_USE;
void write_arp(struct writer *w, const struct arp *arp);
