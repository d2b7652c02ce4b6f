/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_vm.h"

#include "config/value.h"
#include "daemon/datagram_entrance.h"
#include "daemon/kind_entrance.h"
#include "daemon/unix_socket.h"
#include "port/datagram.h"
#include "port/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *suffix_of(const struct world_port *port)
{
	return port->config.entrance.protocol == VM_DGRAM ? "dgram" : "sock";
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return !getpeername(fd, (struct sockaddr *)&peer, &len);
}

static int open_inherited(struct world_port *entrance, const char *place, struct error *error)
{
	int fd, err = entrance_inherited(place, &fd, error);

	if (err)
		return err;
	if (!is_connected(fd))
		return datagram_entrance_open(entrance, fd, NULL, &entrance->datagrams, error);
	close(fd);
	return kind_entrance_open(entrance, suffix_of(entrance), error);
}

static int open_datagrams(struct world_port *entrance, struct error *error)
{
	char place[ENTRANCE_PLACE_SIZE];
	int fd, err;

	kind_entrance_place(entrance, suffix_of(entrance), place);
	if (place[0] != '/')
		return open_inherited(entrance, place, error);
	err = unix_socket_open(place, SOCK_DGRAM, kind_entrance_group(entrance), &fd, error);
	if (err)
		return err;
	return datagram_entrance_open(entrance, fd, place, &entrance->datagrams, error);
}

int kind_vm_open_entrance(struct world_port *entrance, struct error *error)
{
	if (entrance->config.entrance.protocol == VM_DGRAM)
		return open_datagrams(entrance, error);
	return kind_entrance_open(entrance, suffix_of(entrance), error);
}

void kind_vm_close_entrance(struct world_port *entrance)
{
	kind_entrance_close(entrance);
	datagram_entrance_close(entrance->datagrams);
	entrance->datagrams = NULL;
}

static struct port *make_from_descriptor(struct world_port *port)
{
	struct port_settings settings = world_port_settings(port);
	struct loop *loop = worker_loop(port->hub->worker);
	int fd = port->fd, type = SOCK_STREAM;
	socklen_t len = sizeof(type);

	port->fd = -1;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type == SOCK_DGRAM ? datagram_port_new_connected(loop, fd, &settings)
				  : stream_port_new(loop, fd, &settings);
}

int kind_vm_make(struct world_port *port, struct error *error)
{
	if (port->peer_len)
		port->port = datagram_entrance_make(port->entrance->datagrams, port);
	else
		port->port = make_from_descriptor(port);
	return port->port ? 0 : error_set(error, errno, "the client's socket: %m");
}

void kind_vm_describe(const struct world_port *port, json_t *details)
{
	char protocol[VALUE_TEXT_SIZE];

	kind_entrance_describe(port, suffix_of(port), details);
	vm_protocol_format(&port->config.entrance.protocol, protocol);
	json_object_set_new(details, "protocol", json_string(protocol));
}

bool kind_vm_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return from->entrance.protocol == to->entrance.protocol &&
	       kind_entrance_is_same_place(from, to);
}
