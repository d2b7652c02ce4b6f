/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket that everybody who wants something comes through. It accepts, waits for a client's
 * first bytes, collects the descriptors that came with them, and hands the connection on.
 */
#pragma once

#include "base/error.h"
#include "io/loop.h"

#define DOOR_GROUP	 "lanyard" /* whose members may use our sockets, where there is one */
#define DOOR_WAITING_MAX 32	   /* clients that have not said anything yet */
#define DOOR_PATIENCE	 (10 * NSEC_PER_SEC)
#define DOOR_REST	 (100 * NSEC_PER_MSEC) /* where descriptors ran out */

struct door;

/* Called with a socket and descriptors that are the callee's from then on. */
struct door_guest {
	void (*on_guest)(struct door_guest *guest, int fd, const int *fds, unsigned fd_count);
};

/*
 * path: mode 0660, of the group "lanyard" where there is one. A socket that nobody listens on any
 * more is replaced. -EADDRINUSE: another daemon is alive there.
 */
int door_open(struct loop *loop, const char *path, struct door_guest *guest, struct door **ret_door,
	struct error *error) MUST_USE;
/* Removes the socket's file. NULL is fine. */
void door_close(struct door *door);
