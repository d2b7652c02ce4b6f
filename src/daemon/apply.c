/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply.h"

#include "base/log.h"
#include "daemon/apply_subnet.h"
#include "daemon/kinds.h"
#include "daemon/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
};

struct transaction {
	struct world *world;
	struct config *running;
	struct plan *plan;
	struct hub_job *hubs; /* one for each of the plan's */
	struct job *jobs;
	size_t job_count;
};

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
	LIST_EACH(node, &hub->ports)
		*ports++ = LIST_ENTRY(node, struct world_port, node);
}

struct by_hand {
	struct plan_stays stays;
	const struct world *world;
};

static bool was_plugged_by_hand(const struct plan_stays *stays, size_t hub, size_t port)
{
	const struct by_hand *by_hand = CONTAINER_OF(stays, const struct by_hand, stays);

	LIST_EACH(node, &nth_hub(by_hand->world, hub)->ports) {
		if (!port--)
			return !LIST_ENTRY(node, struct world_port, node)->is_from_file;
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

static bool survives(const struct job *job)
{
	return job->fate == PLAN_KEEP || job->fate == PLAN_CHANGE;
}

static int check_name(const struct transaction *t, const struct job *wished, struct error *error)
{
	for (size_t i = 0; i < t->job_count; i++) {
		const struct job *job = &t->jobs[i];

		if (survives(job) && !strcmp(job->old->name, wished->to->name))
			return error_set(error, EEXIST,
				"'%s' is the name of %s.%u (%s) already; unplug that first",
				wished->to->name, job->hub->config.name, job->old->slot,
				port_kind_name(job->old->config.kind));
	}
	return 0;
}

/* The wish agrees with itself; what it has to agree with too is what stays without being in it. */
static int check_names(const struct transaction *t, struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < t->job_count && !err; i++) {
		if (!survives(&t->jobs[i]) && t->jobs[i].to && t->jobs[i].to->name[0])
			err = check_name(t, &t->jobs[i], error);
	}
	return err;
}

/* All but the name: the hub's thread may be reading that. */
static void set_hub_config(struct world_hub *hub, const struct hub_config *config)
{
	hub->config.has_subnet = config->has_subnet;
	hub->config.has_subnet6 = config->has_subnet6;
	hub->config.subnet = config->subnet;
	hub->config.subnet6 = config->subnet6;
	hub->config.mtu = config->mtu;
}

static int prepare_hub(struct transaction *t, struct hub_job *hub, struct error *error)
{
	const struct plan_hub *plan = hub->plan;
	int err = 0;

	if (plan->fate == PLAN_ADD) {
		err = world_hub_new(t->world, plan->to, &hub->hub, error);
		for (size_t i = 0; i < t->job_count; i++) {
			if (t->jobs[i].to >= plan->to->ports &&
				t->jobs[i].to < plan->to->ports + plan->to->port_count)
				t->jobs[i].hub = hub->hub;
		}
	} else if (plan->fate == PLAN_CHANGE) {
		hub->before = hub->hub->config;
		hub->has_before = true;
		set_hub_config(
			hub->hub, plan->to); /* what is made from here on is for the new one */
	}
	return err;
}

static int prepare_change(struct job *job, struct error *error)
{
	const struct kind *kind = job->old->kind;
	int err = port_config_copy(job->to, &job->next);

	if (err)
		return error_set(error, ENOMEM, "out of memory");
	job->has_next = true;
	return kind->open_change ? kind->open_change(job->old, job->to, error) : 0;
}

/* Whether the old one has to end before the fresh one can be made. */
static bool excludes(const struct job *old, const struct job *fresh)
{
	const struct kind *kind = kind_of(fresh->to->kind);

	if (old->old->config.kind != fresh->to->kind)
		return false;
	if (kind->is_lone)
		return old->hub == fresh->hub && !kind->may_coexist;
	return kind->is_same_place && kind->is_same_place(&old->old->config, fresh->to);
}

static bool goes(const struct job *job)
{
	return job->fate == PLAN_REMOVE || job->fate == PLAN_REPLACE;
}

static int end_early(struct job *job, struct error *error)
{
	if (port_config_copy(&job->old->config, &job->lost))
		return error_set(error, ENOMEM, "out of memory");
	job->has_lost = true;
	job->lost_was_from_file = job->old->is_from_file;
	world_port_unplug(job->old);
	world_port_tell(job->old, "port-down", NULL);
	world_port_free(job->old);
	job->old = NULL;
	return 0;
}

static int make_way(struct transaction *t, const struct job *fresh, struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < t->job_count && !err; i++) {
		struct job *old = &t->jobs[i];

		if (goes(old) && old->old && excludes(old, fresh))
			err = end_early(old, error);
	}
	return err;
}

static bool needs_way(const struct transaction *t, const struct job *fresh)
{
	for (size_t i = 0; i < t->job_count; i++) {
		if (goes(&t->jobs[i]) && t->jobs[i].old && excludes(&t->jobs[i], fresh))
			return true;
	}
	return false;
}

static bool is_made(const struct job *job)
{
	return job->fate == PLAN_ADD || job->fate == PLAN_REPLACE;
}

static int prepare_port(struct job *job, struct error *error)
{
	if (job->fate == PLAN_CHANGE)
		return prepare_change(job, error);
	if (!is_made(job) || job->fresh)
		return 0;
	return world_port_new(job->hub, job->to, -1, &job->fresh, error);
}

/* Those that disturb nobody come first: when one of them fails, nothing has been disturbed. */
static int prepare_ports(struct transaction *t, struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < t->job_count && !err; i++) {
		if (!is_made(&t->jobs[i]) || !needs_way(t, &t->jobs[i]))
			err = prepare_port(&t->jobs[i], error);
	}
	for (size_t i = 0; i < t->job_count && !err; i++) {
		if (!is_made(&t->jobs[i]) || t->jobs[i].fresh)
			continue;
		err = make_way(t, &t->jobs[i], error);
		if (!err)
			err = prepare_port(&t->jobs[i], error);
	}
	return err;
}

static int prepare(struct transaction *t, struct error *error)
{
	int err = check_names(t, error);

	for (size_t i = 0; i < t->plan->hub_count && !err; i++)
		err = prepare_hub(t, &t->hubs[i], error);
	return err ? err : prepare_ports(t, error);
}

/* The port that had to end early, once more. Its guests have lost what a gateway or interface knows
 * of them; that it cannot be made again is possible and must be said. */
static void bring_back(struct job *job)
{
	struct world_port *port = NULL;
	struct error error = {0};
	int err = world_port_new(job->hub, &job->lost, -1, &port, &error);

	if (!err)
		err = world_port_plug(port, &error);
	if (!err) {
		port->is_from_file = job->lost_was_from_file;
		world_port_tell(port, "port-up", NULL);
		return;
	}
	world_port_free(port);
	log_error("%s: it had to end for the change that failed, and could not be made again",
		error.text);
}

static void roll_back(struct transaction *t)
{
	for (size_t i = 0; i < t->job_count; i++)
		world_port_free(t->jobs[i].fresh);
	for (size_t i = 0; i < t->plan->hub_count; i++) {
		struct hub_job *hub = &t->hubs[i];

		if (hub->plan->fate == PLAN_ADD)
			world_hub_free(hub->hub);
		else if (hub->has_before)
			set_hub_config(hub->hub, &hub->before);
	}
	for (size_t i = 0; i < t->job_count; i++) {
		if (t->jobs[i].has_lost)
			bring_back(&t->jobs[i]);
	}
}

static void commit_change(struct job *job, struct apply_report *report)
{
	struct error error = {0};

	job->has_next = false;
	if (world_port_change(job->old, &job->next, &error))
		apply_report_warn(report, "%s.%u: changed in part only: %s", job->hub->config.name,
			job->old->slot, error.text);
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
	if (!job->old || !goes(job))
		return;
	world_port_unplug(job->old);
	world_port_tell(job->old, "port-down", NULL);
	world_port_free(job->old);
}

static void commit_port(struct job *job, struct apply_report *report)
{
	if (job->fate == PLAN_CHANGE)
		commit_change(job, report);
	if (survives(job) && job->to)
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
	for (size_t i = 0; i < t->plan->hub_count; i++) {
		if (t->hubs[i].plan->fate != PLAN_REMOVE)
			continue;
		tell_hub(t->hubs[i].hub, "hub-down");
		world_hub_free(t->hubs[i].hub);
	}
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
		err = prepare(&t, error);
		if (err) {
			roll_back(&t);
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
		err = check_names(&t, error);
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
