/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Unix datagram socket with many peers as an entrance: the socket is the hub's thread's, who it
 * hears of for the first time is told to control, which makes him a port.
 */
#pragma once

#include "daemon/world.h"

struct datagram_entrance;

/* fd: bound and non-blocking; taken, also on failure. path: unlinked at the end; or NULL. Control
 * thread, both. */
int datagram_entrance_open(struct world_port *entrance, int fd, const char *path,
	struct datagram_entrance **ret_datagrams, struct error *error) MUST_USE;
void datagram_entrance_close(struct datagram_entrance *datagrams); /* NULL is fine */

/* The port of a client that the above told of. The hub's thread. NULL: errno says why. */
struct port *datagram_entrance_make(struct datagram_entrance *datagrams, struct world_port *client);
