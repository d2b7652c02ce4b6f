/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What arrives at one interface arrives at another instead (tc-mirred(8)). */
#pragma once

#include "io/netlink.h"

/*
 * Frames that arrive at interface `from`, which is ours and new, are taken for frames that arrived
 * at interface `to`; a redirection it had is replaced. Nothing of `to` is changed. Ends with
 * `from`. Needs CAP_NET_ADMIN.
 */
int redirect_ingress(
	struct netlink *netlink, const char *from, int to, struct error *error) MUST_USE;
