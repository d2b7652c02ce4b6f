/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A router's ICMP errors. They go where the sender's packets would: not to the MAC address the
 * packet came from, and not always by the leg it came by.
 */
#include "ip/host_parts.h"
#include "ip/router/leg_parts.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"

#define ERROR4_MAX 576	       /* RFC 1812 4.3.2.3: bytes of IP packet */
#define ERROR6_MAX IP6_MTU_MIN /* RFC 4443 2.4(c) */
#define HEADER_TOS 0xc0	       /* RFC 1812 4.3.2.5: internetwork control */

struct message {
	struct ip_fields ip;
	uint8_t type, code;
	uint32_t rest;
};

/* RFC 1812 4.3.2.4: from an address of the leg that it leaves by. */
static struct ip own_address(const struct leg *leg, const struct ip_route *route, bool is_v4)
{
	const struct router_leg_info *info = &leg->map->legs[route->leg];

	return is_v4 ? info->address : info->address6;
}

static void write_icmp(uint8_t *bytes, const struct message *message, const struct frame *frame,
	const struct packet *packet)
{
	struct writer w = writer_on(bytes, ip_header_len(message->ip.to));
	uint32_t len = message->ip.payload_len;
	uint8_t *icmp = bytes + ip_header_len(message->ip.to);
	uint32_t sum = 0;
	uint16_t checksum;

	write_ip(&w, &message->ip);
	memset(icmp, 0, ICMP_HEADER_LEN);
	icmp[0] = message->type;
	icmp[1] = message->code;
	store_be32(icmp + 4, message->rest);
	frame_copy(frame, packet->l3, icmp + ICMP_HEADER_LEN, len - ICMP_HEADER_LEN);
	if (packet->version == 6)
		sum = checksum_pseudo(message->ip.from, message->ip.to, IP_PROTOCOL_ICMP6, len);
	checksum = checksum_fold(checksum_add(sum, icmp, len));
	memcpy(icmp + 2, &checksum, sizeof(checksum));
}

static uint32_t quote_len(const struct packet *packet)
{
	uint32_t most = packet->version == 4 ? ERROR4_MAX : ERROR6_MAX;

	return MIN(packet->end - packet->l3,
		most - ip_header_len(packet->from) - (uint32_t)ICMP_HEADER_LEN);
}

static void send(struct leg *leg, const struct ip_route *route, struct message *message,
	const struct frame *frame, const struct packet *packet)
{
	struct handed *handed;

	message->ip.payload_len = ICMP_HEADER_LEN + quote_len(packet);
	handed = leg_reserve(
		leg, route, packet->from, ip_header_len(packet->from) + message->ip.payload_len);
	if (!handed)
		return;
	write_icmp(handed->bytes + ETH_HEADER_LEN, message, frame, packet);
	handed->offload = (struct offload){0};
	handover_commit(leg->map->to[route->leg], handed);
	leg->counters.errors++;
}

/* RFC 1122 3.2.2, RFC 4443 2.4(e): groups are not forwarded, so it is not about them. */
static bool may_complain(
	const struct leg *leg, const struct frame *frame, const struct packet *packet)
{
	return leg->map && !packet->fragment_offset && !is_icmp_error(frame, packet);
}

static bool is_way_back(const struct ip_route *route)
{
	return route && (route->kind == ROUTE_LINK || route->kind == ROUTE_VIA);
}

void leg_complain(struct leg *leg, uint8_t type, uint8_t code, uint32_t rest,
	const struct frame *frame, const struct packet *packet, nsec now)
{
	bool is_v4 = packet->version == 4;
	struct message message = {.type = type,
		.code = code,
		.rest = rest,
		.ip = {.to = packet->from,
			.protocol = is_v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6,
			.ttl = HOST_TTL,
			.tos = HEADER_TOS,
			.id = leg->host.next_id}};
	const struct ip_route *route;

	if (!may_complain(leg, frame, packet))
		return;
	route = ip_route_find(leg->map->routes, packet->from);
	if (!is_way_back(route) || !icmp_take_token(&leg->host, now))
		return;
	message.ip.from = own_address(leg, route, is_v4);
	leg->host.next_id += 1 + !(uint16_t)(leg->host.next_id + 1); /* never 0: that is none */
	if (!ip_is_none(message.ip.from))
		send(leg, route, &message, frame, packet);
}

void leg_complain_unreachable(struct leg *leg, bool has_route, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	if (packet->version == 4)
		leg_complain(leg, ICMP_UNREACHABLE,
			has_route ? ICMP_HOST_UNREACHABLE : ICMP_NET_UNREACHABLE, 0, frame, packet,
			now);
	else
		leg_complain(leg, ICMP6_UNREACHABLE,
			has_route ? ICMP6_ADDRESS_UNREACHABLE : ICMP6_NO_ROUTE, 0, frame, packet,
			now);
}
