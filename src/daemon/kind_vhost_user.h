/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `vhost-user`. See kinds.h for what each function is. */
#pragma once

#include "daemon/world.h"

int kind_vhost_user_open_entrance(struct world_port *entrance, struct error *error);
int kind_vhost_user_make(struct world_port *port, struct error *error);
void kind_vhost_user_describe(const struct world_port *port, json_t *details);
