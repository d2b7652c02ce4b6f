/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports, and the clients of entrances, that become something else while they are there. */
#include "daemon/kinds.h"
#include "daemon/world.h"
#include "daemon/world_policy.h"

#include <errno.h>
#include <string.h>

/* Something for the hub's thread to do with a port. */
struct errand {
	struct world_port *port;
	const struct port_config *from;
	struct error *error;
	int err;
};

static void change(void *argument)
{
	struct errand *errand = argument;
	struct world_port *port = errand->port;

	if (port->kind->change && !port_config_equal_but_policy(errand->from, &port->config))
		errand->err = port->kind->change(port, errand->from, errand->error);
	if (world_policy_apply(port) && !errand->err)
		errand->err = error_set(errand->error, ENOMEM, "out of memory");
}

static void tell_link(const struct world_port *port, bool was_down)
{
	bool is_down = port->config.policy.is_down;
	char id[PORT_ID_SIZE];

	if (is_down == was_down || port->is_entrance)
		return;
	events_tell(port->hub->world->events, "link", port->hub->config.name, "{s:s, s:s, s:s}",
		"port", world_port_id(port, id), "name", port->name, "state",
		is_down ? "down" : "up");
}

/* Puts into force what port->config says by now; from: what it said. */
static int enforce(struct world_port *port, const struct port_config *from, struct error *error)
{
	struct errand errand = {.port = port, .from = from, .error = error};

	worker_call(port->hub->worker, change, &errand);
	tell_link(port, from->policy.is_down);
	return errand.err;
}

static bool wires_differ(const struct wire_config *a, const struct wire_config *b)
{
	return a->delay != b->delay || a->jitter != b->jitter || a->loss != b->loss ||
	       a->duplicate != b->duplicate || a->reorder != b->reorder || a->rate != b->rate;
}

/* What was said to one client alone stays, where its entrance did not change. */
static void follow(
	struct port_config *client, const struct port_config *from, const struct port_config *to)
{
	struct policy_config *policy = &client->policy;
	const struct policy_config *old = &from->policy, *new = &to->policy;

	if (old->is_isolated != new->is_isolated)
		policy->is_isolated = new->is_isolated;
	if (old->is_spared != new->is_spared)
		policy->is_spared = new->is_spared;
	if (old->is_down != new->is_down)
		policy->is_down = new->is_down;
	if (memcmp(&old->guards, &new->guards, sizeof(old->guards)) != 0)
		policy->guards = new->guards;
	if (old->storm != new->storm)
		policy->storm = new->storm;
	if (old->looks_for_loops != new->looks_for_loops)
		policy->looks_for_loops = new->looks_for_loops;
	if (old->rate != new->rate)
		policy->rate = new->rate;
	if (wires_differ(&old->impair, &new->impair))
		policy->impair = new->impair;
	if (wires_differ(&old->impair_in, &new->impair_in))
		policy->impair_in = new->impair_in;
	if (wires_differ(&old->impair_out, &new->impair_out))
		policy->impair_out = new->impair_out;
	if (from->has_mac != to->has_mac || !mac_equal(from->mac, to->mac)) {
		client->has_mac = to->has_mac;
		client->mac = to->mac;
	}
}

static int lead_clients(
	struct world_port *entrance, const struct port_config *from, struct error *error)
{
	int err = 0;

	LIST_EACH(node, &entrance->hub->ports) {
		struct world_port *client = LIST_ENTRY(node, struct world_port, node);
		struct port_config was = client->config; /* its lists are not looked at */

		if (client->entrance != entrance)
			continue;
		follow(&client->config, from, &entrance->config);
		err = enforce(client, &was, error) ?: err;
	}
	return err;
}

int world_port_change(struct world_port *port, struct port_config *next, struct error *error)
{
	struct port_config from = port->config;
	int err;

	port->config = *next;
	if (port->is_entrance)
		err = lead_clients(port, &from, error);
	else
		err = enforce(port, &from, error);
	port_config_done(&from);
	if (port->kind->settle && !err)
		port->kind->settle(port, false);
	world_port_tell(port, "port-changed", NULL);
	return err;
}
