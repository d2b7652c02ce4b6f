/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports as the text files of /run/lanyard/vmnet, without those being mounted. */
#pragma once

#include "cli/api.h"
#include "cli/call.h"

/* file: one of them, or NULL: all, each behind its name. An exit code. */
int vmnet_show(struct call *call, struct api *api, const char *file) MUST_USE;
