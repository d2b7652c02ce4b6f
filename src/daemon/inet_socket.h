/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets bound to an address and a port of the host. */
#pragma once

#include "base/error.h"
#include "wire/address.h"

#include <stdbool.h>

/* Non-blocking; TCP listens, UDP is bound. The sentence says why not, without the place. -errno. */
int inet_socket_open(
	bool is_udp, const struct endpoint *place, int *ret_fd, struct error *error) MUST_USE;
