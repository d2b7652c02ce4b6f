/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/arp.h"

#include "wire/eth.h"

#define HARDWARE_ETHERNET 1

bool arp_parse(const void *bytes, size_t len, struct arp *ret)
{
	struct reader r = reader_on(bytes, len);
	uint16_t hardware = read_be16(&r), protocol = read_be16(&r);
	uint8_t hardware_len = read_u8(&r), protocol_len = read_u8(&r);
	struct arp arp = {.operation = read_be16(&r)};

	read_copy(&r, &arp.from_mac, sizeof(arp.from_mac));
	read_copy(&r, &arp.from, sizeof(arp.from));
	read_copy(&r, &arp.to_mac, sizeof(arp.to_mac));
	read_copy(&r, &arp.to, sizeof(arp.to));
	if (r.failed || hardware != HARDWARE_ETHERNET || protocol != ETHERTYPE_IP4)
		return false;
	if (hardware_len != sizeof(struct mac) || protocol_len != sizeof(struct ip4))
		return false;
	*ret = arp;
	return true;
}

void write_arp(struct writer *w, const struct arp *arp)
{
	write_be16(w, HARDWARE_ETHERNET);
	write_be16(w, ETHERTYPE_IP4);
	write_u8(w, sizeof(struct mac));
	write_u8(w, sizeof(struct ip4));
	write_be16(w, arp->operation);
	write_bytes(w, &arp->from_mac, sizeof(arp->from_mac));
	write_bytes(w, &arp->from, sizeof(arp->from));
	write_bytes(w, &arp->to_mac, sizeof(arp->to_mac));
	write_bytes(w, &arp->to, sizeof(arp->to));
}
