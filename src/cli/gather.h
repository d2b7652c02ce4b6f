/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same question put to one hub, or to all that can answer it. */
#pragma once

#include "cli/call.h"

#include <jansson.h>

struct gather {
	const char *hub;  /* NULL: all, or all that have a port of the kind */
	const char *kind; /* of port that answers; NULL: the hub does */
	const char *what; /* "leases": the path's last step, and the list in the reply */
};

/*
 * ret_list: {what: [...], "total": n}; each object says its "hub". total: how many there are,
 * where the daemon sent fewer. An exit code.
 */
int gather(struct call *call, const struct gather *question, json_t **ret_list) MUST_USE;
