/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of what can be plugged: how each kind is made from its wish, changed and shown. */
#pragma once

#include "daemon/vmnet_kind.h"
#include "daemon/world.h"

struct kind {
	/* It has an entrance (docs/ports.md) where it is not given a descriptor: opened here, each
	 * client that comes in is made by make(). Control thread. NULL: it is a port itself. */
	int (*open_entrance)(struct world_port *entrance, struct error *error);
	void (*close_entrance)(struct world_port *entrance);
	/* The entrance is in the world: it may have clients from here on. NULL: nothing. */
	void (*on_plugged)(struct world_port *entrance);
	/* What can fail or needs privileges: descriptors. Control thread. NULL: nothing. */
	int (*open)(struct world_port *port, struct error *error);
	/* port->port from the above, on no hub yet. The hub's thread. What open() opened is taken,
	 * also on failure. */
	int (*make)(struct world_port *port, struct error *error);
	/* Ends what make() made besides the port, before the port ends. The hub's thread. NULL:
	 * nothing. */
	void (*end)(struct world_port *port);
	/* What the kind has to say of itself, into a JSON object. The hub's thread; for an entrance
	 * the control thread. */
	void (*describe)(const struct world_port *port, json_t *details);

	/* It was plugged or has changed (is_leaving: is about to be unplugged): what others know of
	 * it is to be put right. Control thread. NULL: nothing. */
	void (*settle)(struct world_port *port, bool is_leaving);

	enum vmnet_kind vmnet;
	/* Behind it is somebody else's network card: the groups it joins are noted. */
	bool has_guest;
	/* Its MAC address, where one is given, is the only one that frames may come from; it can
	 * change while the port is there. */
	bool fixes_mac;
	/* Of two ports in a loop the one with more is blocked (hub/loop_guard.h). */
	unsigned loop_rank;
	/* Its addresses come from the hub's subnets. */
	bool needs_subnet;
	/* A hub has at most one. */
	bool is_lone;
	/* The same place outside of hubs: an interface of one name. NULL: the kind has none. */
	bool (*is_same_place)(const struct port_config *from, const struct port_config *to);
	/* A lone one can be made while the old one still is there. */
	bool may_coexist;

	/* The running port can become what `to` says while it runs. NULL: never. */
	bool (*may_change)(const struct port_config *from, const struct port_config *to);
	/* As open(), for such a change: when it fails it has changed nothing. NULL: nothing to do.
	 */
	int (*open_change)(
		struct world_port *port, const struct port_config *to, struct error *error);
	/* Puts port->config into force; from: what was. The hub's thread. */
	int (*change)(struct world_port *port, const struct port_config *from, struct error *error);
};

const struct kind *kind_of(enum port_kind kind);
