/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to be known of a NIC: its MAC address, the host's own IP addresses on it, and which
 * other addresses are on the same link. */
#pragma once

#include "base/time.h"
#include "wire/address.h"

#define NIC_ADDRESSES_MAX 64
#define NIC_PREFIXES_MAX  16

struct nic_facts {
	struct mac mac;
	struct ip_prefix addresses[NIC_ADDRESSES_MAX]; /* each with the length of its subnet */
	unsigned address_count;
	/* That routers said are on the link (RFC 4861 4.6.2): the host itself may have no IPv6. */
	struct {
		struct ip_prefix prefix;
		nsec until; /* 0: not in use */
	} advertised[NIC_PREFIXES_MAX];
};

bool nic_has_address(const struct nic_facts *nic, struct ip ip);
/* The broadcast address of one of the subnets, or 255.255.255.255. */
bool nic_is_broadcast(const struct nic_facts *nic, struct ip ip);
/* An address of the host to ask from about `ip`: on its subnet, or of its family. False: none. */
bool nic_address_towards(const struct nic_facts *nic, struct ip ip, struct ip *ret);
/* lifetime in seconds, all ones: for ever; 0: it is no longer. */
void nic_note_prefix(
	struct nic_facts *nic, const struct ip_prefix *prefix, uint32_t lifetime, nsec now);

enum on_link {
	ON_LINK_NO,
	ON_LINK_YES,
	ON_LINK_UNKNOWN, /* nothing is known of any subnet of that family */
};
enum on_link nic_on_link(const struct nic_facts *nic, struct ip ip, nsec now);
