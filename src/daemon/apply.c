/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply.h"

#include "base/log.h"
#include "daemon/apply_subnet.h"
#include "daemon/apply_transaction.h"
#include "daemon/kind_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct world_hub *nth_hub(const struct world *world, size_t n)
{
	LIST_EACH(node, &world->hubs) {
		if (!n--)
			return LIST_ENTRY(node, struct world_hub, node);
	}
	return NULL;
}

/* ports[i]: as the running configuration counts them. */
static void list_ports(const struct world_hub *hub, struct world_port **ports)
{
	LIST_EACH(node, &hub->ports) {
		struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (!port->entrance)
			*ports++ = port;
	}
}

struct by_hand {
	struct plan_stays stays;
	const struct world *world;
};

static bool was_plugged_by_hand(const struct plan_stays *stays, size_t hub, size_t port)
{
	const struct by_hand *by_hand = CONTAINER_OF(stays, const struct by_hand, stays);

	LIST_EACH(node, &nth_hub(by_hand->world, hub)->ports) {
		const struct world_port *running = LIST_ENTRY(node, struct world_port, node);

		if (!running->entrance && !port--)
			return !running->is_from_file;
	}
	return false;
}

static int add_jobs(struct transaction *t, struct hub_job *hub)
{
	const struct plan_hub *plan = hub->plan;
	struct world_port **running;

	running = calloc(plan->from ? plan->from->port_count + 1 : 1, sizeof(struct world_port *));
	if (!running)
		return -ENOMEM;
	if (hub->hub)
		list_ports(hub->hub, running);
	for (size_t i = 0; i < plan->port_count; i++) {
		const struct plan_port *port = &plan->ports[i];

		t->jobs[t->job_count++] = (struct job){
			.fate = port->fate,
			.hub = hub->hub,
			.old = port->from == PLAN_NONE ? NULL : running[port->from],
			.to = port->to == PLAN_NONE ? NULL : &plan->to->ports[port->to],
		};
	}
	free(running);
	return 0;
}

static int fill(struct transaction *t)
{
	size_t port_count = 0;
	int err = 0;

	for (size_t i = 0; i < t->plan->hub_count; i++)
		port_count += t->plan->hubs[i].port_count;
	t->hubs = calloc(t->plan->hub_count + 1, sizeof(*t->hubs));
	t->jobs = calloc(port_count + 1, sizeof(*t->jobs));
	if (!t->hubs || !t->jobs)
		return -ENOMEM;
	for (size_t i = 0; i < t->plan->hub_count && !err; i++) {
		t->hubs[i].plan = &t->plan->hubs[i];
		if (t->plan->hubs[i].from)
			t->hubs[i].hub = nth_hub(t->world, i);
		err = add_jobs(t, &t->hubs[i]);
	}
	return err;
}

static int begin(struct transaction *t, struct world *world, const struct config *wished,
	struct error *error)
{
	const struct by_hand by_hand = {{was_plugged_by_hand}, world};

	*t = (struct transaction){.world = world, .running = world_config(world)};
	if (t->running)
		t->plan = plan_new(t->running, wished, &by_hand.stays);
	if (t->plan && !fill(t))
		return 0;
	return error_set(error, ENOMEM, "out of memory");
}

static void end(struct transaction *t)
{
	for (size_t i = 0; i < t->job_count; i++) {
		if (t->jobs[i].has_next)
			port_config_done(&t->jobs[i].next);
		if (t->jobs[i].has_lost)
			port_config_done(&t->jobs[i].lost);
	}
	free(t->jobs);
	free(t->hubs);
	plan_free(t->plan);
	config_free(t->running);
}

static void commit_change(struct job *job, struct apply_report *report)
{
	struct error error = {0};
	char id[PORT_ID_SIZE];

	job->has_next = false;
	if (world_port_change(job->old, &job->next, &error))
		apply_report_warn(report, "%s: changed in part only: %s",
			world_port_id(job->old, id), error.text);
}

static void commit_fresh(struct job *job, struct apply_report *report)
{
	struct error error = {0};

	if (world_port_plug(job->fresh, &error)) {
		apply_report_warn(report, "%s", error.text);
		world_port_free(job->fresh);
		return;
	}
	job->fresh->is_from_file = true;
	world_port_tell(job->fresh, "port-up", NULL);
}

static void commit_old(struct job *job)
{
	if (!job->old || !job_ends(job))
		return;
	world_port_unplug(job->old);
	world_port_tell(job->old, "port-down", NULL);
	world_port_free(job->old);
}

static void commit_port(struct job *job, struct apply_report *report)
{
	if (job->fate == PLAN_CHANGE)
		commit_change(job, report);
	if (job_survives(job) && job->to)
		job->old->is_from_file = true;
	if (job->fresh)
		commit_fresh(job, report);
}

static void tell_hub(const struct world_hub *hub, const char *event)
{
	char text[PREFIX_TEXT_SIZE];
	const char *subnet = hub->config.has_subnet ? prefix_format(&hub->config.subnet, text)
						    : NULL;

	events_tell(hub->world->events, event, hub->config.name, "{s:s*}", "subnet", subnet);
	log_info("%s: %s%s%s", hub->config.name, event + strlen("hub-"), subnet ? ", " : "",
		subnet ? subnet : "");
}

static void commit_hub(struct hub_job *hub)
{
	if (hub->plan->fate == PLAN_CHANGE)
		hub->hub->moved_from = (struct ip_prefix){}; /* somebody chose this one */
	if (hub->plan->fate != PLAN_REMOVE) {
		kind_link_tell_guests(hub->hub);
		return;
	}
	tell_hub(hub->hub, "hub-down");
	world_hub_free(hub->hub);
}

static void commit(struct transaction *t, struct apply_report *report)
{
	for (size_t i = 0; i < t->plan->hub_count; i++) {
		if (t->hubs[i].plan->fate != PLAN_ADD)
			continue;
		world_hub_insert(t->hubs[i].hub);
		tell_hub(t->hubs[i].hub, "hub-up");
	}
	for (size_t i = 0; i < t->job_count; i++)
		commit_old(&t->jobs[i]);
	for (size_t i = 0; i < t->job_count; i++)
		commit_port(&t->jobs[i], report);
	for (size_t i = 0; i < t->plan->hub_count; i++)
		commit_hub(&t->hubs[i]);
}

static void tell_applied(struct world *world, const struct apply_report *report)
{
	if (json_array_size(report->changes))
		events_tell(world->events, "config", NULL, "{s:O}", "changes", report->changes);
}

int apply(struct world *world, const struct config *wished, struct apply_report *report,
	struct error *error)
{
	struct transaction t;
	int err = begin(&t, world, wished, error);

	if (!err) {
		apply_subnet_warn(
			world, t.plan, report); /* before interfaces of ours use them too */
		err = transaction_prepare(&t, error);
		if (err) {
			transaction_roll_back(&t);
		} else {
			apply_report_plan(report, t.plan);
			commit(&t, report);
			tell_applied(world, report);
		}
		world_sweep_listeners(world);
	}
	end(&t);
	return err;
}

int apply_preview(struct world *world, const struct config *wished, struct apply_report *report,
	struct error *error)
{
	struct transaction t;
	int err = begin(&t, world, wished, error);

	if (!err)
		err = transaction_check(&t, error);
	if (!err) {
		apply_report_plan(report, t.plan);
		apply_subnet_warn(world, t.plan, report);
	}
	end(&t);
	return err;
}

static void say_moved(
	struct world *world, const struct config *config, const struct ip_prefix *moved_from)
{
	struct world_hub *hub = world_find_hub(world, config->hubs[0].name);
	char from[PREFIX_TEXT_SIZE], to[PREFIX_TEXT_SIZE];

	if (!hub || !moved_from->len)
		return;
	hub->moved_from = *moved_from;
	log_warning("%s: the host uses %s otherwise; moved to %s", hub->config.name,
		prefix_format(moved_from, from), prefix_format(&hub->config.subnet, to));
}

int apply_default(struct world *world, struct error *error)
{
	struct ip_prefix moved_from;
	struct config *config = apply_subnet_default(world, &moved_from);
	struct apply_report report;
	int err;

	if (!config)
		return error_set(error, ENOMEM, "out of memory");
	apply_report_init(&report);
	err = apply(world, config, &report, error);
	if (!err)
		say_moved(world, config, &moved_from);
	apply_report_done(&report);
	config_free(config);
	return err;
}
