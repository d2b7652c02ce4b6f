/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One conversation with the kernel, for the files of io/ that have other things to ask. */
#pragma once

#include "io/netlink.h"

#include <libmnl/libmnl.h>

/* Requests are composed in the same buffer their answers are read into. */
struct nlmsghdr *netlink_request(struct netlink *netlink, uint16_t type, uint16_t flags);
/* Sends, and reads until the kernel says it is done; each: for every answer, or NULL. 0, or
 * -errno: the kernel's refusal; -EINTR: what a dump is of has changed meanwhile. */
int netlink_converse(
	struct netlink *netlink, struct nlmsghdr *message, mnl_cb_t each, void *argument) MUST_USE;
