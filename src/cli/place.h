/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hub8" or "hub8.3" as typed: a hub, and perhaps one of its ports by slot or name. */
#pragma once

#include "cli/api.h"
#include "cli/call.h"

struct place_name {
	char *hub, *port; /* escaped for a path; port NULL: the hub */
};

/* False: no memory. place_name_done() ends it. */
bool place_name_read(struct api *api, const char *text, struct place_name *ret) MUST_USE;
/* The same of a port or entrance, which may be named without its hub where one alone has the name.
 * 0, or an exit code and call->error. */
int place_name_find(struct call *call, struct api *api, const char *text, struct place_name *ret);
void place_name_done(struct place_name *place);
