/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one leg knows of its router: all the legs, where packets go, and the rings to and from each.
 * Each leg has a map of its own, made while no leg has it; a change is another map.
 */
#pragma once

#include "ip/router/handover.h"
#include "ip/router/route.h"

#define ROUTER_LEGS_MAX	    16
#define ROUTER_HUB_NAME_MAX 16

struct router_leg_info {
	char hub[ROUTER_HUB_NAME_MAX];
	struct ip address, address6; /* address6 may be none */
	uint32_t mtu;
};

struct router_map {
	unsigned self, leg_count;
	struct router_leg_info legs[ROUTER_LEGS_MAX];
	struct route_table *routes;
	/* to[i]: written by this leg, in the map of leg i its in[self]. in[self] is a ring as well:
	 * a packet that leaves where it came from waits there until the hub is done. */
	struct handover *to[ROUTER_LEGS_MAX];
	struct handover *in[ROUTER_LEGS_MAX]; /* this map's own */
};

/* One leg, as whoever knows all of them describes it. */
struct router_site {
	struct router_leg_info info;
	struct ip_prefix subnet, subnet6; /* subnet6 may be none */
	const struct ip_route *routes;	  /* by this leg; to and via count, via none: on its hub */
	size_t route_count;
};

/* Fills maps[0 .. count), one for each site, joined to each other by rings of ring_size bytes
 * (handover.h). -ENOMEM: none is made. */
int router_maps_new(const struct router_site *sites, unsigned count, size_t ring_size,
	struct router_map **ret_maps) MUST_USE;
/* The rings that this leg reads, and the map. NULL is fine. */
void router_map_free(struct router_map *map);
