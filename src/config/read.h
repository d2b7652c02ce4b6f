/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a port from its mapping, wherever that comes from. */
#pragma once

#include "config/config.h"
#include "config/tree.h"

/* The key "kind"; paths through the node tell it from then on. */
int read_kind(struct node *node, enum port_kind *ret_kind, struct error *error) MUST_USE;
/* The rest. port: zero but for its kind; its owner ends it, also after an error. hub: complete but
 * for its ports' values; or NULL. */
int read_port(const struct node *node, const struct hub_config *hub, struct port_config *port,
	struct error *error) MUST_USE;
