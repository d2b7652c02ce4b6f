/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply_transaction.h"

#include "base/log.h"
#include "daemon/kind_link.h"
#include "daemon/kinds.h"

#include <errno.h>
#include <string.h>

static int check_name(const struct transaction *t, const struct job *wished, struct error *error)
{
	for (size_t i = 0; i < t->job_count; i++) {
		const struct job *job = &t->jobs[i];
		char id[PORT_ID_SIZE];

		if (job_survives(job) && !strcmp(job->old->name, wished->to->name))
			return error_set(error, EEXIST,
				"'%s' is the name of %s (%s) already; unplug that first",
				wished->to->name, world_port_id(job->old, id),
				port_kind_name(job->old->config.kind));
	}
	return 0;
}

int transaction_check(const struct transaction *t, struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < t->job_count && !err; i++) {
		if (!job_survives(&t->jobs[i]) && t->jobs[i].to && t->jobs[i].to->name[0])
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
	hub->config.has_mtu = config->has_mtu;
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
	if (!err && plan->to) {
		hub->wished_before = hub->hub->wished_mtu;
		hub->hub->wished_mtu = kind_link_wished_mtu(plan->to);
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
	if (!kind->open_change || port_config_equal_but_policy(&job->old->config, job->to))
		return 0;
	return kind->open_change(job->old, job->to, error);
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

		if (job_ends(old) && old->old && excludes(old, fresh))
			err = end_early(old, error);
	}
	return err;
}

static bool needs_way(const struct transaction *t, const struct job *fresh)
{
	for (size_t i = 0; i < t->job_count; i++) {
		if (job_ends(&t->jobs[i]) && t->jobs[i].old && excludes(&t->jobs[i], fresh))
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

int transaction_prepare(struct transaction *t, struct error *error)
{
	int err = transaction_check(t, error);

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

void transaction_roll_back(struct transaction *t)
{
	for (size_t i = 0; i < t->job_count; i++)
		world_port_free(t->jobs[i].fresh);
	for (size_t i = 0; i < t->plan->hub_count; i++) {
		struct hub_job *hub = &t->hubs[i];

		if (hub->plan->fate == PLAN_ADD)
			world_hub_free(hub->hub);
		else if (hub->has_before)
			set_hub_config(hub->hub, &hub->before);
		if (hub->plan->fate != PLAN_ADD && hub->wished_before)
			hub->hub->wished_mtu = hub->wished_before;
	}
	for (size_t i = 0; i < t->job_count; i++) {
		if (t->jobs[i].has_lost)
			bring_back(&t->jobs[i]);
	}
}
