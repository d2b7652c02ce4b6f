/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port over a connected stream socket, Unix or TCP, as QEMU's `-netdev stream` speaks it: a
 * length of four bytes, big endian, before each frame. Frames carry no offloads. Everything here is
 * called on the loop's thread.
 */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "port/settings.h"

/*
 * fd: connected and non-blocking; taken over, also on failure. NULL: errno says why. The port is to
 * be on a hub before the caller returns to the loop.
 */
struct port *stream_port_new(struct loop *loop, int fd, const struct port_settings *settings);
