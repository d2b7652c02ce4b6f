/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/policy.h"

#include "hub/hub_state.h"

static bool is_spoofed(const struct port_policy *policy, const struct frame *frame)
{
	struct eth_header eth;

	if (mac_is_zero(policy->settings.mac) || frame->head_len < sizeof(eth))
		return false;
	memcpy(&eth, frame->head, sizeof(eth));
	return !mac_equal(eth.from, policy->settings.mac);
}

static bool is_blocked(const struct port_policy *policy)
{
	return policy->loop && policy->loop->is_blocked;
}

static bool claims_anothers(struct port_policy *policy, const struct frame *frame)
{
	struct hub *hub = policy->port->hub;
	struct ip ip;

	if (!(policy->settings.guards & GUARD_ARP) ||
		claims_note(&hub->claims, policy->port, true, frame, hub->now, &ip))
		return false;
	if (policy->on_claim)
		policy->on_claim(policy, ip);
	return true;
}

static enum drop refusal_in(struct port_policy *policy, const struct frame *frame)
{
	if (!port_is_up(policy->port))
		return DROP_LINK_DOWN;
	if (is_spoofed(policy, frame))
		return DROP_SOURCE_SPOOFED;
	if (guard_refuses(policy->settings.guards, frame) || claims_anothers(policy, frame))
		return DROP_POLICY;
	return is_blocked(policy) ? DROP_LOOP : DROP_COUNT;
}

/* What tells of loops is heard even where nothing else is. */
static bool is_probe(const struct port_policy *policy, const struct frame *frame, nsec now)
{
	return is_blocked(policy) && loop_guard_sees(frame) &&
	       (loop_guard_take(policy->loop->guard, policy->port, frame, now), true);
}

static void pass(struct port_policy *policy, const struct frame *frames, unsigned count, nsec now)
{
	if (!count)
		return;
	if (impair_is_needed(&policy->in))
		impair_take(&policy->in, frames, count, now);
	else
		hub_enter(policy->port, frames, count, now);
}

void policy_receive(
	struct port_policy *policy, const struct frame *frames, unsigned count, nsec now)
{
	unsigned start = 0;

	policy->port->hub->now = now;
	for (unsigned i = 0; i < count; i++) {
		enum drop reason = refusal_in(policy, &frames[i]);

		if (reason == DROP_COUNT)
			continue;
		pass(policy, frames + start, i - start, now);
		if (!is_probe(policy, &frames[i], now))
			port_drop_in(policy->port, reason, &frames[i]);
		start = i + 1;
	}
	pass(policy, frames + start, count - start, now);
}

enum drop policy_refusal(const struct port_policy *policy, const struct port *from)
{
	if (policy->settings.is_down)
		return DROP_LINK_DOWN;
	if (policy->settings.is_isolated && from->policy && from->policy->settings.is_isolated)
		return DROP_POLICY;
	return is_blocked(policy) ? DROP_LOOP : DROP_COUNT;
}

bool policy_may_flood(
	struct port_policy *policy, enum storm_kind kind, const struct frame *frame, nsec now)
{
	return storm_allows(&policy->storm, kind, frame_wire_count(frame), now);
}

bool port_is_up(const struct port *port)
{
	return !port->is_down && !(port->policy && port->policy->settings.is_down);
}

bool port_is_blocked(const struct port *port)
{
	return port->policy && is_blocked(port->policy);
}

static void release_in(struct impair *impair, const struct frame *frames, unsigned count, nsec now)
{
	struct port_policy *policy = CONTAINER_OF(impair, struct port_policy, in);

	if (policy->port->hub)
		hub_enter(policy->port, frames, count, now);
}

static void release_out(struct impair *impair, const struct frame *frames, unsigned count, nsec now)
{
	struct port_policy *policy = CONTAINER_OF(impair, struct port_policy, out);

	if (policy->port->hub)
		hub_hand_over(policy->port, frames, count, now);
}

static void lose_in(struct impair *impair, enum drop reason, const struct frame *frame)
{
	port_drop_in(CONTAINER_OF(impair, struct port_policy, in)->port, reason, frame);
}

static void lose_out(struct impair *impair, enum drop reason, const struct frame *frame)
{
	port_drop(CONTAINER_OF(impair, struct port_policy, out)->port, reason, frame);
}

void policy_init(struct port_policy *policy, struct port *port, uint64_t seed)
{
	*policy = (struct port_policy){.port = port};
	impair_init(&policy->in, seed);
	impair_init(&policy->out, ~seed);
	policy->in.release = release_in;
	policy->in.lose = lose_in;
	policy->out.release = release_out;
	policy->out.lose = lose_out;
	port->policy = policy;
}

void policy_done(struct port_policy *policy)
{
	impair_done(&policy->in);
	impair_done(&policy->out);
	policy->port->policy = NULL;
}

/* Whoever has its link back is not to be told what was said before. */
static void change_link(struct port_policy *policy, bool is_down)
{
	struct port *port = policy->port;

	if (policy->settings.is_down == is_down)
		return;
	policy->settings.is_down = is_down;
	if (is_down) {
		hub_forget_addresses(port);
		impair_clear(&policy->in, DROP_LINK_DOWN);
		impair_clear(&policy->out, DROP_LINK_DOWN);
	}
	if (port->ops->set_link)
		port->ops->set_link(port, !is_down);
}

void policy_change(struct port_policy *policy, const struct policy_settings *settings, nsec now)
{
	change_link(policy, settings->is_down);
	policy->settings = *settings;
	policy->storm.rate = settings->storm;
	impair_change(&policy->in, &settings->in, now);
	impair_change(&policy->out, &settings->out, now);
}
