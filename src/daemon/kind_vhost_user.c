/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_vhost_user.h"

#include "daemon/kind_entrance.h"
#include "port/vhost/vhost.h"

#include <errno.h>

#define SUFFIX "vhost-user"

int kind_vhost_user_open_entrance(struct world_port *entrance, struct error *error)
{
	return kind_entrance_open(entrance, SUFFIX, error);
}

int kind_vhost_user_make(struct world_port *port, struct error *error)
{
	struct port_settings settings = world_port_settings(port);
	int fd = port->fd;

	port->fd = -1;
	port->port = vhost_port_new(worker_loop(port->hub->worker), fd, &settings);
	return port->port ? 0 : error_set(error, errno, "the front end's socket: %m");
}

static json_t *names(uint64_t bits, const char *(*name_of)(unsigned bit))
{
	json_t *list = json_array();

	for (unsigned bit = 0; bit < 64; bit++) {
		if (bits >> bit & 1 && name_of(bit))
			json_array_append_new(list, json_string(name_of(bit)));
	}
	return list;
}

void kind_vhost_user_describe(const struct world_port *port, json_t *details)
{
	struct vhost_port_state state;

	kind_entrance_describe(port, SUFFIX, details);
	if (port->is_entrance)
		return;
	vhost_port_describe(port->port, &state);
	json_object_set_new(details, "features", names(state.features, vhost_feature_name));
	json_object_set_new(details, "protocol_features",
		names(state.protocol_features, vhost_protocol_feature_name));
	json_object_set_new(details, "ring", json_string(state.is_packed ? "packed" : "split"));
	json_object_set_new(details, "queues", json_integer(state.queue_count));
	json_object_set_new(details, "queue_size", json_integer(state.queue_size));
	json_object_set_new(details, "memory", json_integer((json_int_t)state.memory_size));
	if (state.guest_mtu)
		json_object_set_new(details, "guest_mtu", json_integer(state.guest_mtu));
}
