/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What apply.c and apply_prepare.c share: a plan being carried out. */
#pragma once

#include "daemon/plan.h"
#include "daemon/world.h"

/* One port's part of the plan. */
struct job {
	enum plan_fate fate;
	struct world_hub *hub;
	struct world_port *old, *fresh;
	const struct port_config *to; /* NULL: the wish does not have it */
	struct port_config next;      /* PLAN_CHANGE: the copy of `to` that the port will own */
	bool has_next;
	struct port_config lost; /* what `old` was, when it had to end early */
	bool has_lost, lost_was_from_file;
};

struct hub_job {
	const struct plan_hub *plan;
	struct world_hub *hub;
	struct hub_config before; /* PLAN_CHANGE: what it was, without ports */
	bool has_before;
	uint32_t wished_before; /* the world's wished_mtu */
};

struct transaction {
	struct world *world;
	struct config *running;
	struct plan *plan;
	struct hub_job *hubs; /* one for each of the plan's */
	struct job *jobs;
	size_t job_count;
};

static inline bool job_survives(const struct job *job)
{
	return job->fate == PLAN_KEEP || job->fate == PLAN_CHANGE;
}

/* The running port is on its way out. */
static inline bool job_ends(const struct job *job)
{
	return job->fate == PLAN_REMOVE || job->fate == PLAN_REPLACE;
}

/* The wish agrees with itself; what it has to agree with too is what stays without being in it. */
int transaction_check(const struct transaction *t, struct error *error) MUST_USE;
/* Makes everything that can fail to be made; after a failure, transaction_roll_back(). */
int transaction_prepare(struct transaction *t, struct error *error) MUST_USE;
/* The world as it was. */
void transaction_roll_back(struct transaction *t);
