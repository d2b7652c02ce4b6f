/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/world.h"

#include "base/log.h"
#include "daemon/entrance.h"
#include "daemon/kinds.h"
#include "daemon/vmnet_text.h"
#include "daemon/world_policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Something for the hub's thread to do with a port. */
struct errand {
	struct world_port *port;
	struct error *error;
	int err;
};

static void make(void *argument)
{
	struct errand *errand = argument;
	struct world_port *port = errand->port;

	errand->err = port->kind->make(port, errand->error);
	if (errand->err)
		return;
	if (port->kind->has_guest)
		world_policy_note_groups(port);
	if (world_policy_apply(port))
		errand->err = error_set(errand->error, ENOMEM, "out of memory");
}

static void end(void *argument)
{
	struct world_port *owner = argument;
	struct port *port = owner->port;

	if (port->hub)
		hub_detach(port);
	world_policy_end(owner);
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

	struct world_port *entrance = port->entrance;

	world_port_tell(port, "port-down", port->why);
	world_port_free(port);
	if (entrance && entrance->door)
		entrance_redial(entrance->door);
}

/* The hub's thread: control frees the port, and tells. */
static void tell_gone(void *owner, struct port *, const char *why)
{
	struct world_port *port = owner;

	snprintf(port->why, sizeof(port->why), "%s", why);
	loop_post(port->hub->world->loop, &port->gone);
}

uint32_t world_port_mtu(const struct world_port *port)
{
	return port->config.mtu ? port->config.mtu : port->hub->config.mtu;
}

struct port_settings world_port_settings(struct world_port *port)
{
	struct port_settings settings = {
		.mtu = world_port_mtu(port),
		.on_gone = tell_gone,
		.owner = port,
	};

	snprintf(settings.name, sizeof(settings.name), "%s", port->config.name);
	return settings;
}

static int open_and_make(struct world_port *port, struct error *error)
{
	struct errand errand = {.port = port, .error = error};
	int err;

	if (port->is_entrance)
		return port->kind->open_entrance(port, error);
	err = port->kind->open ? port->kind->open(port, error) : 0;
	if (err)
		return err;
	worker_call(port->hub->worker, make, &errand);
	return errand.err;
}

/* NULL: no memory; fd is taken in any case. */
static struct world_port *prepare(struct world_hub *hub, const struct port_config *config, int fd)
{
	struct world_port *port = calloc(1, sizeof(*port));

	if (!port || port_config_copy(config, &port->config)) {
		free(port);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	list_init(&port->node);
	port->hub = hub;
	port->kind = kind_of(config->kind);
	port->fd = fd;
	port->slot = WORLD_NO_SLOT;
	port->gone.run = on_gone;
	return port;
}

int world_port_new(struct world_hub *hub, const struct port_config *config, int fd,
	struct world_port **ret_port, struct error *error)
{
	struct world_port *port = prepare(hub, config, fd);
	int err;

	if (!port)
		return error_set(error, ENOMEM, "out of memory");
	port->is_from_descriptor = fd >= 0;
	port->is_entrance = fd < 0 && port->kind->open_entrance;
	err = open_and_make(port, error);
	if (err) {
		world_port_free(port);
		return error_wrap(error, err, "%s: %s port%s%s", hub->config.name,
			port_kind_name(config->kind), config->name[0] ? " " : "", config->name);
	}
	*ret_port = port;
	return 0;
}

static void end_clients(struct world_port *entrance)
{
	LIST_EACH(node, &entrance->hub->ports) {
		struct world_port *client = LIST_ENTRY(node, struct world_port, node);

		if (client->entrance != entrance)
			continue;
		world_port_tell(client, "port-down", "its entrance was unplugged");
		world_port_free(client);
	}
}

void world_port_free(struct world_port *port)
{
	if (!port)
		return;
	if (port->is_entrance)
		end_clients(port);
	if (port->is_entrance && port->kind->close_entrance)
		port->kind->close_entrance(port);
	if (port->is_plugged && port->kind->settle)
		port->kind->settle(port, true);
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

/* "vm", or, where somebody already has that name, "vm-2" and so on. */
static void name_entrance(struct world_port *port)
{
	const char *kind = port_kind_name(port->config.kind);

	snprintf(port->name, sizeof(port->name), "%s", kind);
	for (unsigned i = 2; world_find_port(port->hub, port->name); i++)
		snprintf(port->name, sizeof(port->name), "%.16s-%u", kind, i);
}

static int plug_entrance(struct world_port *port, struct error *error)
{
	const char *name = port->config.name;

	if (name[0] && world_find_port(port->hub, name))
		return error_set(error, EEXIST, "%s: a port '%s' is there already",
			port->hub->config.name, name);
	if (name[0])
		snprintf(port->name, sizeof(port->name), "%s", name);
	else
		name_entrance(port);
	port->is_plugged = true;
	list_push_back(&port->hub->ports, &port->node);
	if (port->kind->on_plugged)
		port->kind->on_plugged(port);
	return 0;
}

static void say_why_not(const struct world_port *port, int err, struct error *error)
{
	const char *hub = port->hub->config.name;

	if (err == -EEXIST)
		error_set(
			error, EEXIST, "%s: a port '%s' is there already", hub, port->config.name);
	else if (err == -ENOSPC)
		error_set(error, ENOSPC, "%s: every slot is taken", hub);
	else
		error_set(error, -err, "%s: %s", hub, strerror(-err));
}

int world_port_plug(struct world_port *port, struct error *error)
{
	struct errand errand = {.port = port};

	if (port->is_entrance)
		return plug_entrance(port, error);
	worker_call(port->hub->worker, attach, &errand);
	if (errand.err) {
		say_why_not(port, errand.err, error);
		return errand.err;
	}
	port->is_plugged = true;
	port->vmnet_id = port->hub->world->vmnet_ids[port->kind->vmnet]++;
	list_push_back(&port->hub->ports, &port->node);
	if (port->kind->settle)
		port->kind->settle(port, false);
	return 0;
}

void world_port_unplug(struct world_port *port)
{
	if (!port->is_plugged)
		return;
	if (port->kind->settle)
		port->kind->settle(port, true);
	if (port->is_entrance)
		end_clients(port);
	else
		worker_call(port->hub->worker, detach, port);
	port->is_plugged = false;
	list_remove(&port->node);
}

char *world_port_id(const struct world_port *port, char id[PORT_ID_SIZE])
{
	if (port->is_entrance)
		snprintf(id, PORT_ID_SIZE, "%s.%s", port->hub->config.name, port->name);
	else
		snprintf(id, PORT_ID_SIZE, "%s.%u", port->hub->config.name, port->slot);
	return id;
}

void world_port_tell(const struct world_port *port, const char *event, const char *why)
{
	const char *hub = port->hub->config.name, *kind = port_kind_name(port->config.kind);
	char id[PORT_ID_SIZE];

	world_port_id(port, id);
	events_tell(port->hub->world->events, event, hub, "{s:s, s:s, s:s, s:s*}", "port", id,
		"kind", kind, "name", port->name, "why", why);
	log_info("%s %s (%s): %s%s%s", id, port->name, kind, event + strlen("port-"),
		why ? ", " : "", why ? why : "");
}

/* All of the entrance's wish but what is of the entrance alone. */
static struct world_port *prepare_client(struct world_port *entrance, int fd)
{
	struct world_port *port = prepare(entrance->hub, &entrance->config, fd);

	if (!port)
		return NULL;
	port->entrance = entrance;
	port->is_from_file = entrance->is_from_file;
	port->vmnet_id = port->hub->world->vmnet_ids[port->kind->vmnet]++;
	vmnet_port_name(port->kind->vmnet, port->vmnet_id, port->config.name);
	return port;
}

/* In one turn: the client may have spoken already, and is not to be heard by a port on no hub. */
static void make_and_attach(void *argument)
{
	struct errand *errand = argument;

	make(errand);
	if (!errand->err)
		attach(errand);
}

void world_client_plug(
	struct world_port *entrance, int fd, const struct sockaddr_un *peer, socklen_t peer_len)
{
	struct world_port *port = prepare_client(entrance, fd);
	struct error error = {0};
	struct errand errand = {.port = port, .error = &error};

	if (!port)
		return;
	if (peer)
		memcpy(&port->peer, peer, peer_len);
	port->peer_len = peer_len;
	worker_call(port->hub->worker, make_and_attach, &errand);
	if (errand.err) {
		say_why_not(port, errand.err, &error);
		world_port_free(port);
		world_port_tell(entrance, "port-refused", error.text);
		return;
	}
	port->is_plugged = true;
	list_push_back(&port->hub->ports, &port->node);
	world_port_tell(port, "port-up", NULL);
}

int world_member_plug(struct world_port *entrance, const struct port_config *config,
	const void *member, struct world_port **ret_port, struct error *error)
{
	struct world_port *port = prepare(entrance->hub, config, -1);
	struct errand errand = {.port = port, .error = error};

	if (!port)
		return error_set(error, ENOMEM, "out of memory");
	port->entrance = entrance;
	port->is_from_file = entrance->is_from_file;
	port->member = member;
	worker_call(port->hub->worker, make_and_attach, &errand);
	port->member = NULL;
	if (errand.err) {
		say_why_not(port, errand.err, error);
		world_port_free(port);
		return errand.err;
	}
	port->is_plugged = true;
	port->vmnet_id = port->hub->world->vmnet_ids[port->kind->vmnet]++;
	list_push_back(&port->hub->ports, &port->node);
	world_port_tell(port, "port-up", NULL);
	*ret_port = port;
	return 0;
}

struct world_port *world_find_client(const struct world_port *entrance, const char *name)
{
	LIST_EACH(node, &entrance->hub->ports) {
		struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->entrance == entrance && !strcmp(port->name, name))
			return port;
	}
	return NULL;
}

size_t world_client_count(const struct world_port *entrance)
{
	size_t count = 0;

	LIST_EACH(node, &entrance->hub->ports)
		count += LIST_ENTRY(node, struct world_port, node)->entrance == entrance;
	return count;
}
