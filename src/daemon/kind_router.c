/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_router.h"

#include "base/log.h"
#include "base/random.h"
#include "daemon/identity.h"
#include "daemon/kind_dhcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAYS_MAX 1024 /* that a gateway on the hub serves */

int kind_router_make(struct world_port *port, struct error *error)
{
	const struct hub_config *hub = &port->hub->config;
	const struct router_config *config = &port->config.router;
	struct leg_settings settings = {
		.mac = port->config.has_mac ? port->config.mac
					    : identity_mac(&port->hub->world->identity, hub->name,
						      "router", config->router),
		.address = {config->address, hub->subnet.len},
		.address6 = {config->address6, hub->subnet6.len},
		.mtu = world_port_mtu(port),
		.key = {random_u64(), random_u64()},
	};
	int err = router_leg_new(worker_loop(port->hub->worker), &settings, &port->router, error);

	if (err)
		return err;
	port->port = router_leg_port(port->router);
	snprintf(port->port->name, sizeof(port->port->name), "%s", port->config.name);
	return 0;
}

bool kind_router_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return !strcmp(from->router.router, to->router.router);
}

bool kind_router_may_change(const struct port_config *from, const struct port_config *to)
{
	struct port_config other = *from;

	other.router.routes = to->router.routes;
	other.router.route_count = to->router.route_count;
	return port_config_equal(&other, to);
}

static bool is_leg_of(const struct world_port *port, const char *router)
{
	return port->config.kind == PORT_KIND_ROUTER && port->is_plugged &&
	       !strcmp(port->config.router.router, router);
}

/* All legs of a router in the world's order, at most max. */
static size_t legs_of(
	const struct world *world, const char *router, struct world_port **ret, size_t max)
{
	size_t count = 0;

	LIST_EACH(hub_node, &world->hubs) {
		struct world_hub *hub = LIST_ENTRY(hub_node, struct world_hub, node);

		LIST_EACH(node, &hub->ports) {
			struct world_port *port = LIST_ENTRY(node, struct world_port, node);

			if (is_leg_of(port, router) && count < max)
				ret[count++] = port;
		}
	}
	return count;
}

static struct ip_route *routes_of(const struct router_config *config)
{
	struct ip_route *routes = calloc(config->route_count + 1, sizeof(*routes));

	for (size_t i = 0; routes && i < config->route_count; i++)
		routes[i] = (struct ip_route){
			.to = config->routes[i].to, .via = config->routes[i].via};
	return routes;
}

/* The routes are to be freed. */
static struct router_member member_of(const struct world_port *port)
{
	const struct hub_config *hub = &port->hub->config;
	const struct router_config *config = &port->config.router;
	struct router_member member = {
		.leg = port->router,
		.worker = port->hub->worker,
		.site = {.info = {.address = config->address,
				 .address6 = config->address6,
				 .mtu = world_port_mtu(port)},
			.subnet = hub->subnet,
			.subnet6 = hub->subnet6,
			.routes = routes_of(config)},
	};

	memcpy(member.site.info.hub, hub->name, sizeof(hub->name));
	member.site.route_count = member.site.routes ? config->route_count : 0;
	return member;
}

static void join(struct world_port *const *legs, size_t count, const struct world_port *leaving)
{
	struct router_member members[ROUTER_LEGS_MAX + 1];
	struct router_member *gone = NULL;
	unsigned staying = 0;

	for (size_t i = 0; i < count; i++)
		if (legs[i] != leaving)
			members[staying++] = member_of(legs[i]);
	if (leaving) {
		gone = &members[staying];
		*gone = member_of(leaving);
	}
	if (router_join(members, staying, gone))
		log_error("router: out of memory");
	for (size_t i = 0; i < staying + !!gone; i++)
		free((void *)members[i].site.routes);
}

struct collection {
	const struct world_hub *hub;
	struct router_way *ways;
	size_t count, max;
};

static void collect(struct collection *c, const struct ip_prefix *to, struct ip via)
{
	if (!ip_is_none(via) && c->count < c->max)
		c->ways[c->count++] = (struct router_way){*to, via};
}

static struct ip address_for(const struct router_config *config, const struct ip_prefix *to)
{
	return ip_is_v4(to->address) ? config->address : config->address6;
}

/* here: the leg on the hub. */
static void collect_subnets(
	struct collection *c, const struct router_config *here, const struct world_port *leg)
{
	const struct hub_config *hub = &leg->hub->config;

	if (leg->hub == c->hub)
		return;
	collect(c, &hub->subnet, address_for(here, &hub->subnet));
	if (!ip_is_none(leg->config.router.address6))
		collect(c, &hub->subnet6, address_for(here, &hub->subnet6));
}

/* Those who are on the hub with the next router go to it without us; to a second subnet there they
 * do not know the way. */
static void collect_routes(
	struct collection *c, const struct router_config *here, const struct world_port *leg)
{
	const struct router_config *config = &leg->config.router;

	for (size_t i = 0; i < config->route_count; i++) {
		const struct route_config *route = &config->routes[i];

		bool is_past_us = leg->hub == c->hub && !ip_is_none(route->via);

		collect(c, &route->to, is_past_us ? route->via : address_for(here, &route->to));
	}
}

/* Subnets before what is behind them: there may be room for some only. */
static void collect_router(struct collection *c, const struct router_config *here)
{
	struct world_port *legs[ROUTER_LEGS_MAX] = {0};
	size_t count = legs_of(c->hub->world, here->router, legs, ARRAY_SIZE(legs));

	for (size_t i = 0; i < count; i++)
		collect_subnets(c, here, legs[i]);
	for (size_t i = 0; i < count; i++)
		collect_routes(c, here, legs[i]);
}

size_t kind_router_ways(const struct world_hub *hub, struct router_way *ret, size_t max)
{
	struct collection c = {.hub = hub, .ways = ret, .max = max};

	LIST_EACH(node, &hub->ports) {
		const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->config.kind == PORT_KIND_ROUTER && port->is_plugged)
			collect_router(&c, &port->config.router);
	}
	return c.count;
}

/* The hub's thread. */
static void tell_gateway(void *argument)
{
	struct world_port *port = argument;
	struct router_way *ways = calloc(WAYS_MAX, sizeof(*ways));
	struct ip_prefix *prefixes = calloc(WAYS_MAX, sizeof(*prefixes));
	size_t count = ways && prefixes ? kind_router_ways(port->hub, ways, WAYS_MAX) : 0, kept = 0;

	/* By a way to everywhere anybody could come: that is no guest. */
	for (size_t i = 0; i < count; i++)
		if (ways[i].to.len)
			prefixes[kept++] = ways[i].to;
	(void)!gateway_set_beyond(port->gateway, prefixes, kept);
	free(prefixes);
	free(ways);
}

static void refresh_neighbours(const struct world_hub *hub)
{
	struct world_port *dhcp = world_find_kind(hub, PORT_KIND_DHCP);
	struct world_port *nat = world_find_kind(hub, PORT_KIND_NAT);

	if (dhcp)
		kind_dhcp_refresh(dhcp);
	if (nat)
		worker_call(nat->hub->worker, tell_gateway, nat);
}

void kind_router_settle(struct world_port *port, bool is_leaving)
{
	struct world_port *legs[ROUTER_LEGS_MAX] = {0};
	size_t count = legs_of(
		port->hub->world, port->config.router.router, legs, ARRAY_SIZE(legs));

	join(legs, count, is_leaving ? port : NULL);
	if (is_leaving)
		port->is_plugged = false; /* for those who ask what is there */
	for (size_t i = 0; i < count; i++)
		refresh_neighbours(legs[i]->hub);
	port->is_plugged = true;
}

void kind_router_settle_neighbour(struct world_port *port, bool is_leaving)
{
	if (is_leaving)
		return;
	if (port->config.kind == PORT_KIND_DHCP)
		kind_dhcp_refresh(port);
	else
		worker_call(port->hub->worker, tell_gateway, port);
}

/* "10.0.0.0/8 via 192.168.56.9 on hub1" */
static json_t *route_text(const struct router_map *map, const struct ip_route *route)
{
	char to[PREFIX_TEXT_SIZE], via[IP_TEXT_SIZE];
	const char *hub = map->legs[route->leg].hub;

	prefix_format(&route->to, to);
	if (route->kind == ROUTE_LINK)
		return json_sprintf("%s on %s", to, hub);
	return json_sprintf("%s via %s on %s", to, ip_format(route->via, via), hub);
}

static void describe_map(const struct router_map *map, json_t *details)
{
	json_t *legs = json_array(), *routes = json_array();
	char text[IP_TEXT_SIZE], text6[IP_TEXT_SIZE];
	const struct ip_route *route;

	for (unsigned i = 0; i < map->leg_count; i++) {
		const struct router_leg_info *leg = &map->legs[i];

		json_array_append_new(legs,
			json_pack("{s:s, s:s, s:s*, s:i}", "hub", leg->hub, "address",
				ip_format(leg->address, text), "address6",
				ip_is_none(leg->address6) ? NULL : ip_format(leg->address6, text6),
				"mtu", (int)leg->mtu));
	}
	for (size_t i = 0; (route = ip_route_at(map->routes, i)); i++)
		if (route->kind == ROUTE_LINK || route->kind == ROUTE_VIA)
			json_array_append_new(routes, route_text(map, route));
	json_object_set_new(details, "legs", legs);
	json_object_set_new(details, "routes", routes);
}

void kind_router_describe(const struct world_port *port, json_t *details)
{
	const struct router_config *config = &port->config.router;
	const struct leg *leg = router_leg_machine(port->router);
	const struct leg_counters *c = &leg->counters;
	char text[IP_TEXT_SIZE];

	json_object_set_new(details, "router", json_string(config->router));
	json_object_set_new(details, "address", json_string(ip_format(config->address, text)));
	if (!ip_is_none(config->address6))
		json_object_set_new(
			details, "address6", json_string(ip_format(config->address6, text)));
	if (leg->map)
		describe_map(leg->map, details);
	json_object_set_new(details, "counters",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "forwarded",
			(json_int_t)c->forwarded, "fragmented", (json_int_t)c->fragmented,
			"time_exceeded", (json_int_t)c->time_exceeded, "no_route",
			(json_int_t)c->no_route, "no_neighbour", (json_int_t)c->no_neighbour,
			"too_big", (json_int_t)c->too_big, "errors", (json_int_t)c->errors));
}
