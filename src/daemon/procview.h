/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vmnet files as a directory: a file system of our own (fuse(4)) whose requests come to our
 * loop. Files are there as long as their port is, and say what is so when they are read.
 */
#pragma once

#include "base/error.h"
#include "daemon/world.h"

struct procview;

/*
 * path: a directory, made if it is not there; what a daemon that was killed left mounted on it is
 * removed. Who may use the API's socket may read the files, where we are root; else only we may.
 * To be called before privileges are given up: an ordinary user's mount is made by fusermount3(1),
 * which is setuid.
 */
int procview_open(struct world *world, const char *path, const char *api_path,
	struct procview **ret_view, struct error *error) MUST_USE;
/* Unmounts. NULL is fine. */
void procview_close(struct procview *view);
