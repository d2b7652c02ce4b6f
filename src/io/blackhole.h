/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routing rules (ip-rule(8)) that have a host drop, without a word, what arrives at an interface
 * for a subnet and is not for the host itself. They carry a mark of ours and outlive us. */
#pragma once

#include "io/netlink.h"

/* interface: its name. Needs CAP_NET_ADMIN. */
int blackhole_add(struct netlink *netlink, const char *interface, const struct ip_prefix *to,
	struct error *error) MUST_USE;
/* All of ours for that interface, also those of a process that is gone. */
int blackhole_remove_all(
	struct netlink *netlink, const char *interface, struct error *error) MUST_USE;
