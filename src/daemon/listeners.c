/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

static socklen_t address_of(const struct endpoint *outside, struct sockaddr_storage *address)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (ip_is_v4(outside->ip)) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(outside->port);
		in4->sin_addr.s_addr = ip_to_v4(outside->ip).be;
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(outside->port);
	memcpy(&in6->sin6_addr, outside->ip.bytes, 16);
	return sizeof(*in6);
}

static int bind_socket(int fd, bool is_udp, const struct endpoint *outside)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(outside, &address);
	int yes = 1;

	/* After a restart a port with old connections in TIME_WAIT is ours again; UDP would share.
	 */
	if (!is_udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		return -errno;
	/* 0.0.0.0 and :: are two forwards, as they were written. */
	if (address.ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, len) < 0)
		return -errno;
	if (!is_udp && listen(fd, SOMAXCONN) < 0)
		return -errno;
	return 0;
}

static const char *reason(int err)
{
	switch (-err) {
	case EADDRINUSE:
		return "address already in use, by another program or forward";
	case EADDRNOTAVAIL:
		return "the host has no such address";
	case EACCES:
		return "ports below 1024 are not ours to take (CAP_NET_BIND_SERVICE)";
	}
	return strerror(-err);
}

static int open_socket(bool is_udp, const struct endpoint *outside)
{
	int type = is_udp ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(
		ip_is_v4(outside->ip) ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = bind_socket(fd, is_udp, outside);
	if (err)
		close(fd);
	return err ? err : fd;
}

int listeners_open(struct listeners *listeners, bool is_udp, const struct endpoint *outside,
	struct error *error)
{
	struct listener_socket *socket;
	char text[ENDPOINT_TEXT_SIZE];
	int fd;

	if (find(listeners, is_udp, outside))
		return 0;
	fd = open_socket(is_udp, outside);
	if (fd < 0)
		return error_set(error, -fd, "forward %s %s: %s", is_udp ? "udp" : "tcp",
			endpoint_format(outside, text), reason(fd));
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
