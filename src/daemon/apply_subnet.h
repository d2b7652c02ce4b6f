/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hubs' subnets beside those that the host itself uses. */
#pragma once

#include "daemon/apply_report.h"
#include "daemon/world.h"

/* A hub of the plan that is new, or has a new subnet, which the host uses otherwise: guests would
 * not reach one of the two. Its subnet was somebody's choice and its pools and reservations stand
 * in the file, so it stays: a warning. */
void apply_subnet_warn(struct world *world, const struct plan *plan, struct apply_report *report);

/* The configuration of who has none, hub8, its subnet moved to the next free one where the host
 * uses it. ret_moved_from: from where, or len 0. NULL: no memory. */
struct config *apply_subnet_default(struct world *world, struct ip_prefix *ret_moved_from);
