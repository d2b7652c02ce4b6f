/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A link as wg(8) sees it: its socket here, its answers from the hub's thread. */
#pragma once

#include "daemon/wg_socket.h"
#include "daemon/world.h"

struct link;
struct link_wg;

/* link: the hub's thread's, where there may be one now and none later. NULL: there is no such
 * socket. */
struct link_wg *link_wg_open(const struct world_port *entrance, struct link *const *link);
void link_wg_close(struct link_wg *wg);
