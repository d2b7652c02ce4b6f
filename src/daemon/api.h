/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The API of docs/api.md: one table of routes (api.c), a file for each group of handlers. Handlers
 * run on the control thread, look things up, act or copy, and fill the reply.
 */
#pragma once

#include "daemon/reply.h"
#include "daemon/world.h"

struct api;

/* Answers on the socket at path. */
int api_open(
	struct world *world, const char *path, struct api **ret_api, struct error *error) MUST_USE;
/* Ends every connection. NULL is fine. */
void api_close(struct api *api);
struct world *api_world(const struct api *api);
/* The table itself, for whoever checks the documents against it. */
const struct route *api_routes(size_t *ret_count);

/* What the path names; NULL: the reply is a 404 already. */
struct world_hub *api_find_hub(struct api *api, const struct request *request, struct reply *reply);
struct world_port *api_find_port(
	struct api *api, const struct request *request, struct reply *reply);
/* The hub's one port of the kind; NULL: likewise. */
struct world_port *api_find_kind(
	struct api *api, const struct request *request, enum port_kind kind, struct reply *reply);
/* The body as a JSON object; NULL: the reply is a 400 already. */
json_t *api_body(const struct request *request, struct reply *reply);
