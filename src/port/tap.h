/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port over a TAP, shared by the kinds that make one. Frames keep their offloads: a
 * 64 KiB super-frame is one read and one write. Everything here is called on the loop's thread.
 */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "io/tap.h"
#include "port/settings.h"

/*
 * ops: the kind's table, with the three functions below. Takes over tap->fd, also when it fails.
 * NULL: errno says why. The port is to be on a hub before the caller returns to the loop.
 */
struct port *tap_port_new(struct loop *loop, const struct port_ops *ops, const struct tap *tap,
	const struct port_settings *settings);
void tap_port_send(struct port *port, const struct frame *frames, unsigned count);
void tap_port_free(struct port *port);
void tap_port_set_link(struct port *port, bool is_up);
