/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A router's ICMP errors. They go where the sender's packets would: not to the MAC address the
 * packet came from, and not always by the leg it came by.
 */
#include "ip/icmp_error.h"
#include "ip/router/leg_parts.h"
#include "wire/eth.h"
#include "wire/icmp.h"

/* RFC 1812 4.3.2.4: from an address of the leg that it leaves by. */
static struct ip own_address(const struct leg *leg, const struct ip_route *route, bool is_v4)
{
	const struct router_leg_info *info = &leg->map->legs[route->leg];

	return is_v4 ? info->address : info->address6;
}

static void send(struct leg *leg, const struct ip_route *route, const struct icmp_error *error,
	const struct frame *frame, const struct packet *packet)
{
	struct handed *handed = leg_reserve(leg, route, packet->from, icmp_error_len(packet));

	if (!handed)
		return;
	icmp_error_write(handed->bytes + ETH_HEADER_LEN, error, frame, packet);
	handed->offload = (struct offload){0};
	handover_commit(leg->map->to[route->leg], handed);
	leg->counters.errors++;
}

static bool is_way_back(const struct ip_route *route)
{
	return route && (route->kind == ROUTE_LINK || route->kind == ROUTE_VIA);
}

void leg_complain(struct leg *leg, uint8_t type, uint8_t code, uint32_t rest,
	const struct frame *frame, const struct packet *packet, nsec now)
{
	struct icmp_error error = {
		.type = type, .code = code, .rest = rest, .id = leg->host.next_id};
	const struct ip_route *route;

	/* RFC 1122 3.2.2, RFC 4443 2.4(e): groups are not forwarded, so it is not about them. */
	if (!leg->map || !icmp_error_may_be(frame, packet))
		return;
	route = ip_route_find(leg->map->routes, packet->from);
	if (!is_way_back(route) || !icmp_error_take_token(&leg->host.icmp_due, now))
		return;
	error.from = own_address(leg, route, packet->version == 4);
	leg->host.next_id += 1 + !(uint16_t)(leg->host.next_id + 1); /* never 0: that is none */
	if (!ip_is_none(error.from))
		send(leg, route, &error, frame, packet);
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
