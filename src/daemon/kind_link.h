/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `link`: a relay that others join, or the way to one. Each is an entrance whose clients
 * are members' ports. See kinds.h for what each function is. */
#pragma once

#include "daemon/world.h"

int kind_link_open_entrance(struct world_port *entrance, struct error *error);
void kind_link_close_entrance(struct world_port *entrance);
void kind_link_on_plugged(struct world_port *entrance);
void kind_link_settle(struct world_port *port, bool is_leaving);
int kind_link_make(struct world_port *port, struct error *error);
void kind_link_describe(const struct world_port *port, json_t *details);
bool kind_link_may_change(const struct port_config *from, const struct port_config *to);
/* What the hub's guests are told of: its MTU where one is given, else what its links carry, those
 * of a file that are still to come among them. */
uint32_t kind_link_told_mtu(const struct world_hub *hub);
/* Tells them, where that is another by now. */
void kind_link_tell_guests(struct world_hub *hub);
/* The least of the links that a hub is to have; UINT32_MAX: it has none. */
uint32_t kind_link_wished_mtu(const struct hub_config *hub);
bool kind_link_is_same_place(const struct port_config *from, const struct port_config *to);
