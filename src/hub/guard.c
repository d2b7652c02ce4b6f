/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/guard.h"

#include "wire/icmp.h"
#include "wire/packet.h"

enum {
	PORT_DHCP_SERVER = 67,
	PORT_DHCP_CLIENT = 68,
	PORT_DHCP6_CLIENT = 546,
	PORT_DHCP6_SERVER = 547,
};

static bool is_from_dhcp_server(const struct packet *packet)
{
	if (packet->protocol != IP_PROTOCOL_UDP)
		return false;
	return packet->version == 4 ? packet->from_port == PORT_DHCP_SERVER &&
					      packet->to_port == PORT_DHCP_CLIENT
				    : packet->from_port == PORT_DHCP6_SERVER &&
					      packet->to_port == PORT_DHCP6_CLIENT;
}

static bool is_from_router(const struct packet *packet, uint8_t type)
{
	if (packet->protocol == IP_PROTOCOL_ICMP)
		return packet->version == 4 && type == ICMP_REDIRECT;
	return packet->protocol == IP_PROTOCOL_ICMP6 && packet->version == 6 &&
	       (type == ICMP6_ROUTER_ADVERT || type == ICMP6_REDIRECT);
}

/* A first fragment tells by its ports or type what the whole is; one that hides them from us (RFC
 * 6980) hides them from hosts that obey it as well. */
static bool has_l4(const struct packet *packet)
{
	return packet->version && (!packet->is_fragment || !packet->fragment_offset);
}

bool guard_refuses(unsigned guards, const struct frame *frame)
{
	struct packet packet;

	if (!guards ||
		packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK ||
		!has_l4(&packet))
		return false;
	if (guards & GUARD_DHCP && is_from_dhcp_server(&packet))
		return true;
	return guards & GUARD_RA && packet.l4 < frame->head_len &&
	       is_from_router(&packet, frame->head[packet.l4]);
}
