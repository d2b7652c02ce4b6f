/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `dhcp`: the DHCP server of a hub. */
#pragma once

#include "daemon/world.h"

int kind_dhcp_make(struct world_port *port, struct error *error) MUST_USE;
/* What guests are told has changed, but not in its own settings. Control thread. */
void kind_dhcp_refresh(struct world_port *port);
void kind_dhcp_describe(const struct world_port *port, json_t *details);
/* All but the port's own address and MTU. */
bool kind_dhcp_may_change(const struct port_config *from, const struct port_config *to);
int kind_dhcp_change(
	struct world_port *port, const struct port_config *from, struct error *error) MUST_USE;
