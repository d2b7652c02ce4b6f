/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/ip.h"

#include "wire/checksum.h"

#define IP4_FRAGMENT_DF 0x4000

static void write_ip4(struct writer *w, const struct ip_fields *fields)
{
	uint8_t header[IP4_HEADER_LEN] = {0x45, fields->tos};
	uint16_t fragment = fields->fragment | (fields->may_not_fragment ? IP4_FRAGMENT_DF : 0);
	uint16_t checksum;

	store_be16(header + 2, (uint16_t)(IP4_HEADER_LEN + fields->payload_len));
	store_be16(header + 4, fields->id);
	store_be16(header + 6, fragment);
	header[8] = fields->ttl;
	header[9] = fields->protocol;
	memcpy(header + 12, fields->from.bytes + 12, 4);
	memcpy(header + 16, fields->to.bytes + 12, 4);
	checksum = checksum_fold(checksum_add(0, header, sizeof(header)));
	memcpy(header + 10, &checksum, sizeof(checksum));
	write_bytes(w, header, sizeof(header));
}

static void write_ip6(struct writer *w, const struct ip_fields *fields)
{
	write_be32(w, 6u << 28 | (uint32_t)fields->tos << 20);
	write_be16(w, (uint16_t)fields->payload_len);
	write_u8(w, fields->protocol);
	write_u8(w, fields->ttl);
	write_bytes(w, &fields->from, sizeof(fields->from));
	write_bytes(w, &fields->to, sizeof(fields->to));
}

void write_ip(struct writer *w, const struct ip_fields *fields)
{
	if (ip_is_v4(fields->to))
		write_ip4(w, fields);
	else
		write_ip6(w, fields);
}
