/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply_report.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void apply_report_init(struct apply_report *report)
{
	report->changes = json_array();
	report->warnings = json_array();
}

void apply_report_done(struct apply_report *report)
{
	json_decref(report->changes);
	json_decref(report->warnings);
}

static const char *fate_name(enum plan_fate fate)
{
	switch (fate) {
	case PLAN_KEEP:
		return "kept";
	case PLAN_CHANGE:
		return "changed";
	case PLAN_REPLACE:
		return "made anew";
	case PLAN_REMOVE:
		return "removed";
	case PLAN_ADD:
		return "added";
	}
	return "";
}

static void report_port(
	struct apply_report *report, const struct plan_hub *hub, const struct plan_port *port)
{
	const struct port_config *config = port->to == PLAN_NONE ? &hub->from->ports[port->from]
								 : &hub->to->ports[port->to];
	char text[160];

	if (port->fate == PLAN_KEEP)
		return;
	snprintf(text, sizeof(text), "%s: %s port%s%s: %s",
		hub->to ? hub->to->name : hub->from->name, port_kind_name(config->kind),
		config->name[0] ? " " : "", config->name, fate_name(port->fate));
	json_array_append_new(report->changes, json_string(text));
}

void apply_report_plan(struct apply_report *report, const struct plan *plan)
{
	for (size_t i = 0; i < plan->hub_count; i++) {
		const struct plan_hub *hub = &plan->hubs[i];
		char text[64];

		if (hub->fate != PLAN_KEEP) {
			snprintf(text, sizeof(text), "%s: %s",
				hub->to ? hub->to->name : hub->from->name, fate_name(hub->fate));
			json_array_append_new(report->changes, json_string(text));
		}
		for (size_t j = 0; j < hub->port_count; j++)
			report_port(report, hub, &hub->ports[j]);
	}
}

void apply_report_warn(struct apply_report *report, const char *format, ...)
{
	char text[480];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_warning("%s", text);
	json_array_append_new(report->warnings, json_string(text));
}
