/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/world.h"

#include "base/log.h"
#include "daemon/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Something for the hub's thread to do with a port. */
struct errand {
	struct world_port *port;
	const struct port_config *from;
	struct error *error;
	int err;
};

static void make(void *argument)
{
	struct errand *errand = argument;

	errand->err = errand->port->kind->make(errand->port, errand->error);
}

static void end(void *argument)
{
	struct world_port *owner = argument;
	struct port *port = owner->port;

	if (port->hub)
		hub_detach(port);
	if (owner->kind->end)
		owner->kind->end(owner);
	port->ops->free(port);
}

static void attach(void *argument)
{
	struct errand *errand = argument;
	struct world_port *port = errand->port;

	errand->err = hub_attach(
		port->hub->hub, port->port, loop_now(worker_loop(port->hub->worker)));
	if (errand->err)
		return;
	memcpy(port->name, port->port->name, sizeof(port->name));
	memcpy(port->interface, port->port->interface, sizeof(port->interface));
	port->slot = port->port->slot;
}

static void detach(void *argument)
{
	hub_detach(((struct world_port *)argument)->port);
}

/* The port's interface went away under it. */
static void on_gone(struct task *task)
{
	struct world_port *port = CONTAINER_OF(task, struct world_port, gone);

	world_port_tell(port, "port-down", port->why);
	world_port_free(port);
}

static int open_and_make(struct world_port *port, struct error *error)
{
	struct errand errand = {.port = port, .error = error};
	int err = port->kind->open ? port->kind->open(port, error) : 0;

	if (err)
		return err;
	worker_call(port->hub->worker, make, &errand);
	return errand.err;
}

int world_port_new(struct world_hub *hub, const struct port_config *config, int fd,
	struct world_port **ret_port, struct error *error)
{
	struct world_port *port = calloc(1, sizeof(*port));
	int err;

	if (!port || port_config_copy(config, &port->config)) {
		free(port);
		if (fd >= 0)
			close(fd);
		return error_set(error, ENOMEM, "out of memory");
	}
	list_init(&port->node);
	port->hub = hub;
	port->kind = kind_of(config->kind);
	port->fd = fd;
	port->is_from_descriptor = fd >= 0;
	port->gone.run = on_gone;
	err = open_and_make(port, error);
	if (err) {
		world_port_free(port);
		return error_wrap(error, err, "%s: %s port%s%s", hub->config.name,
			port_kind_name(config->kind), config->name[0] ? " " : "", config->name);
	}
	*ret_port = port;
	return 0;
}

void world_port_free(struct world_port *port)
{
	if (!port)
		return;
	if (port->port)
		worker_call(port->hub->worker, end, port);
	/* The worker has let go: nobody can post it any more. */
	loop_undefer(port->hub->world->loop, &port->gone);
	if (port->fd >= 0)
		close(port->fd);
	list_remove(&port->node);
	port_config_done(&port->config);
	free(port);
}

int world_port_plug(struct world_port *port, struct error *error)
{
	struct errand errand = {.port = port};
	const char *hub = port->hub->config.name;

	worker_call(port->hub->worker, attach, &errand);
	if (errand.err == -EEXIST)
		return error_set(
			error, EEXIST, "%s: a port '%s' is there already", hub, port->config.name);
	if (errand.err)
		return error_set(error, -errand.err, "%s: %s", hub,
			errand.err == -ENOSPC ? "every slot is taken" : strerror(-errand.err));
	port->is_plugged = true;
	port->vmnet_id = port->hub->world->vmnet_ids[port->kind->vmnet]++;
	list_push_back(&port->hub->ports, &port->node);
	return 0;
}

void world_port_unplug(struct world_port *port)
{
	if (!port->is_plugged)
		return;
	worker_call(port->hub->worker, detach, port);
	port->is_plugged = false;
	list_remove(&port->node);
}

static void change(void *argument)
{
	struct errand *errand = argument;

	errand->err = errand->port->kind->change(errand->port, errand->from, errand->error);
}

int world_port_change(struct world_port *port, struct port_config *next, struct error *error)
{
	struct port_config from = port->config;
	struct errand errand = {.port = port, .from = &from, .error = error};

	port->config = *next;
	worker_call(port->hub->worker, change, &errand);
	port_config_done(&from);
	world_port_tell(port, "port-changed", NULL);
	return errand.err;
}

void world_port_tell(const struct world_port *port, const char *event, const char *why)
{
	const char *hub = port->hub->config.name, *kind = port_kind_name(port->config.kind);
	char id[64];

	snprintf(id, sizeof(id), "%s.%u", hub, port->slot);
	events_tell(port->hub->world->events, event, hub, "{s:s, s:s, s:s, s:s*}", "port", id,
		"kind", kind, "name", port->name, "why", why);
	log_info("%s %s (%s): %s%s%s", id, port->name, kind, event + strlen("port-"),
		why ? ", " : "", why ? why : "");
}
