/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Unix socket at which wg(8) looks for a WireGuard in user space: /var/run/wireguard/NAME.sock.
 * Requests end with an empty line; each gets its answer, one after the other.
 */
#pragma once

#include "io/loop.h"

#include <stddef.h>

struct wg_socket;

struct wg_socket_settings {
	const char *name; /* of an interface: at most 15 characters count */
	/* Control: the answer, to be freed; NULL: no memory. */
	char *(*answer)(void *owner, const char *request, size_t len, size_t *ret_len);
	void *owner;
};

/* NULL: not here, where not everybody may; the log says why if it should be possible. */
struct wg_socket *wg_socket_open(struct loop *loop, const struct wg_socket_settings *settings);
/* NULL is fine. */
void wg_socket_close(struct wg_socket *socket);
