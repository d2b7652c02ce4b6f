/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bound Unix datagram socket that many peers speak to, told apart by the paths they are bound to:
 * QEMU's `-netdev dgram`, vfkit, libkrun. Each peer is a port. A peer is answered if it is bound to
 * an absolute path that is its own (peer_path.h). Everything here is called on the hub's thread.
 */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "port/settings.h"

#include <sys/socket.h>
#include <sys/un.h>

#define DATAGRAM_PEERS_MAX 256

struct datagram_socket;

struct datagram_socket_settings {
	/*
	 * Somebody without a port speaks. At the end of a turn; again after a second, if he still
	 * does. The first frame he sent is kept for the port. May make the port, may not free the
	 * socket.
	 */
	void (*on_peer)(void *owner, const struct sockaddr_un *peer, socklen_t peer_len);
	void *owner;
};

/* fd: bound and non-blocking; taken over, also on failure. NULL: errno says why. */
struct datagram_socket *datagram_socket_new(
	struct loop *loop, int fd, const struct datagram_socket_settings *settings);
/* Ports that are still there are gone, with a reason. NULL is fine. */
void datagram_socket_free(struct datagram_socket *socket);
/*
 * For a peer that on_peer() told of. NULL: errno says why; EADDRINUSE: it has one; ENOSPC:
 * DATAGRAM_PEERS_MAX; ENOENT: it has been forgotten, or its socket is gone; EPERM: the path is
 * another's. The port is to be on a hub before the caller returns to the loop.
 */
struct port *datagram_port_new(struct datagram_socket *socket, const struct sockaddr_un *peer,
	socklen_t peer_len, const struct port_settings *settings);
/* Datagrams that belonged to no port: from nobody who can be answered, or from too many. */
uint64_t datagram_socket_ignored(const struct datagram_socket *socket);
