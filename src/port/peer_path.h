/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A socket that somebody else says is his, by its path. Who names the path of another's socket
 * would have us write his frames there: so it is taken only from root and from its owner, and held
 * by a descriptor from then on, because what a path leads to can change.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct peer_address {
	struct sockaddr_un name;
	socklen_t len; /* 0: none */
};

static inline bool peer_address_equal(const struct peer_address *a, const struct peer_address *b)
{
	return a->len == b->len && !memcmp(&a->name, &b->name, a->len);
}

/* Not nameless, relative (to a folder that we do not know), or in the abstract namespace (which may
 * be another than ours). */
bool peer_address_is_path(const struct peer_address *address);
/* A descriptor (O_PATH) of the socket, for peer_path_address(). who: the user who named it.
 * -EINVAL: no absolute path; -ENOTSOCK; -EPERM: it is another's; else of open(2). */
int peer_path_open(const struct peer_address *address, uid_t who) MUST_USE;
/* Where connect(2) and sendmsg(2) reach that socket, whatever becomes of the path. */
struct peer_address peer_path_address(int path_fd);
/* Whether who may write to whatever we may: then it does not matter where his path leads, and by
 * the path itself a datagram is sent in 2.2 us where the above takes 4.2. */
bool peer_path_is_harmless(uid_t who);
