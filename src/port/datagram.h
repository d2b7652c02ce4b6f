/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port over a connected Unix datagram socket, a frame a datagram: one end of a socketpair(2)
 * that was inherited, or a socket that was bound and connected for QEMU's `-netdev dgram`. Frames
 * carry no offloads. Everything here is called on the loop's thread. Where many peers speak to one
 * socket: datagram_socket.h.
 */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "port/settings.h"

/*
 * fd: connected and non-blocking; taken over, also on failure. NULL: errno says why. The port is to
 * be on a hub before the caller returns to the loop.
 */
struct port *datagram_port_new_connected(
	struct loop *loop, int fd, const struct port_settings *settings);
