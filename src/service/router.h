/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A router's legs (ip/router/) on the threads of their hubs, and how they come to know each other.
 * What a leg reads is told to its loop by loop_post(), once for all that was written in a turn.
 */
#pragma once

#include "base/error.h"
#include "io/worker.h"
#include "ip/router/leg.h"

struct router_leg;

/* The loop's thread. The port's name may be set before it is attached; port->ops->free() ends it,
 * once it was separated from the others: router_join(). */
int router_leg_new(struct loop *loop, const struct leg_settings *settings,
	struct router_leg **ret_leg, struct error *error) MUST_USE;
struct port *router_leg_port(struct router_leg *leg);
const struct leg *router_leg_machine(const struct router_leg *leg);

struct router_member {
	struct router_leg *leg;
	struct worker *worker; /* of its hub */
	struct router_site site;
};

/*
 * From here on these are the legs of one router, and none but these; leaving, which may be NULL, is
 * alone afterwards. Packets on their way between those who stay are not lost. The thread is none of
 * theirs. -ENOMEM: all is as it was, but for `leaving`: then those left are alone too.
 */
int router_join(const struct router_member *members, unsigned count,
	const struct router_member *leaving) MUST_USE;
