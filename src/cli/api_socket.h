/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the daemon's socket is, and a connection to it. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>

#define API_PATH_SIZE 108 /* sun_path, unix(7) */

/*
 * given: --api, or NULL. Then $LANYARD_API, /run/lanyard/api.sock for root, and
 * $XDG_RUNTIME_DIR/lanyard/api.sock. True when the user chose: it is not one of the defaults.
 * A path too long for a socket is cut, and will not be found.
 */
bool api_socket_path(const char *given, char ret_path[API_PATH_SIZE]);

/* A connected socket, or -errno. */
int api_socket_connect(const char *path) MUST_USE;
/*
 * Hands a descriptor over, before the first request on a connection. It rides on an empty line,
 * which a server has to overlook there (RFC 9112 2.2). -errno.
 */
int api_socket_send(int socket, int fd) MUST_USE;
