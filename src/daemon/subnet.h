/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a hub's subnet is one that the host reaches by other ways, and which would be free. */
#pragma once

#include "io/netlink.h"

#include <stdbool.h>

/* The first of `used` that overlaps, or NULL. Routes that hold a large part of the internet (a VPN
 * that takes all) are no reason. */
const struct used_subnet *subnet_collision(
	const struct ip_prefix *subnet, const struct used_subnet *used, size_t count);
/* The next subnet of the same size that collides with none: after this one in 192.168.0.0/16, then
 * from its beginning, then in 10.0.0.0/8. IPv4. */
bool subnet_next_free(const struct ip_prefix *subnet, const struct used_subnet *used, size_t count,
	struct ip_prefix *ret_free) MUST_USE;
