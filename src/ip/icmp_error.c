/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/icmp_error.h"

#include "wire/checksum.h"
#include "wire/icmp.h"

#define INTERVAL   (NSEC_PER_SEC / 100)
#define BURST	   NSEC_PER_SEC
#define ERROR4_MAX 576	       /* RFC 1812 4.3.2.3: bytes of IP packet */
#define ERROR6_MAX IP6_MTU_MIN /* RFC 4443 2.4(c) */
#define HEADER_TTL 64
#define HEADER_TOS 0xc0 /* RFC 1812 4.3.2.5: internetwork control */

bool is_icmp_error(const struct frame *frame, const struct packet *packet)
{
	uint8_t type;

	if (packet->version == 4 && packet->protocol != IP_PROTOCOL_ICMP)
		return false;
	if (packet->version == 6 && packet->protocol != IP_PROTOCOL_ICMP6)
		return false;
	if (packet->l4 >= frame->head_len)
		return true; /* for all we know */
	type = frame->head[packet->l4];
	if (packet->version == 6)
		return type < ICMP6_ECHO_REQUEST;
	return type != ICMP_ECHO_REPLY && type != ICMP_ECHO_REQUEST && type < 13;
}

bool icmp_error_may_be(const struct frame *frame, const struct packet *packet)
{
	return !packet->fragment_offset && !is_icmp_error(frame, packet);
}

/* A bucket of tokens, held as the time when it is full. */
bool icmp_error_take_token(nsec *full_at, nsec now)
{
	nsec due = MAX(*full_at, now);

	if (due - now > BURST - INTERVAL)
		return false;
	*full_at = due + INTERVAL;
	return true;
}

uint32_t icmp_error_quote_len(const struct packet *packet)
{
	uint32_t most = packet->version == 4 ? ERROR4_MAX : ERROR6_MAX;

	return MIN(packet->end - packet->l3,
		most - ip_header_len(packet->from) - (uint32_t)ICMP_HEADER_LEN);
}

uint32_t icmp_error_len(const struct packet *packet)
{
	return ip_header_len(packet->from) + ICMP_HEADER_LEN + icmp_error_quote_len(packet);
}

void icmp_error_write(uint8_t *bytes, const struct icmp_error *error, const struct frame *frame,
	const struct packet *packet)
{
	const bool is_v4 = packet->version == 4;
	const unsigned header_len = ip_header_len(packet->from);
	const struct ip_fields ip = {.from = error->from,
		.to = packet->from,
		.protocol = is_v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6,
		.ttl = HEADER_TTL,
		.tos = HEADER_TOS,
		.id = error->id,
		.payload_len = icmp_error_len(packet) - header_len};
	struct writer w = writer_on(bytes, header_len);
	uint8_t *icmp = bytes + header_len;
	uint32_t sum = 0;
	uint16_t checksum;

	write_ip(&w, &ip);
	memset(icmp, 0, ICMP_HEADER_LEN);
	icmp[0] = error->type;
	icmp[1] = error->code;
	store_be32(icmp + 4, error->rest);
	frame_copy(frame, packet->l3, icmp + ICMP_HEADER_LEN, ip.payload_len - ICMP_HEADER_LEN);
	if (!is_v4)
		sum = checksum_pseudo(ip.from, ip.to, ip.protocol, ip.payload_len);
	checksum = checksum_fold(checksum_add(sum, icmp, ip.payload_len));
	memcpy(icmp + 2, &checksum, sizeof(checksum));
}
