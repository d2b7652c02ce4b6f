/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `nic`. See kinds.h for what each function is. */
#pragma once

#include "daemon/world.h"

int kind_nic_open(struct world_port *port, struct error *error);
int kind_nic_make(struct world_port *port, struct error *error);
void kind_nic_describe(const struct world_port *port, json_t *details);
bool kind_nic_is_same_place(const struct port_config *from, const struct port_config *to);
