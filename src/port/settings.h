/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port/ is what can be plugged into a hub: one file or folder for each kind. A port joins a
 * descriptor to the hub; it decides nothing about frames.
 *
 * settings.h: what every port over a descriptor is told when it is made.
 */
#pragma once

#include "hub/port.h"

struct port_settings {
	char name[PORT_NAME_SIZE]; /* may be empty */
	uint32_t mtu;		   /* as in struct port */
	/*
	 * What is behind the port is gone, or its descriptor broke: the port is deaf from now on.
	 * Comes at the end of a turn, so it may detach and free the port. why: for people, lent.
	 * May be NULL.
	 */
	void (*on_gone)(void *owner, struct port *port, const char *why);
	void *owner;
};
