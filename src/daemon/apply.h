/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the world what a configuration says, touching only what differs; all of it, or nothing and
 * one sentence. First everything that can fail is made beside what runs: descriptors, hubs, ports
 * that are on no hub yet. Then the world changes hands, which cannot fail. Only where old and new
 * cannot both exist (an interface of the same name) the old one ends first, and is made again when
 * something else fails.
 */
#pragma once

#include "daemon/apply_report.h"
#include "daemon/world.h"

int apply(struct world *world, const struct config *wished, struct apply_report *report,
	struct error *error) MUST_USE;
/* What apply() would say, as far as that can be known without doing it. */
int apply_preview(struct world *world, const struct config *wished, struct apply_report *report,
	struct error *error) MUST_USE;
/* For who has no file: hub8. */
int apply_default(struct world *world, struct error *error) MUST_USE;
