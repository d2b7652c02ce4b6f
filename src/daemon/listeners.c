/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/listeners.h"

#include "daemon/inet_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct listener_socket {
	struct list node;
	bool is_udp;
	struct endpoint outside;
	int fd;
};

void listeners_init(struct listeners *listeners)
{
	list_init(&listeners->all);
}

static void close_one(struct listener_socket *socket)
{
	list_remove(&socket->node);
	close(socket->fd);
	free(socket);
}

void listeners_done(struct listeners *listeners)
{
	LIST_EACH(node, &listeners->all)
		close_one(LIST_ENTRY(node, struct listener_socket, node));
}

static struct listener_socket *find(
	struct listeners *listeners, bool is_udp, const struct endpoint *outside)
{
	LIST_EACH(node, &listeners->all) {
		struct listener_socket *socket = LIST_ENTRY(node, struct listener_socket, node);

		if (socket->is_udp == is_udp && endpoint_equal(&socket->outside, outside))
			return socket;
	}
	return NULL;
}

int listeners_open(struct listeners *listeners, bool is_udp, const struct endpoint *outside,
	struct error *error)
{
	struct listener_socket *socket;
	char text[ENDPOINT_TEXT_SIZE];
	int fd, err;

	if (find(listeners, is_udp, outside))
		return 0;
	err = inet_socket_open(is_udp, outside, &fd, error);
	if (err)
		return error_wrap(error, err, "forward %s %s", is_udp ? "udp" : "tcp",
			endpoint_format(outside, text));
	socket = calloc(1, sizeof(*socket));
	if (!socket) {
		close(fd);
		return error_set(error, ENOMEM, "out of memory");
	}
	socket->is_udp = is_udp;
	socket->outside = *outside;
	socket->fd = fd;
	list_push_back(&listeners->all, &socket->node);
	return 0;
}

int listeners_take(struct listeners *listeners, bool is_udp, const struct endpoint *outside)
{
	struct listener_socket *socket = find(listeners, is_udp, outside);
	int fd;

	if (!socket)
		return -ENOENT;
	fd = fcntl(socket->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

void listeners_sweep(struct listeners *listeners,
	bool (*is_wanted)(void *context, bool is_udp, const struct endpoint *outside),
	void *context)
{
	LIST_EACH(node, &listeners->all) {
		struct listener_socket *socket = LIST_ENTRY(node, struct listener_socket, node);

		if (!is_wanted(context, socket->is_udp, &socket->outside))
			close_one(socket);
	}
}
