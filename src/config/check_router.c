/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legs of routers: whether their addresses are free, and their routes lead somewhere. */
#include "config/check_parts.h"

#include <string.h>

#define LEGS_MAX	16 /* ip/router/map.h: ROUTER_LEGS_MAX */
#define RESERVED6_COUNT 3  /* the network's own address, the host's, the gateway's */

static bool is_leg_of(const struct port_config *port, const char *router)
{
	return port->kind == PORT_KIND_ROUTER && !strcmp(port->router.router, router);
}

static bool check_pool(const struct site *site, struct ip ip, const struct dhcp_config *dhcp)
{
	uint32_t number = ip4_number(ip_to_v4(ip));
	char text[IP_TEXT_SIZE];

	if (number >= ip4_number(ip_to_v4(dhcp->pool_first)) &&
		number <= ip4_number(ip_to_v4(dhcp->pool_last)))
		return complain(site, "%s is in the pool that the hub's dhcp port gives away",
			ip_format(ip, text));
	for (size_t i = 0; i < dhcp->reservation_count; i++)
		if (ip_equal(dhcp->reservations[i].ip, ip))
			return complain(
				site, "%s is reserved by the hub's dhcp port", ip_format(ip, text));
	return true;
}

static bool check_not_a_legs(const struct site *site, struct ip ip, const struct port_config *other)
{
	char text[IP_TEXT_SIZE];

	return (!ip_equal(other->router.address, ip) && !ip_equal(other->router.address6, ip)) ||
	       complain(site, "%s is the address of ports[%zu] already", ip_format(ip, text),
		       (size_t)(other - site->hub->ports));
}

static bool check_address(const struct site *port)
{
	struct site site = site_of_key(port, "address");
	const struct hub_config *hub = port->hub;
	struct ip ip = port->port->router.address;

	if (!check_inside(&site, ip, &hub->subnet) || !check_free_for_guest(&site, ip))
		return false;
	for (size_t i = 0; i < hub->port_count; i++) {
		const struct port_config *other = &hub->ports[i];

		if (other->kind == PORT_KIND_DHCP && !check_pool(&site, ip, &other->dhcp))
			return false;
		if (other < port->port && other->kind == PORT_KIND_ROUTER &&
			!check_not_a_legs(&site, ip, other))
			return false;
	}
	return true;
}

static bool check_address6(const struct site *port)
{
	struct site site = site_of_key(port, "address6");
	const struct hub_config *hub = port->hub;
	struct ip ip = port->port->router.address6;
	char text[IP_TEXT_SIZE];

	if (ip_is_none(ip))
		return true;
	if (!hub->has_subnet6)
		return complain(&site, "%s has no place: %s has no subnet6", ip_format(ip, text),
			hub->name);
	if (!check_inside(&site, ip, &hub->subnet6))
		return false;
	for (uint32_t i = 0; i < RESERVED6_COUNT; i++)
		if (ip_equal(ip, prefix_nth(&hub->subnet6, i)))
			return complain(&site, "%s is the network's, the host's or the gateway's",
				ip_format(ip, text));
	for (const struct port_config *other = hub->ports; other < port->port; other++)
		if (other->kind == PORT_KIND_ROUTER && !check_not_a_legs(&site, ip, other))
			return false;
	return true;
}

static bool is_same_prefix(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(a->address, b->address);
}

static const struct route_config *find_route(
	const struct router_config *router, size_t count, const struct ip_prefix *to)
{
	for (size_t i = 0; i < count; i++)
		if (is_same_prefix(&router->routes[i].to, to))
			return &router->routes[i];
	return NULL;
}

static bool check_family6(const struct site *site)
{
	return !ip_is_none(site->port->router.address6) ||
	       complain(site, "needs an address6; %s has no IPv6 address on %s",
		       site->port->router.router, site->hub->name);
}

/* A second subnet on the hub. */
static bool check_on_link(const struct site *site, const struct ip_prefix *to)
{
	char text[PREFIX_TEXT_SIZE];

	if (!to->len)
		return complain(site, "%s is everywhere, and no hub is", prefix_format(to, text));
	return ip_is_v4(to->address) || check_family6(site);
}

/* On the hub, and not ourselves: a route to us would lead nowhere. */
static bool check_via(const struct site *site, const struct route_config *route)
{
	const struct router_config *router = &site->port->router;
	const struct hub_config *hub = site->hub;
	char text[IP_TEXT_SIZE];

	if (ip_is_none(route->via))
		return check_on_link(site, &route->to);
	if (ip_equal(route->via, router->address) || ip_equal(route->via, router->address6))
		return complain(site, "%s is this leg's own address", ip_format(route->via, text));
	if (ip_is_v4(route->via))
		return check_inside(site, route->via, &hub->subnet);
	if (!check_family6(site))
		return false;
	return ip_is_link_local(route->via) || check_inside(site, route->via, &hub->subnet6);
}

static bool check_routes(const struct site *port)
{
	const struct router_config *router = &port->port->router;
	char text[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < router->route_count; i++) {
		struct site site = site_of_item(port, "routes", i);

		if (!check_via(&site, &router->routes[i]))
			return false;
		if (find_route(router, i, &router->routes[i].to))
			return complain(&site, "%s has a route already",
				prefix_format(&router->routes[i].to, text));
	}
	return true;
}

bool check_router(const struct site *port)
{
	struct site site = site_of_key(port, "router");
	const struct hub_config *hub = port->hub;

	for (const struct port_config *other = hub->ports; other < port->port; other++)
		if (is_leg_of(other, port->port->router.router))
			return complain(&site, "'%s' has a leg on %s already, ports[%zu]",
				port->port->router.router, hub->name, (size_t)(other - hub->ports));
	return check_address(port) && check_address6(port) && check_routes(port);
}

bool check_router_and_hub(const struct site *port, const struct hub_config *other)
{
	const struct router_config *own = &port->port->router;
	char text[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < other->port_count; i++) {
		const struct port_config *leg = &other->ports[i];

		if (!is_leg_of(leg, own->router))
			continue;
		for (size_t j = 0; j < own->route_count; j++) {
			struct site site = site_of_item(port, "routes", j);

			if (find_route(&leg->router, leg->router.route_count, &own->routes[j].to))
				return complain(&site, "%s has a route by the leg on %s already",
					prefix_format(&own->routes[j].to, text), other->name);
		}
	}
	return true;
}

bool check_router_size(const struct site *port, const struct config *config)
{
	struct site site = site_of_key(port, "router");
	unsigned count = 0;

	for (size_t i = 0; i < config->hub_count; i++)
		for (size_t j = 0; j < config->hubs[i].port_count; j++)
			count += is_leg_of(&config->hubs[i].ports[j], port->port->router.router);
	return count <= LEGS_MAX || complain(&site, "'%s' has %u legs; at most %d are allowed",
					    port->port->router.router, count, LEGS_MAX);
}
