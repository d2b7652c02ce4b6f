/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real outside: sockets of the host, watched by the gateway's loop. */
#pragma once

#include "io/address.h"
#include "nat/outside.h"

struct socket_outside {
	struct outside outside;
	struct loop *loop;
};

struct outside *outside_new(struct loop *loop); /* NULL: no memory */
void outside_free(struct outside *outside);	/* NULL is fine */

/* The next entry of the error queue; see outside_ops.receive_error. */
bool socket_receive_error(struct outside_socket *socket, struct outside_failure *ret,
	struct endpoint *ret_peer, void *quoted, size_t size, size_t *ret_len);

/* socket_datagram.c */
int socket_open_udp(
	struct outside *outside, struct outside_socket *socket, struct ip like, uint16_t port);
int socket_adopt_udp(struct outside *outside, struct outside_socket *socket, int fd);
int socket_open_ping(
	struct outside *outside, struct outside_socket *socket, struct ip like, uint16_t id);
ssize_t socket_send_datagram(struct outside_socket *socket, const struct outside_datagram *datagram,
	const struct iovec *parts, unsigned count);
ssize_t socket_receive_datagram(
	struct outside_socket *socket, struct outside_datagram *ret, void *buffer, size_t size);
