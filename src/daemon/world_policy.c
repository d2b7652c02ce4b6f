/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/world_policy.h"

#include "base/random.h"
#include "daemon/kinds.h"
#include "hub/groups.h"
#include "hub/policy.h"
#include "io/driver.h"

#include <errno.h>
#include <stdlib.h>

struct world_policy {
	struct port_policy policy;
	struct driver in, out;
	struct loop_port loop; /* where policy.loop says so */
	struct world_port *owner;
	nsec told_at; /* of a claim */
};

static uint64_t lesser_rate(uint64_t a, uint64_t b)
{
	return a && b ? MIN(a, b) : MAX(a, b);
}

static struct impair_settings impair_settings_of(const struct wire_config *wire, uint64_t rate)
{
	return (struct impair_settings){
		.delay = wire->delay,
		.jitter = wire->jitter,
		.loss = wire->loss,
		.duplicate = wire->duplicate,
		.reorder = wire->reorder,
		.rate = lesser_rate(wire->rate, rate),
	};
}

/* What is said of one way alone holds there instead of what is said of both. */
static struct impair_settings settings_of_way(
	const struct wire_config *one, const struct wire_config *both, uint64_t rate)
{
	const struct impair_settings settings = impair_settings_of(one, 0);

	return impair_settings_of(impair_settings_are_none(&settings) ? both : one, rate);
}

static struct policy_settings settings_of(const struct world_port *port)
{
	const struct policy_config *config = &port->config.policy;
	struct policy_settings settings = {
		.is_isolated = config->is_isolated,
		.is_down = config->is_down,
		.guards = (config->guards.dhcp ? GUARD_DHCP : 0u) |
			  (config->guards.ra ? GUARD_RA : 0u) |
			  (config->guards.arp ? GUARD_ARP : 0u),
		.storm = config->storm,
		.in = settings_of_way(&config->impair_in, &config->impair, config->rate),
		.out = settings_of_way(&config->impair_out, &config->impair, config->rate),
	};

	if (port->kind->fixes_mac && port->config.has_mac)
		settings.mac = port->config.mac;
	return settings;
}

static bool are_none(const struct world_port *port, const struct policy_settings *settings)
{
	return !port->config.policy.looks_for_loops && mac_is_zero(settings->mac) &&
	       !settings->is_isolated && !settings->is_down && !settings->guards &&
	       !settings->storm && impair_settings_are_none(&settings->in) &&
	       impair_settings_are_none(&settings->out);
}

/* No oftener than once a second: a guest says it as often as it likes. */
static void on_claim(struct port_policy *policy, struct ip ip)
{
	struct world_policy *self = CONTAINER_OF(policy, struct world_policy, policy);
	const struct world_hub *hub = self->owner->hub;
	nsec now = loop_now(worker_loop(hub->worker));
	char text[IP_TEXT_SIZE];

	if (self->told_at && now - self->told_at < NSEC_PER_SEC)
		return;
	self->told_at = now;
	events_post(hub->world->events, "claim", hub->config.name, "{s:s, s:s}", "name",
		policy->port->name, "ip", ip_format(ip, text));
}

static void watch_for_loops(struct world_policy *self, bool is_wanted)
{
	struct world_port *port = self->owner;

	if (is_wanted == (self->policy.loop != NULL))
		return;
	if (is_wanted)
		loop_guard_watch(
			&port->hub->loop_guard, &self->loop, port->port, port->kind->loop_rank);
	else
		loop_guard_forget(&self->loop);
	self->policy.loop = is_wanted ? &self->loop : NULL;
}

static struct world_policy *make(struct world_port *port)
{
	struct loop *loop = worker_loop(port->hub->worker);
	struct world_policy *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	policy_init(&self->policy, port->port, random_u64());
	self->policy.on_claim = on_claim;
	self->owner = port;
	driver_start(&self->in, loop, &self->policy.in.machine);
	driver_start(&self->out, loop, &self->policy.out.machine);
	return self;
}

int world_policy_apply(struct world_port *port)
{
	struct policy_settings settings = settings_of(port);

	port->port->is_spared = port->config.policy.is_spared;
	if (!port->policy && are_none(port, &settings))
		return 0;
	if (!port->policy)
		port->policy = make(port);
	if (!port->policy)
		return -ENOMEM;
	policy_change(&port->policy->policy, &settings, loop_now(worker_loop(port->hub->worker)));
	watch_for_loops(port->policy, port->config.policy.looks_for_loops);
	return 0;
}

void world_policy_note_groups(struct world_port *port)
{
	port->port->groups = calloc(1, sizeof(*port->port->groups));
}

void world_policy_end(struct world_port *port)
{
	struct world_policy *self = port->policy;

	free(port->port->groups);
	port->port->groups = NULL;
	port->policy = NULL;
	if (!self)
		return;
	watch_for_loops(self, false);
	driver_stop(&self->in);
	driver_stop(&self->out);
	policy_done(&self->policy);
	free(self);
}
