/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only a server or a router says, for ports behind which none should be. */
#pragma once

#include "hub/frame.h"

enum guard {
	GUARD_DHCP = 1, /* answers of DHCP servers: RFC 2131 4.1, RFC 8415 7.2 */
	GUARD_RA = 2,	/* router advertisements and redirects: RFC 6105, ICMP redirects too */
	GUARD_ARP = 4,	/* that an address of somebody else is its own: hub/claims.h */
};

/* Whether one of the guards (enum guard, or-ed) refuses the frame; GUARD_ARP is not among them. */
bool guard_refuses(unsigned guards, const struct frame *frame);
