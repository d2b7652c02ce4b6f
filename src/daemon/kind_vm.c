/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_vm.h"

#include "config/value.h"
#include "daemon/kind_entrance.h"
#include "port/stream.h"

#include <errno.h>

int kind_vm_open_entrance(struct world_port *entrance, struct error *error)
{
	return kind_entrance_open(entrance, "sock", error);
}

void kind_vm_close_entrance(struct world_port *entrance)
{
	kind_entrance_close(entrance);
}

int kind_vm_make(struct world_port *port, struct error *error)
{
	struct port_settings settings = world_port_settings(port);
	int fd = port->fd;

	port->fd = -1;
	port->port = stream_port_new(worker_loop(port->hub->worker), fd, &settings);
	return port->port ? 0 : error_set(error, errno, "the client's socket: %m");
}

void kind_vm_describe(const struct world_port *port, json_t *details)
{
	char protocol[VALUE_TEXT_SIZE];

	kind_entrance_describe(port, "sock", details);
	vm_protocol_format(&port->config.entrance.protocol, protocol);
	json_object_set_new(details, "protocol", json_string(protocol));
}

bool kind_vm_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return from->entrance.protocol == to->entrance.protocol &&
	       kind_entrance_is_same_place(from, to);
}
