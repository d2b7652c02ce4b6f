/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/udp.h"

#include "wire/checksum.h"
#include "wire/ip.h"

void write_udp(struct writer *w, const struct endpoint *from, const struct endpoint *to,
	const void *payload, uint32_t len)
{
	uint32_t sum = checksum_pseudo(from->ip, to->ip, IP_PROTOCOL_UDP, UDP_HEADER_LEN + len);
	uint8_t header[UDP_HEADER_LEN] = {0};
	uint16_t checksum;

	store_be16(header, from->port);
	store_be16(header + 2, to->port);
	store_be16(header + 4, (uint16_t)(UDP_HEADER_LEN + len));
	sum = checksum_add(sum, header, sizeof(header));
	checksum = checksum_fold(checksum_add(sum, payload, len));
	if (!checksum)
		checksum = 0xffff; /* RFC 768: zero means there is none */
	memcpy(header + UDP_CHECKSUM_OFFSET, &checksum, sizeof(checksum));
	write_bytes(w, header, sizeof(header));
}
