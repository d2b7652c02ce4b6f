/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legs of routers: those with the same name are one router (service/router.h). */
#pragma once

#include "daemon/world.h"

int kind_router_make(struct world_port *port, struct error *error) MUST_USE;
void kind_router_describe(const struct world_port *port, json_t *details);
bool kind_router_is_same_place(const struct port_config *from, const struct port_config *to);
bool kind_router_may_change(const struct port_config *from, const struct port_config *to);
void kind_router_settle(struct world_port *port, bool is_leaving);
/* Of the kinds that tell the hub's guests of routers, or hear from those beyond. */
void kind_router_settle_neighbour(struct world_port *port, bool is_leaving);

/* What can be reached from a hub that has a leg, and is not on it. */
struct router_way {
	struct ip_prefix to;
	struct ip via; /* on the hub: the leg's address, or where a route of it leads */
};
/* Returns how many were written, at most max. Control thread, or any while that waits. */
size_t kind_router_ways(const struct world_hub *hub, struct router_way *ret, size_t max);
