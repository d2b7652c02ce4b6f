/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder that is a VDE switch to its plugs: the control socket "ctl" in it, which somebody else
 * listens on, and a data socket for each plug. Plugs put sockets of their own there too.
 */
#pragma once

#include "base/error.h"
#include "port/peer_path.h"

/* Makes it, for us alone or for a group (that may write, and to which all in it belongs); one that
 * is there already must be ours. Any thread. -errno. */
int vde_folder_open(const char *folder, const char *group, struct error *error) MUST_USE;
/* Removes it if it is empty. */
void vde_folder_close(const char *folder);

/*
 * A data socket in the folder, non-blocking, that somebody else may write to: he is root or
 * ourselves (then nobody else can), or in the group of the folder. Its path is the caller's to
 * unlink. Returns the descriptor, or -errno.
 */
int vde_data_socket_open(const char *folder, uid_t peer, struct peer_address *ret_address) MUST_USE;
