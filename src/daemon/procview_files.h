/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the file system of procview.h answers: one directory, with the files of vmnet_files.h. */
#pragma once

#include "base/list.h"
#include "daemon/world.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

/* The session's userdata. */
struct procview_files {
	const struct world *world;
	gid_t group;	    /* whose members may read */
	time_t since;	    /* the files' age */
	struct list opened; /* what programs have open */
};

const struct fuse_lowlevel_ops *procview_operations(void);

void procview_files_init(struct procview_files *files, const struct world *world, gid_t group);
/* Programs may still have files open: nobody will ask for them any more. */
void procview_files_done(struct procview_files *files);
