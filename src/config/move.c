/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another subnet for a hub: everything within the old one comes along. */
#include "config/config.h"

struct move {
	struct ip_prefix from, to; /* of the same length */
};

static void move_ip(const struct move *move, struct ip *ip)
{
	uint32_t host_bits = ~ip4_number(prefix_mask4(&move->from)), number;

	if (!prefix_contains(&move->from, *ip))
		return;
	number = ip4_number(ip_to_v4(*ip)) & host_bits;
	*ip = prefix_nth(&move->to, number);
}

static void move_nat(const struct move *move, struct nat_config *nat)
{
	for (size_t i = 0; i < nat->forward_count; i++)
		move_ip(move, &nat->forwards[i].guest.ip);
}

static void move_dhcp(const struct move *move, struct dhcp_config *dhcp)
{
	move_ip(move, &dhcp->pool_first);
	move_ip(move, &dhcp->pool_last);
	move_ip(move, &dhcp->router);
	for (size_t i = 0; i < dhcp->dns_count; i++)
		move_ip(move, &dhcp->dns[i]);
	move_ip(move, &dhcp->boot_server);
	for (size_t i = 0; i < dhcp->reservation_count; i++)
		move_ip(move, &dhcp->reservations[i].ip);
}

static void move_router(const struct move *move, struct router_config *router)
{
	move_ip(move, &router->address);
	for (size_t i = 0; i < router->route_count; i++)
		move_ip(move, &router->routes[i].via);
}

void hub_config_move(struct hub_config *hub, struct ip network)
{
	struct move move = {hub->subnet, {network, hub->subnet.len}};

	for (size_t i = 0; i < hub->port_count; i++) {
		switch (hub->ports[i].kind) {
		case PORT_KIND_NAT:
			move_nat(&move, &hub->ports[i].nat);
			break;
		case PORT_KIND_DHCP:
			move_dhcp(&move, &hub->ports[i].dhcp);
			break;
		case PORT_KIND_ROUTER:
			move_router(&move, &hub->ports[i].router);
			break;
		case PORT_KIND_HOST:
		case PORT_KIND_NETNS:
		case PORT_KIND_VM:
		case PORT_KIND_VHOST_USER:
		case PORT_KIND_VDE:
		case PORT_KIND_NIC:
		case PORT_KIND_LINK:
		case PORT_KIND_COUNT:
			break;
		}
	}
	hub->subnet = move.to;
}
