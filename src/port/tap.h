/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port/ is what can be plugged into a hub: one file or folder for each kind. A port joins a
 * descriptor to the hub; it decides nothing about frames.
 *
 * tap.h: the port over a TAP, shared by the kinds that make one. Frames keep their offloads: a
 * 64 KiB super-frame is one read and one write. Everything here is called on the loop's thread.
 */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "io/tap.h"

struct tap_port_settings {
	char name[PORT_NAME_SIZE]; /* may be empty */
	uint32_t mtu;		   /* as in struct port */
	/*
	 * The interface is gone, or its descriptor broken: the port is deaf from now on. Comes at
	 * the end of a turn, so it may detach and free the port. why: for people, lent. May be
	 * NULL.
	 */
	void (*on_gone)(void *owner, struct port *port, const char *why);
	void *owner;
};

/*
 * ops: the kind's table, with the two functions below. Takes over tap->fd, also when it fails.
 * NULL: errno says why. The port is to be on a hub before the caller returns to the loop.
 */
struct port *tap_port_new(struct loop *loop, const struct port_ops *ops, const struct tap *tap,
	const struct tap_port_settings *settings);
void tap_port_send(struct port *port, const struct frame *frames, unsigned count);
void tap_port_free(struct port *port);
