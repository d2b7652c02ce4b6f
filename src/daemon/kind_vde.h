/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `vde`: a VDE switch, or a plug in one. See kinds.h for what each function is. */
#pragma once

#include "daemon/world.h"

int kind_vde_open_entrance(struct world_port *entrance, struct error *error);
void kind_vde_close_entrance(struct world_port *entrance);
int kind_vde_make(struct world_port *port, struct error *error);
void kind_vde_describe(const struct world_port *port, json_t *details);
