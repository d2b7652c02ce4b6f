/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unix sockets with a place in the file system. */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/*
 * A non-blocking socket of this type (SOCK_STREAM: it listens; SOCK_DGRAM) bound to path, with mode
 * 0660, for the group where there is one of that name and we may give it (NULL: 0600). One that a
 * dead program left there goes; one that somebody answers at is an error. The caller unlinks the
 * path when it closes the socket. -errno.
 */
int unix_socket_open(
	const char *path, int type, const char *group, int *ret_fd, struct error *error) MUST_USE;
