/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of one command: --name VALUE, --name=VALUE, --flag, and -n for one-letter names. */
#pragma once

#include "cli/call.h"

struct option {
	const char *name;   /* one letter: written with one dash */
	const char **value; /* takes a value; or else */
	bool *flag;
};

/* Anything that does not begin with a dash may come between the options, or ends them. */
enum operands {
	OPERANDS_ANYWHERE,
	OPERANDS_END_OPTIONS,
};

/*
 * Reads options (and --json, --api, which every command takes) and leaves the operands in
 * call->args. "--" ends the options and is not left there. 0, or EXIT_BAD_INPUT with the error.
 */
int options_read(struct call *call, const struct option *options, size_t count,
	enum operands operands) MUST_USE;

/* As above, and there must be min to max operands. */
int options_read_between(
	struct call *call, const struct option *options, size_t count, int min, int max) MUST_USE;
