/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A resolv.conf(5) of this mount namespace's own, in memory. Whoever writes to /etc/resolv.conf in
 * there, we or a DHCP client the guest runs, changes that one and not the system's.
 */
#pragma once

#include "base/error.h"
#include "wire/dhcp.h"

/* Puts an empty file over /etc/resolv.conf, also when that is missing or leads nowhere, and hides
 * the sockets by which the C library would ask the system's own resolver. Returns its descriptor,
 * to be closed, or -errno. */
int resolv_conf_open(struct error *error) MUST_USE;
/* The lease's name servers and search list. -errno. */
int resolv_conf_write(int fd, const struct dhcp_message *lease) MUST_USE;
