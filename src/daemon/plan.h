/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be done so that what runs becomes what is wished: a comparison of two configurations,
 * that touches nothing.
 */
#pragma once

#include "config/config.h"

#include <stdbool.h>

#define PLAN_NONE SIZE_MAX

enum plan_fate {
	PLAN_KEEP,    /* as it is */
	PLAN_CHANGE,  /* while it runs */
	PLAN_REPLACE, /* by a new one */
	PLAN_REMOVE,
	PLAN_ADD,
};

struct plan_port {
	enum plan_fate fate;
	size_t from, to; /* index in the running hub's ports, in the wished one's; or PLAN_NONE */
};

struct plan_hub {
	enum plan_fate fate;		    /* never PLAN_REPLACE; PLAN_CHANGE: its subnet or MTU */
	const struct hub_config *from, *to; /* NULL: there is none */
	struct plan_port *ports;
	size_t port_count;
};

struct plan {
	struct plan_hub *hubs;
	size_t hub_count;
};

/* Whether a running port goes when no file has it: those that were plugged by hand stay. hub and
 * port: indices in `running`. */
struct plan_stays {
	bool (*stays)(const struct plan_stays *stays, size_t hub, size_t port);
};

/* Both configurations must outlive the plan. NULL: no memory. */
struct plan *plan_new(
	const struct config *running, const struct config *wished, const struct plan_stays *stays);
void plan_free(struct plan *plan);
bool plan_is_empty(const struct plan *plan);
