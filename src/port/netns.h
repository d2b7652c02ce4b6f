/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `netns`: whatever lives in a network namespace, by a TAP that is made in there. */
#pragma once

#include "port/tap.h"

struct netns_port_settings {
	const char *netns;	       /* see netns_open() */
	char dev[INTERFACE_NAME_SIZE]; /* the interface to make in there, as eth0 */
	struct mac mac;		       /* what the guest has; zero: the kernel chooses */
	uint32_t mtu;
};

/* Makes the interface and sets it up, without addresses: those are the guest's to ask for. Any
 * thread. A TAP whose descriptor was handed to us comes by tap_adopt() instead. */
int netns_port_open(const struct netns_port_settings *settings, struct tap *ret_tap,
	struct error *error) MUST_USE;
/* As tap_port_new(). */
struct port *netns_port_new(
	struct loop *loop, const struct tap *tap, const struct port_settings *settings);
