/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/plan.h"

#include "daemon/kinds.h"

#include <stdlib.h>
#include <string.h>

/* One hub's two lists of ports, and which of them have found each other. */
struct match {
	const struct hub_config *from, *to;
	struct plan_hub *hub;
	size_t *partner_of; /* of each wished port: the running one, or PLAN_NONE */
	bool *is_taken;	    /* each running port: somebody's partner */
};

static bool is_same_thing(const struct port_config *a, const struct port_config *b)
{
	const struct kind *kind = kind_of(a->kind);

	if (a->kind != b->kind)
		return false;
	if (kind->is_lone || (a->name[0] && !strcmp(a->name, b->name)))
		return true;
	return kind->is_same_place && kind->is_same_place(a, b);
}

static bool is_exactly(const struct port_config *a, const struct port_config *b)
{
	return port_config_equal(a, b);
}

static void find_partners(
	struct match *match, bool (*fits)(const struct port_config *a, const struct port_config *b))
{
	for (size_t to = 0; to < match->to->port_count; to++) {
		for (size_t from = 0; from < match->from->port_count; from++) {
			if (match->partner_of[to] != PLAN_NONE || match->is_taken[from] ||
				!fits(&match->from->ports[from], &match->to->ports[to]))
				continue;
			match->partner_of[to] = from;
			match->is_taken[from] = true;
		}
	}
}

static bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_equal(a->address, b->address);
}

static bool has_same_subnets(const struct hub_config *a, const struct hub_config *b)
{
	return a->has_subnet == b->has_subnet && a->has_subnet6 == b->has_subnet6 &&
	       (!a->has_subnet || prefix_equal(&a->subnet, &b->subnet)) &&
	       (!a->has_subnet6 || prefix_equal(&a->subnet6, &b->subnet6));
}

/* What the running port is to become apart from what can change in any port. */
static struct port_config but_policy(
	const struct kind *kind, const struct port_config *from, const struct port_config *to)
{
	struct port_config port = *to;

	port.policy = from->policy;
	if (kind->fixes_mac) {
		port.has_mac = from->has_mac;
		port.mac = from->mac;
	}
	return port;
}

static enum plan_fate fate_of(
	const struct match *match, const struct port_config *from, const struct port_config *to)
{
	const struct kind *kind = kind_of(to->kind);
	struct port_config rest = but_policy(kind, from, to);

	if (kind->needs_subnet && !has_same_subnets(match->from, match->to))
		return PLAN_REPLACE;
	if (!from->mtu && !to->mtu && match->from->mtu != match->to->mtu)
		return PLAN_REPLACE;
	if (port_config_equal(from, to))
		return PLAN_KEEP;
	if (port_config_equal(from, &rest))
		return PLAN_CHANGE;
	return kind->may_change && kind->may_change(from, &rest) ? PLAN_CHANGE : PLAN_REPLACE;
}

static void add(struct plan_hub *hub, enum plan_fate fate, size_t from, size_t to)
{
	hub->ports[hub->port_count++] = (struct plan_port){fate, from, to};
}

static void plan_wished(struct match *match)
{
	for (size_t to = 0; to < match->to->port_count; to++) {
		size_t from = match->partner_of[to];

		if (from == PLAN_NONE)
			add(match->hub, PLAN_ADD, PLAN_NONE, to);
		else
			add(match->hub,
				fate_of(match, &match->from->ports[from], &match->to->ports[to]),
				from, to);
	}
}

/* Of those that stay, some were made for what the hub no longer is. */
static void plan_unwished(struct match *match, size_t hub_index, const struct plan_stays *stays)
{
	for (size_t from = 0; from < match->from->port_count; from++) {
		const struct port_config *port = &match->from->ports[from];

		if (match->is_taken[from])
			continue;
		if (match->hub->to && stays->stays(stays, hub_index, from) &&
			fate_of(match, port, port) == PLAN_KEEP)
			add(match->hub, PLAN_KEEP, from, PLAN_NONE);
		else
			add(match->hub, PLAN_REMOVE, from, PLAN_NONE);
	}
}

static enum plan_fate hub_fate(const struct hub_config *from, const struct hub_config *to)
{
	if (!from)
		return PLAN_ADD;
	if (!to)
		return PLAN_REMOVE;
	return hub_config_equal_but_ports(from, to) ? PLAN_KEEP : PLAN_CHANGE;
}

static int plan_hub(struct plan_hub *hub, size_t from_index, const struct plan_stays *stays)
{
	static const struct hub_config nothing;
	struct match match = {
		.from = hub->from ? hub->from : &nothing,
		.to = hub->to ? hub->to : &nothing,
		.hub = hub,
	};
	size_t from_count = match.from->port_count, to_count = match.to->port_count;

	hub->fate = hub_fate(hub->from, hub->to);
	hub->ports = calloc(from_count + to_count + 1, sizeof(*hub->ports));
	match.partner_of = calloc(to_count + 1, sizeof(*match.partner_of));
	match.is_taken = calloc(from_count + 1, sizeof(*match.is_taken));
	if (hub->ports && match.partner_of && match.is_taken) {
		for (size_t i = 0; i < to_count; i++)
			match.partner_of[i] = PLAN_NONE;
		find_partners(&match, is_exactly);
		find_partners(&match, is_same_thing);
		plan_wished(&match);
		plan_unwished(&match, from_index, stays);
	}
	free(match.partner_of);
	free(match.is_taken);
	return hub->ports && match.partner_of && match.is_taken ? 0 : -1;
}

static const struct hub_config *find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->hub_count; i++) {
		if (!strcmp(config->hubs[i].name, name))
			return &config->hubs[i];
	}
	return NULL;
}

static int fill(struct plan *plan, const struct config *running, const struct config *wished,
	const struct plan_stays *stays)
{
	plan->hubs = calloc(running->hub_count + wished->hub_count + 1, sizeof(*plan->hubs));
	if (!plan->hubs)
		return -1;
	for (size_t i = 0; i < running->hub_count; i++) {
		struct plan_hub *hub = &plan->hubs[plan->hub_count++];

		hub->from = &running->hubs[i];
		hub->to = find(wished, hub->from->name);
		if (plan_hub(hub, i, stays) < 0)
			return -1;
	}
	for (size_t i = 0; i < wished->hub_count; i++) {
		struct plan_hub *hub = &plan->hubs[plan->hub_count];

		if (find(running, wished->hubs[i].name))
			continue;
		plan->hub_count++;
		hub->to = &wished->hubs[i];
		if (plan_hub(hub, PLAN_NONE, stays) < 0)
			return -1;
	}
	return 0;
}

struct plan *plan_new(
	const struct config *running, const struct config *wished, const struct plan_stays *stays)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan && !fill(plan, running, wished, stays))
		return plan;
	plan_free(plan);
	return NULL;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->hub_count; i++)
		free(plan->hubs[i].ports);
	free(plan->hubs);
	free(plan);
}

bool plan_is_empty(const struct plan *plan)
{
	for (size_t i = 0; i < plan->hub_count; i++) {
		const struct plan_hub *hub = &plan->hubs[i];

		if (hub->fate != PLAN_KEEP)
			return false;
		for (size_t j = 0; j < hub->port_count; j++) {
			if (hub->ports[j].fate != PLAN_KEEP)
				return false;
		}
	}
	return true;
}
