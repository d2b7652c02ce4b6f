/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an apply did or would do, in sentences. */
#pragma once

#include "base/attr.h"
#include "daemon/plan.h"

#include <jansson.h>

struct apply_report {
	json_t *changes, *warnings; /* lists of strings; NULL: there was no memory */
};

void apply_report_init(struct apply_report *report);
void apply_report_done(struct apply_report *report);

/* Adds what the plan changes. */
void apply_report_plan(struct apply_report *report, const struct plan *plan);
/* Also to the log. */
void apply_report_warn(struct apply_report *report, const char *format, ...) PRINTF_LIKE(2, 3);
