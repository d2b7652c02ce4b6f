/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How DHCP messages of a client travel: as frames while the interface has no address (packet(7)),
 * as datagrams while it has one. Works in the network namespace it is opened in.
 */
#pragma once

#include "base/error.h"
#include "wire/dhcp.h"

struct dhcp_socket {
	int fd; /* -1: closed */
	int interface;
	struct mac mac;
	bool is_raw; /* frames, and not datagrams */
};

/* -errno. interface: an index. */
int dhcp_socket_open_raw(struct dhcp_socket *socket, int interface, struct mac mac) MUST_USE;
int dhcp_socket_open_datagram(
	struct dhcp_socket *socket, int interface, const char *interface_name) MUST_USE;
void dhcp_socket_close(struct dhcp_socket *socket);

/* to: where a datagram goes; frames go to everybody. What is lost is asked again, so no result. */
void dhcp_socket_send(
	const struct dhcp_socket *socket, struct ip4 to, const struct dhcp_message *message);
/* False: there is nothing left to read. What is no DHCP message is passed over. */
bool dhcp_socket_receive(const struct dhcp_socket *socket, struct dhcp_message *ret) MUST_USE;
