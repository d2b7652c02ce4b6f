/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds over a TAP: `host`, the host's own interface; `netns`, one in a network namespace. */
#pragma once

#include "daemon/world.h"

int kind_host_open(struct world_port *port, struct error *error) MUST_USE;
int kind_host_make(struct world_port *port, struct error *error) MUST_USE;
void kind_host_describe(const struct world_port *port, json_t *details);
bool kind_host_is_same_place(const struct port_config *from, const struct port_config *to);

/* What the hub's guests are told changed: the interface follows, unless it or its port was given
 * another MTU. What came as a descriptor is whoever's that made it. */
void kind_tap_retell(const struct world_port *port, uint32_t before, uint32_t mtu);

int kind_netns_open(struct world_port *port, struct error *error) MUST_USE;
int kind_netns_make(struct world_port *port, struct error *error) MUST_USE;
void kind_netns_describe(const struct world_port *port, json_t *details);
bool kind_netns_is_same_place(const struct port_config *from, const struct port_config *to);
