/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hub and its ports as they were at one moment, copied by the hub's thread. What is made of the
 * copy (JSON, metrics, text) is made on the control thread and costs the frames nothing.
 */
#pragma once

#include "daemon/world.h"
#include "hub/groups.h"
#include "hub/hub.h"

struct port_snapshot {
	const struct world_port *port; /* as long as control does nothing else */
	unsigned slot;
	char name[PORT_NAME_SIZE], interface[INTERFACE_NAME_SIZE];
	struct mac mac;
	uint32_t mtu;
	bool is_down, is_blocked;
	char standby[LOOP_NAME_SIZE];	    /* who bridges the LAN instead; or empty */
	struct mac groups[GROUPS_LIST_MAX]; /* that the guest behind it is in */
	unsigned group_count;
	struct port_counters in, out;
	uint64_t mismatch, slot_frames; /* see port_mismatch(), hub_slot_frames() */
	nsec age;
	json_t *details;
};

struct hub_snapshot {
	const struct world_hub *hub;
	uint64_t frames, answers;
	struct port_snapshot *ports; /* by slot */
	size_t port_count;
};

/* Of a whole hub. -ENOMEM. */
int snapshot_take(const struct world_hub *hub, struct hub_snapshot *ret_snapshot) MUST_USE;
/* Of one port of it. */
int snapshot_take_port(const struct world_port *port, struct hub_snapshot *ret_snapshot) MUST_USE;
void snapshot_done(struct hub_snapshot *snapshot);

/* The objects HUB and PORT of docs/api.md. NULL: no memory. */
json_t *snapshot_hub_json(const struct hub_snapshot *snapshot);
json_t *snapshot_ports_json(const struct hub_snapshot *snapshot);
json_t *snapshot_port_json(const struct port_snapshot *port);
/* The object ENTRANCE; nothing of it is the hub thread's. */
json_t *snapshot_entrance_json(const struct world_port *entrance);
