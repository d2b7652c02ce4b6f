/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where clients come in: a socket that is listened on, a place that is dialled until it answers, or
 * a socket that was inherited. Each connection goes to on_client(). Control thread.
 */
#pragma once

#include "base/error.h"
#include "io/loop.h"

#define ENTRANCE_REDIAL	    (1 * NSEC_PER_SEC)
#define ENTRANCE_PLACE_SIZE 256

struct entrance;

struct entrance_settings {
	/* A path, ADDRESS:PORT, or fd:NAME of sd_listen_fds_with_names(3). */
	char place[ENTRANCE_PLACE_SIZE];
	bool is_dialled;
	const char *group; /* that may use a path */
	/* The connected, non-blocking socket is the owner's. May close the entrance. */
	void (*on_client)(void *owner, int fd);
	void *owner;
};

int entrance_open(struct loop *loop, const struct entrance_settings *settings,
	struct entrance **ret_entrance, struct error *error) MUST_USE;
void entrance_close(struct entrance *entrance); /* NULL is fine */
/* The client is gone: a dialled place is dialled again after a while. Does nothing otherwise. */
void entrance_redial(struct entrance *entrance);

/* A duplicate of the socket that was inherited under the name of "fd:NAME". -errno. */
int entrance_inherited(const char *place, int *ret_fd, struct error *error) MUST_USE;
