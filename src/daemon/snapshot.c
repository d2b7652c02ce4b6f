/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/snapshot.h"

#include "config/value.h"
#include "daemon/kind_link.h"
#include "daemon/kinds.h"
#include "hub/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct camera {
	const struct world_hub *hub;
	const struct world_port *only; /* NULL: all */
	struct hub_snapshot *snapshot;
};

/* Its own; the one its guest must have, or has. */
static struct mac mac_of(const struct world_port *port)
{
	if (!mac_is_zero(port->port->mac))
		return port->port->mac;
	if (port->kind->fixes_mac && port->config.has_mac)
		return port->config.mac;
	return port->port->groups ? port->port->groups->source : (struct mac){0};
}

/* Of a port that could lead to a LAN, and does not since somebody else's does. */
static const char *stands_by_for(const struct world_port *port, nsec now)
{
	const struct port_policy *policy = port->port->policy;
	const char *name = port->config.kind == PORT_KIND_NIC && policy && policy->loop
				   ? loop_port_stands_by_for(policy->loop, now)
				   : NULL;

	return name ? name : "";
}

static void take_port(const struct world_port *from, struct port_snapshot *to, nsec now)
{
	const struct port *port = from->port;

	*to = (struct port_snapshot){
		.port = from,
		.slot = port->slot,
		.mac = mac_of(from),
		.mtu = port->mtu,
		.is_down = !port_is_up(port),
		.is_blocked = port_is_blocked(port),
		.in = port->in,
		.out = port->out,
		.mismatch = port_mismatch(port),
		.slot_frames = hub_slot_frames(from->hub->hub, port->slot),
		.age = now - port->attached_at,
		.details = json_object(),
	};
	if (port->groups)
		to->group_count = groups_list(port->groups, to->groups);
	memcpy(to->name, port->name, sizeof(to->name));
	snprintf(to->standby, sizeof(to->standby), "%s", stands_by_for(from, now));
	memcpy(to->interface, port->interface, sizeof(to->interface));
	if (to->details)
		from->kind->describe(from, to->details);
}

static void take(void *argument)
{
	struct camera *camera = argument;
	struct hub_snapshot *snapshot = camera->snapshot;
	nsec now = loop_now(worker_loop(camera->hub->worker));

	snapshot->frames = hub_frames(camera->hub->hub);
	snapshot->answers = camera->hub->answers.given;
	LIST_EACH(node, &camera->hub->ports) {
		const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (!port->is_entrance && (!camera->only || camera->only == port))
			take_port(port, &snapshot->ports[snapshot->port_count++], now);
	}
}

static int by_slot(const void *a, const void *b)
{
	const struct port_snapshot *x = a, *y = b;

	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static int shoot(struct camera *camera)
{
	struct hub_snapshot *snapshot = camera->snapshot;
	size_t count = 0;

	LIST_EACH(node, &camera->hub->ports)
		count++;
	*snapshot = (struct hub_snapshot){.hub = camera->hub};
	snapshot->ports = calloc(count + 1, sizeof(*snapshot->ports));
	if (!snapshot->ports)
		return -ENOMEM;
	worker_call(camera->hub->worker, take, camera);
	qsort(snapshot->ports, snapshot->port_count, sizeof(*snapshot->ports), by_slot);
	return 0;
}

int snapshot_take(const struct world_hub *hub, struct hub_snapshot *ret_snapshot)
{
	return shoot(&(struct camera){.hub = hub, .snapshot = ret_snapshot});
}

int snapshot_take_port(const struct world_port *port, struct hub_snapshot *ret_snapshot)
{
	return shoot(&(struct camera){port->hub, port, ret_snapshot});
}

void snapshot_done(struct hub_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->port_count; i++)
		json_decref(snapshot->ports[i].details);
	free(snapshot->ports);
}

static json_t *counters_json(const struct port_counters *counters)
{
	json_t *drops = json_object();

	for (enum drop drop = 0; drop < DROP_COUNT; drop++) {
		if (counters->drops[drop])
			json_object_set_new(drops, drop_name(drop),
				json_integer((json_int_t)counters->drops[drop]));
	}
	return json_pack("{s:I, s:I, s:o}", "frames", (json_int_t)counters->frames, "bytes",
		(json_int_t)counters->bytes, "drops", drops);
}

static void set_value(json_t *object, const char *key,
	void (*format)(const void *value, char text[VALUE_TEXT_SIZE]), const void *value)
{
	char text[VALUE_TEXT_SIZE];

	format(value, text);
	if (text[0])
		json_object_set_new(object, key, json_string(text));
}

/* With the keys that lanyard.yaml and PATCH have for it. */
static void set_policy(json_t *object, const struct policy_config *policy)
{
	if (policy->is_down)
		json_object_set_new(object, "link", json_string("down"));
	if (policy->is_isolated)
		json_object_set_new(object, "isolated", json_true());
	if (policy->is_spared)
		json_object_set_new(object, "spared", json_true());
	if (policy->guards.dhcp || policy->guards.ra || policy->guards.arp)
		set_value(object, "guard", guards_format, &policy->guards);
	if (policy->storm)
		json_object_set_new(object, "storm", json_integer(policy->storm));
	if (policy->looks_for_loops)
		json_object_set_new(object, "loop-guard", json_true());
	set_value(object, "rate", rate_format, &policy->rate);
	set_value(object, "impair", wire_format, &policy->impair);
	set_value(object, "impair-in", wire_format, &policy->impair_in);
	set_value(object, "impair-out", wire_format, &policy->impair_out);
}

json_t *snapshot_port_json(const struct port_snapshot *port)
{
	const char *hub = port->port->hub->config.name;
	char id[PORT_ID_SIZE], mac[MAC_TEXT_SIZE];
	json_t *value, *out = counters_json(&port->out);

	world_port_id(port->port, id);
	json_object_set_new(out, "mismatch", json_integer((json_int_t)port->mismatch));
	value = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:f, s:o, s:o, s:O}", "hub",
		hub, "slot", (int)port->slot, "id", id, "name", port->name, "kind",
		port_kind_name(port->port->config.kind), "origin",
		port->port->is_from_file ? "file" : "api", "state",
		port->is_blocked ? "blocked"
		: port->is_down	 ? "down"
				 : "up",
		"mtu", (int)port->mtu, "age", (double)port->age / NSEC_PER_SEC, "in",
		counters_json(&port->in), "out", out, "details", port->details);
	if (value && !mac_is_zero(port->mac))
		json_object_set_new(value, "mac", json_string(mac_format(port->mac, mac)));
	if (value && port->standby[0])
		json_object_set_new(value, "standby", json_string(port->standby));
	if (value && port->port->entrance)
		json_object_set_new(value, "entrance", json_string(port->port->entrance->name));
	if (value && port->interface[0])
		json_object_set_new(value, "interface", json_string(port->interface));
	if (value)
		set_policy(value, &port->port->config.policy);
	return value;
}

json_t *snapshot_ports_json(const struct hub_snapshot *snapshot)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < snapshot->port_count; i++)
		json_array_append_new(ports, snapshot_port_json(&snapshot->ports[i]));
	return ports;
}

json_t *snapshot_entrance_json(const struct world_port *entrance)
{
	char id[PORT_ID_SIZE];
	json_t *details = json_object(), *value;

	if (details)
		entrance->kind->describe(entrance, details);
	value = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "hub", entrance->hub->config.name,
		"id", world_port_id(entrance, id), "name", entrance->name, "kind",
		port_kind_name(entrance->config.kind), "origin",
		entrance->is_from_file ? "file" : "api", "clients",
		(json_int_t)world_client_count(entrance), "details", details);
	if (value)
		set_policy(value, &entrance->config.policy);
	return value;
}

static json_t *entrances_json(const struct world_hub *hub)
{
	json_t *entrances = json_array();

	LIST_EACH(node, &hub->ports) {
		const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->is_entrance)
			json_array_append_new(entrances, snapshot_entrance_json(port));
	}
	return entrances;
}

static void set_prefix(json_t *object, const char *key, const struct ip_prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	json_object_set_new(object, key, json_string(prefix_format(prefix, text)));
}

json_t *snapshot_hub_json(const struct hub_snapshot *snapshot)
{
	const struct world_hub *hub = snapshot->hub;
	json_t *value = json_pack("{s:s, s:i, s:i, s:I, s:I}", "name", hub->config.name, "mtu",
		(int)hub->config.mtu, "guest_mtu", (int)kind_link_told_mtu(hub), "frames",
		(json_int_t)snapshot->frames, "answers", (json_int_t)snapshot->answers);

	if (!value)
		return NULL;
	if (hub->config.has_subnet)
		set_prefix(value, "subnet", &hub->config.subnet);
	if (hub->config.has_subnet6)
		set_prefix(value, "subnet6", &hub->config.subnet6);
	if (hub->moved_from.len)
		set_prefix(value, "moved_from", &hub->moved_from);
	json_object_set_new(value, "ports", snapshot_ports_json(snapshot));
	json_object_set_new(value, "entrances", entrances_json(hub));
	return value;
}
