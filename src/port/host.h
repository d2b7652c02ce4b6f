/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `host`: the host itself as a machine on the hub, by a TAP with the subnet's .1. */
#pragma once

#include "port/tap.h"

struct host_port_settings {
	char dev[INTERFACE_NAME_SIZE]; /* the interface to make, as lan8 */
	struct mac mac;		       /* zero: the kernel chooses */
	uint32_t mtu;
	bool has_subnet, has_subnet6;
	struct ip_prefix subnet, subnet6; /* the hub's; host bits zero */
};

/* Makes the interface, with the first address of each subnet, and sets it up. Any thread. */
int host_port_open(const struct host_port_settings *settings, struct tap *ret_tap,
	struct error *error) MUST_USE;
/* As tap_port_new(). */
struct port *host_port_new(
	struct loop *loop, const struct tap *tap, const struct port_settings *settings);
