/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table of commands; each is written in the file of its name. */
#pragma once

#include "cli/call.h"

struct command {
	const char *name, *usage;
	const char *summary; /* one line */
	/* Reads call->args; returns an exit code, and fills call->error unless it is EXIT_FINE or
	 * the command's own (exec). */
	int (*run)(struct call *call);
};

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);

int show_run(struct call *call);
int apply_run(struct call *call);
int check_run(struct call *call);
int config_run(struct call *call);
int plug_run(struct call *call);
int unplug_run(struct call *call);
int set_run(struct call *call);
int link_state_run(struct call *call);
int leases_run(struct call *call);
int flows_run(struct call *call);
int addresses_run(struct call *call);
int forward_run(struct call *call);
int link_run(struct call *call);
int capture_run(struct call *call);
int watch_run(struct call *call);
int exec_run(struct call *call);
int attach_run(struct call *call);
int qemu_args_run(struct call *call);
int version_run(struct call *call);
int help_run(struct call *call);
