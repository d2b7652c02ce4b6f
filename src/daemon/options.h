/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/ introduces everybody to everybody: it reads the wish (config/), makes hubs, ports and
 * services of it, and answers the API. One thread, the control thread, owns all of this; a hub and
 * its ports live on a worker thread of their own and are reached by worker_call() only. Frames
 * never pass through here.
 *
 * options.h: the command line of lanyardd, and where its files are.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

#define OPTIONS_PATH_SIZE 256

enum options_wish {
	OPTIONS_RUN,
	OPTIONS_SAY_VERSION,
	OPTIONS_SAY_HELP,
};

struct options {
	enum options_wish wish;
	char config_path[OPTIONS_PATH_SIZE]; /* the file to apply; empty: the built-in default */
	char state_dir[OPTIONS_PATH_SIZE];   /* leases, keys */
	char api_path[OPTIONS_PATH_SIZE];    /* the socket */
	char runtime_dir[OPTIONS_PATH_SIZE]; /* the directory that holds the socket */
};

const char *options_help(void);

/* Reads argv and fills in the defaults, which depend on who runs us and on XDG_*_DIR.
 * -EINVAL: error says which argument is wrong. */
int options_read(
	int argc, char *const argv[], struct options *ret_options, struct error *error) MUST_USE;
