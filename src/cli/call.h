/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/ is what a person types. It reaches the daemon through its API alone, and makes namespaces
 * and interfaces only for the guests it starts (exec, attach). It knows no hub and no port kind.
 *
 * call.h: one run of one command: what was typed, and what went wrong.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

enum exit_code {
	EXIT_FINE = 0,
	EXIT_FAILED = 1,
	EXIT_BAD_INPUT = 2,
	EXIT_UNREACHABLE = 3, /* no daemon */
};

struct call {
	const char *name;     /* the command's; NULL: none yet */
	const char *usage;    /* what follows the name */
	const char *api_path; /* --api; NULL: not given */
	bool wants_json;      /* --json */
	char **args;	      /* what is left to read, arg_count of them, then NULL */
	int arg_count;
	struct error error;
	bool error_has_place; /* it begins with FILE:, so the program's name need not */
};

/*
 * The exit code for what api.h and config/ return: -EINVAL is bad input, -ENOTCONN is no daemon.
 */
int call_exit(int err);

/* The API at the place that was typed, or the usual one. EXIT_FAILED: no memory. */
struct api;
int call_open_api(struct call *call, struct api **ret_api) MUST_USE;

/* EXIT_BAD_INPUT, with "COMMAND: ..." for words that are too many, missing or unknown, and how it
 * is used. */
int call_refuse(struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same for a value that is wrong: the sentence says what would be right. */
int call_refuse_value(struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);
/* KEY=VALUE words from args[first] on, into the object; EXIT_BAD_INPUT. */
int call_add_settings(struct call *call, int first, json_t *object);
