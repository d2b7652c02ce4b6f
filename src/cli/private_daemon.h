/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon for one command's life, with the default network, when none is running. A guardian
 * process stands between: when we are gone, for whatever reason, it stops the daemon and removes
 * its files.
 */
#pragma once

#include "base/error.h"
#include "cli/api_socket.h"

#include <sys/types.h>

struct private_daemon {
	char api_path[API_PATH_SIZE];
	pid_t guardian;
	int lifeline; /* closing it is what the guardian waits for */
};

/* Returns when the daemon answers. -errno. */
int private_daemon_start(struct private_daemon *ret_daemon, struct error *error) MUST_USE;
/* Returns when nothing of it is left. */
void private_daemon_stop(struct private_daemon *daemon);
