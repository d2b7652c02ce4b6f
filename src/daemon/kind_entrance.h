/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds with an entrance share: vm, vhost-user, vde. Control thread. */
#pragma once

#include "daemon/entrance.h"
#include "daemon/world.h"

/* What the entrance listens at or dials. suffix: of the path in the runtime directory that it has
 * where nobody chose one, "sock" for "hub8.sock". */
char *kind_entrance_place(
	const struct world_port *entrance, const char *suffix, char place[ENTRANCE_PLACE_SIZE]);
/* The users who may come in by a path. */
const char *kind_entrance_group(const struct world_port *entrance);
/* Each who connects becomes a client (world_client_plug). */
int kind_entrance_open(
	struct world_port *entrance, const char *suffix, struct error *error) MUST_USE;
/* The same at this place. */
int kind_entrance_open_at(
	struct world_port *entrance, const char *place, struct error *error) MUST_USE;
void kind_entrance_close(struct world_port *entrance);
void kind_entrance_describe(const struct world_port *entrance, const char *suffix, json_t *details);
bool kind_entrance_is_same_place(const struct port_config *from, const struct port_config *to);
