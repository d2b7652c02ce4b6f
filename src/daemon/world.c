/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/world.h"

#include "base/random.h"
#include "daemon/capture_stream.h"
#include "daemon/kind_link.h"
#include "daemon/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void world_init(struct world *world, struct loop *loop, struct events *events)
{
	*world = (struct world){.loop = loop, .events = events};
	listeners_init(&world->listeners);
	list_init(&world->hubs);
}

void world_done(struct world *world)
{
	LIST_EACH(node, &world->hubs)
		world_hub_free(LIST_ENTRY(node, struct world_hub, node));
	listeners_done(&world->listeners);
}

struct world_hub *world_find_hub(const struct world *world, const char *name)
{
	LIST_EACH(node, &world->hubs) {
		struct world_hub *hub = LIST_ENTRY(node, struct world_hub, node);

		if (!strcmp(hub->config.name, name))
			return hub;
	}
	return NULL;
}

struct world_port *world_find_port(const struct world_hub *hub, const char *name_or_slot)
{
	char slot[16];

	LIST_EACH(node, &hub->ports) {
		struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		snprintf(slot, sizeof(slot), "%u", port->slot);
		if (!strcmp(port->name, name_or_slot) ||
			(!port->is_entrance && !strcmp(slot, name_or_slot)))
			return port;
	}
	return NULL;
}

bool world_is_host_port(const struct world *world, const char *interface)
{
	LIST_EACH(hub_node, &world->hubs) {
		const struct world_hub *hub = LIST_ENTRY(hub_node, struct world_hub, node);

		LIST_EACH(node, &hub->ports) {
			const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

			if (port->config.kind == PORT_KIND_HOST &&
				!strcmp(port->interface, interface))
				return true;
		}
	}
	return false;
}

struct world_port *world_find_kind(const struct world_hub *hub, enum port_kind kind)
{
	LIST_EACH(node, &hub->ports) {
		struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->config.kind == kind)
			return port;
	}
	return NULL;
}

/* The hub's thread. */
static void on_loop(struct loop_guard *guard, const struct port *port, const struct port *other)
{
	const struct world_hub *hub = CONTAINER_OF(guard, struct world_hub, loop_guard);

	events_post(hub->world->events, "loop", hub->config.name, "{s:s, s:s, s:s*}", "name",
		port->name, "state", other ? "blocked" : "free", "other",
		other ? other->name : NULL);
}

/* Likewise. Who bridges the LAN is `port`, or behind it. */
static void on_standby(struct loop_guard *guard, const struct port *port, const char *name)
{
	const struct world_hub *hub = CONTAINER_OF(guard, struct world_hub, loop_guard);

	events_post(hub->world->events, "standby", hub->config.name, "{s:s, s:s}", "name", name,
		"other", port->name);
}

static void make_hub(void *argument)
{
	struct world_hub *hub = argument;
	struct hash_key key = {random_u64(), random_u64()};

	hub->hub = hub_new(hub->config.name, &key);
	if (!hub->hub)
		return;
	loop_guard_init(&hub->loop_guard, hub->hub, random_u64());
	hub->loop_guard.on_change = on_loop;
	hub->loop_guard.on_standby = on_standby;
	gethostname(hub->loop_guard.name, sizeof(hub->loop_guard.name) - 1);
	driver_start(&hub->loop_driver, worker_loop(hub->worker), &hub->loop_guard.machine);
	answers_init(&hub->answers, hub->hub);
	driver_start(&hub->answers_driver, worker_loop(hub->worker), &hub->answers.machine);
}

static void end_hub(void *argument)
{
	struct world_hub *hub = argument;

	if (!hub->hub)
		return;
	driver_stop(&hub->answers_driver);
	answers_done(&hub->answers);
	driver_stop(&hub->loop_driver);
	loop_guard_done(&hub->loop_guard);
	hub_free(hub->hub);
}

int world_hub_new(struct world *world, const struct hub_config *config, struct world_hub **ret_hub,
	struct error *error)
{
	struct world_hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return error_set(error, ENOMEM, "%s: out of memory", config->name);
	list_init(&hub->node);
	list_init(&hub->ports);
	list_init(&hub->captures);
	hub->world = world;
	hub->wished_mtu = kind_link_wished_mtu(config);
	hub->config = *config;
	hub->config.ports = NULL;
	hub->config.port_count = 0;
	hub->told_mtu = kind_link_told_mtu(hub);
	hub->worker = worker_start(config->name);
	if (hub->worker)
		worker_call(hub->worker, make_hub, hub);
	if (!hub->hub) {
		int code = hub->worker ? ENOMEM : errno;

		world_hub_free(hub);
		return error_set(
			error, code, "%s: a thread of its own: %s", config->name, strerror(code));
	}
	*ret_hub = hub;
	return 0;
}

void world_hub_free(struct world_hub *hub)
{
	if (!hub)
		return;
	capture_streams_end(hub);
	/* Each may take others along. */
	while (!list_is_empty(&hub->ports))
		world_port_free(LIST_ENTRY(hub->ports.next, struct world_port, node));
	if (hub->worker)
		worker_call(hub->worker, end_hub, hub);
	worker_stop(hub->worker);
	list_remove(&hub->node);
	free(hub);
}

static unsigned hub_number(const struct world_hub *hub)
{
	return (unsigned)strtoul(hub->config.name + strlen("hub"), NULL, 10);
}

void world_hub_insert(struct world_hub *hub)
{
	struct list *before = &hub->world->hubs;

	LIST_EACH(node, &hub->world->hubs) {
		if (hub_number(LIST_ENTRY(node, struct world_hub, node)) > hub_number(hub)) {
			before = node;
			break;
		}
	}
	list_insert_before(&hub->node, before);
}

static void append_port(struct hub_config *hub, const struct world_port *port, int *err)
{
	if (!*err)
		*err = port_config_copy(&port->config, &hub->ports[hub->port_count]);
	if (!*err)
		hub->port_count++;
}

static size_t list_len(const struct list *list)
{
	size_t len = 0;

	LIST_EACH(node, list)
		len++;
	return len;
}

static struct config *config_of(
	const struct world *world, bool (*has_place)(const struct world_port *port))
{
	struct config *config = calloc(1, sizeof(*config));
	int err = 0;

	if (!config)
		return NULL;
	config->hubs = calloc(list_len(&world->hubs) + 1, sizeof(*config->hubs));
	LIST_EACH(node, &world->hubs) {
		const struct world_hub *from = LIST_ENTRY(node, struct world_hub, node);
		struct hub_config *hub = config->hubs ? &config->hubs[config->hub_count++] : NULL;

		if (!hub)
			break;
		*hub = from->config;
		hub->ports = calloc(list_len(&from->ports) + 1, sizeof(*hub->ports));
		err = err || !hub->ports ? -ENOMEM : 0;
		LIST_EACH(port_node, &from->ports) {
			const struct world_port *port = LIST_ENTRY(
				port_node, struct world_port, node);

			if (has_place(port))
				append_port(hub, port, &err);
		}
	}
	if (config->hubs && !err)
		return config;
	config_free(config);
	return NULL;
}

static bool is_wished(const struct world_port *port)
{
	return !port->entrance;
}

static bool is_for_file(const struct world_port *port)
{
	return !port->is_from_descriptor && is_wished(port);
}

struct config *world_config(const struct world *world)
{
	return config_of(world, is_wished);
}

struct config *world_config_for_file(const struct world *world)
{
	return config_of(world, is_for_file);
}

static bool forwards(
	const struct forward_config *forward, bool is_udp, const struct endpoint *outside)
{
	return forward->is_udp == is_udp && ip_equal(forward->outside.ip, outside->ip) &&
	       outside->port >= forward->outside.port &&
	       (unsigned)(outside->port - forward->outside.port) < forward->count;
}

static bool is_forwarded(void *context, bool is_udp, const struct endpoint *outside)
{
	const struct world *world = context;

	LIST_EACH(node, &world->hubs) {
		const struct world_port *port = world_find_kind(
			LIST_ENTRY(node, struct world_hub, node), PORT_KIND_NAT);

		for (size_t i = 0; port && i < port->config.nat.forward_count; i++) {
			if (forwards(&port->config.nat.forwards[i], is_udp, outside))
				return true;
		}
	}
	return false;
}

void world_sweep_listeners(struct world *world)
{
	listeners_sweep(&world->listeners, is_forwarded, world);
}
