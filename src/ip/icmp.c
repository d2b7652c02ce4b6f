/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's ICMP and ICMPv6: it answers echo requests, and says what was wrong with a packet. */
#include "wire/icmp.h"

#include "ip/checksum.h"
#include "ip/host_parts.h"
#include "ip/icmp_error.h"
#include "wire/checksum.h"
#include "wire/eth.h"

bool host_post_icmp(struct host *host, const struct icmp_send *send, nsec now)
{
	uint8_t header[ICMP_HEADER_LEN] = {send->type, send->code};
	bool is_v4 = ip_is_v4(send->to);
	uint8_t protocol = is_v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6;
	struct ip_send ip = {.to_mac = send->to_mac,
		.ip = {.from = send->from,
			.to = send->to,
			.protocol = protocol,
			.ttl = send->ttl,
			.tos = send->tos},
		.l4 = header,
		.l4_len = ICMP_HEADER_LEN,
		.data = send->data,
		.len = send->len};
	uint32_t sum = 0;
	uint16_t checksum;

	store_be32(header + 4, send->rest);
	if (!is_v4)
		sum = checksum_pseudo(send->from, send->to, protocol, ICMP_HEADER_LEN + send->len);
	sum = checksum_add(sum, header, sizeof(header));
	checksum = checksum_fold(checksum_add(sum, send->data, send->len));
	memcpy(header + 2, &checksum, sizeof(checksum));
	return host_post_ip(host, &ip, now);
}

static void echo(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct icmp_send send = {.from = packet->to,
		.to = packet->from,
		.to_mac = frame_from(frame),
		.tos = packet->tos,
		.type = packet->version == 4 ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY,
		.rest = load_be32(frame->head + packet->l4 + 4),
		.len = packet->end - packet->payload};
	uint8_t *copy = host_copy_room(host, send.len, now);

	if (!copy)
		return;
	frame_copy(frame, packet->payload, copy, send.len);
	send.data = copy;
	host_post_icmp(host, &send, now);
}

void icmp_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	const uint8_t *icmp = frame->head + packet->l4;
	uint8_t request = packet->version == 4 ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST;

	if (!host_checksum_is_right(frame, packet))
		port_drop(&host->port, DROP_CHECKSUM, frame);
	else if (icmp[0] != request || icmp[1])
		port_drop(&host->port, DROP_UNWANTED, frame);
	else
		echo(host, frame, packet, now);
}

/* RFC 4443 2.4(e.3): IPv6 groups do hear of packets that are too big. */
static bool may_be_group(const struct packet *packet, uint8_t type)
{
	return packet->version == 6 && type == ICMP6_TOO_BIG;
}

/* RFC 1122 3.2.2, RFC 4443 2.4(e). */
static bool may_complain(const struct host *host, uint8_t type, const struct frame *frame,
	const struct packet *packet)
{
	if (!icmp_error_may_be(frame, packet))
		return false;
	if ((mac_is_group(frame_to(frame)) || is_group_address(host, packet->to)) &&
		!may_be_group(packet, type))
		return false;
	return is_possible_peer(host, packet->from);
}

void host_send_icmp_error(struct host *host, struct ip from, uint8_t type, uint8_t code,
	uint32_t rest, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct icmp_send send = {.from = from,
		.to = packet->from,
		.type = type,
		.code = code,
		.rest = rest,
		.len = icmp_error_quote_len(packet)};
	uint8_t *quote;

	if (!may_complain(host, type, frame, packet) ||
		!icmp_error_take_token(&host->icmp_due, now))
		return;
	if (ip_is_none(from))
		send.from = host_address_for(host, packet->from);
	quote = host_copy_room(host, send.len, now);
	if (!quote)
		return;
	frame_copy(frame, packet->l3, quote, send.len);
	send.data = quote;
	send.to_mac = frame_from(frame);
	host_post_icmp(host, &send, now);
}
