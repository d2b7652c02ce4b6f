/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/api_settings.h"
#include "daemon/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_NETNS "/dev/fd" /* stands where a descriptor comes instead of a namespace's name */

void api_get_ports(struct api *api, struct request *request, struct reply *reply)
{
	struct world_hub *hub = api_find_hub(api, request, reply);
	struct hub_snapshot snapshot;

	if (!hub)
		return;
	if (snapshot_take(hub, &snapshot)) {
		reply_json(reply, 200, NULL);
		return;
	}
	reply_json(reply, 200, json_pack("{s:o}", "ports", snapshot_ports_json(&snapshot)));
	snapshot_done(&snapshot);
}

void api_reply_port(struct reply *reply, unsigned status, const struct world_port *port)
{
	struct hub_snapshot snapshot;

	if (port->is_entrance) {
		reply_json(reply, status, snapshot_entrance_json(port));
		return;
	}
	if (snapshot_take_port(port, &snapshot)) {
		reply_json(reply, status, NULL);
		return;
	}
	reply_json(reply, status, snapshot_port_json(&snapshot.ports[0]));
	snapshot_done(&snapshot);
}

void api_get_port(struct api *api, struct request *request, struct reply *reply)
{
	struct world_port *port = api_find_port(api, request, reply);

	if (port)
		api_reply_port(reply, 200, port);
}

static int read_settings(
	json_t *body, struct api_settings *settings, bool *ret_wants_fd, struct error *error)
{
	const char *key, *kind;
	json_t *value;
	int err = 0;

	json_object_foreach(body, key, value) {
		if (!strcmp(key, "fd") && !json_is_boolean(value))
			err = error_set(error, EINVAL, "fd: true or false is wanted");
		else if (!strcmp(key, "fd"))
			*ret_wants_fd = json_is_true(value);
		else if (strcmp(key, "kind") != 0)
			err = api_settings_add(settings, key, value, error);
		if (err)
			return err;
	}
	if (!*ret_wants_fd)
		return 0;
	kind = json_string_value(json_object_get(body, "kind"));
	if (!strcmp(kind, "netns"))
		return json_object_get(body, "netns")
			       ? error_set(error, EINVAL, "netns: either this or fd, not both")
			       : api_settings_add_text(settings, "netns", NO_NETNS, error);
	if (!strcmp(kind, "vm") || !strcmp(kind, "vhost-user"))
		return 0;
	return error_set(error, EINVAL,
		"fd: only a netns, vm or vhost-user port can be made from a descriptor");
}

static int check_name(const struct world *world, const char *name, struct error *error)
{
	char id[PORT_ID_SIZE];

	LIST_EACH(hub_node, &world->hubs) {
		const struct world_hub *hub = LIST_ENTRY(hub_node, struct world_hub, node);

		LIST_EACH(node, &hub->ports) {
			const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

			if (!strcmp(port->name, name))
				return error_set(error, EEXIST,
					"name: '%s' is the name of %s already", name,
					world_port_id(port, id));
		}
	}
	return 0;
}

/* All that runs together with the one port more; config: taken apart by it. */
static int check_together(struct config *config, struct hub_config *hub,
	const struct port_config *port, struct error *error)
{
	struct port_config *ports;
	int err;

	ports = reallocarray(hub->ports, hub->port_count + 1, sizeof(*ports));
	if (!ports)
		return error_set(error, ENOMEM, "out of memory");
	hub->ports = ports;
	ports[hub->port_count++] = *port;
	err = config_check(config, error);
	hub->port_count--;
	return err;
}

static int read_port(struct world *world, const char *hub_name, json_t *body, bool *ret_wants_fd,
	struct port_config *ret_port, struct error *error)
{
	const char *kind = json_string_value(json_object_get(body, "kind"));
	struct config *config = world_config_for_file(world);
	struct hub_config *hub = config ? config_find_hub(config, hub_name) : NULL;
	struct api_settings settings = {0};
	int err = 0;

	if (!hub)
		err = error_set(error, ENOMEM, "out of memory");
	if (!err)
		err = read_settings(body, &settings, ret_wants_fd, error);
	if (!err)
		err = config_read_port(hub, kind, (const char *const *)settings.all, settings.count,
			ret_port, error);
	if (!err) {
		err = check_together(config, hub, ret_port, error);
		if (!err && ret_port->name[0])
			err = check_name(world, ret_port->name, error);
		if (err)
			port_config_done(ret_port);
	}
	api_settings_done(&settings);
	config_free(config);
	return err;
}

static int take_descriptor(struct request *request, struct error *error)
{
	for (unsigned i = 0; i < request->fd_count; i++) {
		int fd = request->fds[i];

		request->fds[i] = -1;
		if (fd >= 0)
			return fd;
	}
	return error_set(error, EINVAL, "fd: no descriptor came with the connection");
}

static int plug(struct world_hub *hub, const struct port_config *config, int fd,
	struct world_port **ret_port, struct error *error)
{
	struct world_port *port = NULL;
	int err = world_port_new(hub, config, fd, &port, error);

	if (!err)
		err = world_port_plug(port, error);
	if (err) {
		world_port_free(port);
		return err;
	}
	world_port_tell(port, "port-up", NULL);
	*ret_port = port;
	return 0;
}

/* What no file can say, so that nothing a file says is taken for it. */
static void forget_place(struct port_config *config)
{
	if (config->kind == PORT_KIND_NETNS)
		config->netns.netns[0] = '\0';
	else
		strcpy(config->entrance.socket, "descriptor");
}

static int make_port(struct world_hub *hub, struct request *request, json_t *body,
	struct world_port **ret_port, struct error *error)
{
	struct port_config config;
	bool wants_fd = false;
	int fd = -1, err;

	if (!json_is_string(json_object_get(body, "kind")))
		return error_set(error, EINVAL, "kind: missing; a kind of port is wanted");
	err = read_port(hub->world, hub->config.name, body, &wants_fd, &config, error);
	if (err)
		return err;
	if (wants_fd) {
		forget_place(&config);
		fd = err = take_descriptor(request, error);
	}
	if (err >= 0)
		err = plug(hub, &config, fd, ret_port, error);
	port_config_done(&config);
	return err;
}

void api_post_port(struct api *api, struct request *request, struct reply *reply)
{
	struct world_hub *hub = api_find_hub(api, request, reply);
	json_t *body = hub ? api_body(request, reply) : NULL;
	struct world_port *port = NULL;
	struct error error = {0};
	int err;

	if (!body)
		return;
	err = make_port(hub, request, body, &port, &error);
	if (err)
		reply_error(reply, err, &error);
	else
		api_reply_port(reply, 201, port);
	world_sweep_listeners(api_world(api));
	json_decref(body);
}

void api_delete_port(struct api *api, struct request *request, struct reply *reply)
{
	struct world_port *port = api_find_port(api, request, reply);

	if (!port)
		return;
	world_port_unplug(port);
	world_port_tell(port, "port-down", NULL);
	world_port_free(port);
	world_sweep_listeners(api_world(api));
	reply_nothing(reply);
}
