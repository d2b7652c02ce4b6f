/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/inet_socket.h"

#include "io/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static int bind_socket(int fd, bool is_udp, const struct endpoint *place)
{
	struct sockaddr_storage address;
	socklen_t len = socket_address(place, &address);
	int yes = 1;

	/* After a restart a port with old connections in TIME_WAIT is ours again; UDP would share.
	 */
	if (!is_udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		return -errno;
	/* 0.0.0.0 and :: are two places, as they were written. */
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

int inet_socket_open(bool is_udp, const struct endpoint *place, int *ret_fd, struct error *error)
{
	int type = is_udp ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(
		ip_is_v4(place->ip) ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : bind_socket(fd, is_udp, place);

	if (err) {
		if (fd >= 0)
			close(fd);
		return error_set(error, -err, "%s", reason(err));
	}
	*ret_fd = fd;
	return 0;
}
