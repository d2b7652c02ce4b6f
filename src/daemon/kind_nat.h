/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `nat`: the gateway of a hub, with its forwards and the DNS proxy at its address. */
#pragma once

#include "daemon/world.h"

int kind_nat_open(struct world_port *port, struct error *error) MUST_USE;
int kind_nat_make(struct world_port *port, struct error *error) MUST_USE;
void kind_nat_end(struct world_port *port);
void kind_nat_describe(const struct world_port *port, json_t *details);
/* Forwards and resolvers come and go while flows live on; nothing else does. */
bool kind_nat_may_change(const struct port_config *from, const struct port_config *to);
int kind_nat_open_change(
	struct world_port *port, const struct port_config *to, struct error *error) MUST_USE;
int kind_nat_change(
	struct world_port *port, const struct port_config *from, struct error *error) MUST_USE;
