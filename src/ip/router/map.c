/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/router/map.h"

#include <errno.h>
#include <stdlib.h>

#define ROUTES_OF_A_LEG                                                                            \
	6 /* besides those given: two addresses, two subnets, and who is in no one's */
#define ROUTES_OF_A_LINK 3 /* a second subnet, and who is in no one's */

/* Routes of all legs, while they are put together. */
struct plan {
	struct ip_route *routes;
	size_t count;
};

static void add(
	struct plan *plan, enum ip_route_kind kind, unsigned leg, struct ip ip, unsigned len)
{
	plan->routes[plan->count++] = (struct ip_route){.to = {ip, len}, .leg = leg, .kind = kind};
}

static void add_site(struct plan *plan, const struct router_site *site, unsigned leg)
{
	const struct router_leg_info *info = &site->info;

	add(plan, ROUTE_OWN, leg, info->address, 32);
	add(plan, ROUTE_LINK, leg, site->subnet.address, site->subnet.len);
	add(plan, ROUTE_GROUP, leg, prefix_nth(&site->subnet, 0), 32);
	add(plan, ROUTE_GROUP, leg, prefix_last(&site->subnet), 32);
	if (ip_is_none(info->address6))
		return;
	add(plan, ROUTE_OWN, leg, info->address6, 128);
	add(plan, ROUTE_LINK, leg, site->subnet6.address, site->subnet6.len);
}

/* A second subnet on the leg's hub. */
static void add_link(struct plan *plan, const struct ip_prefix *to, unsigned leg)
{
	add(plan, ROUTE_LINK, leg, to->address, to->len);
	if (!ip_is_v4(to->address) || to->len >= 31) /* RFC 3021 */
		return;
	add(plan, ROUTE_GROUP, leg, prefix_nth(to, 0), 32);
	add(plan, ROUTE_GROUP, leg, prefix_last(to), 32);
}

static void add_static(struct plan *plan, const struct router_site *site, unsigned leg)
{
	for (size_t i = 0; i < site->route_count; i++) {
		const struct ip_route *given = &site->routes[i];

		if (ip_is_none(given->via)) {
			add_link(plan, &given->to, leg);
			continue;
		}
		add(plan, ROUTE_VIA, leg, given->to.address, given->to.len);
		plan->routes[plan->count - 1].via = given->via;
	}
}

/* What is on a link goes before what somebody said of it. */
static int make_plan(struct plan *plan, const struct router_site *sites, unsigned count)
{
	size_t max = 1;

	for (unsigned i = 0; i < count; i++)
		max += ROUTES_OF_A_LEG + sites[i].route_count * ROUTES_OF_A_LINK;
	*plan = (struct plan){.routes = calloc(max, sizeof(*plan->routes))};
	if (!plan->routes)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		add_site(plan, &sites[i], i);
	for (unsigned i = 0; i < count; i++)
		add_static(plan, &sites[i], i);
	return 0;
}

static struct router_map *map_new(const struct plan *plan, unsigned count, size_t ring_size)
{
	struct router_map *map = calloc(1, sizeof(*map));
	bool is_complete;

	if (!map)
		return NULL;
	map->leg_count = count;
	map->routes = route_table_new(plan->routes, plan->count);
	is_complete = map->routes;
	for (unsigned i = 0; i < count; i++) {
		map->in[i] = handover_new(ring_size);
		is_complete = is_complete && map->in[i];
	}
	if (is_complete)
		return map;
	router_map_free(map);
	return NULL;
}

int router_maps_new(const struct router_site *sites, unsigned count, size_t ring_size,
	struct router_map **ret_maps)
{
	struct router_map *maps[ROUTER_LEGS_MAX] = {0};
	struct plan plan;
	int err = make_plan(&plan, sites, count);

	for (unsigned i = 0; i < count && !err; i++) {
		maps[i] = map_new(&plan, count, ring_size);
		err = maps[i] ? 0 : -ENOMEM;
	}
	free(plan.routes);
	for (unsigned i = 0; i < count && err; i++)
		router_map_free(maps[i]);
	for (unsigned i = 0; i < count && !err; i++) {
		maps[i]->self = i;
		for (unsigned j = 0; j < count; j++) {
			maps[i]->legs[j] = sites[j].info;
			maps[i]->to[j] = maps[j]->in[i];
		}
		ret_maps[i] = maps[i];
	}
	return err;
}

void router_map_free(struct router_map *map)
{
	if (!map)
		return;
	for (unsigned i = 0; i < map->leg_count; i++)
		handover_free(map->in[i]);
	route_table_free(map->routes);
	free(map);
}
