/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/loop_guard.h"

#include "hub/hub_state.h"

static bool is_recent(nsec at, nsec now)
{
	return at && now - at < LOOP_GONE;
}

/* Whether the first is to stand by rather than the second. */
static bool is_more(const struct loop_rival *a, const struct loop_rival *b)
{
	const nsec later = a->since - b->since;

	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (later > LOOP_LATER || later < -LOOP_LATER)
		return later > 0;
	return a->id > b->id;
}

/* As others see it. */
static struct loop_rival self_of(const struct loop_port *watched)
{
	return (struct loop_rival){
		.id = watched->guard->id, .rank = watched->rank, .since = watched->since};
}

static struct loop_rival rival_of(const struct loop_probe *probe, nsec now)
{
	struct loop_rival rival = {.id = probe->id,
		.rank = probe->rank,
		.since = now - probe->age * NSEC_PER_SEC,
		.heard_at = now};

	memcpy(rival.name, probe->name, sizeof(rival.name));
	return rival;
}

/* Another hub is to block a port of its own first, and has the time to. */
static bool is_to_wait(const struct loop_port *watched, nsec now)
{
	const struct loop_rival *most = &watched->guard->most, self = self_of(watched);

	return is_recent(most->heard_at, now) && is_more(most, &self) &&
	       now - watched->loop_began_at < LOOP_PATIENCE;
}

/* The ways through the hub are others now, for whatever is behind any of its ports (IEEE 802.1D
 * 17.11: the topology has changed). */
static void change(struct loop_port *watched, bool is_blocked, const struct port *other)
{
	struct hub *hub = watched->guard->hub;

	watched->is_blocked = is_blocked;
	watched->guard->to_tell |= is_blocked ? LOOP_BACK_OFF : LOOP_TAKEOVER;
	machine_wake(&watched->guard->machine);
	for (unsigned slot = 0; slot < hub_slot_count(hub); slot++) {
		struct port *port = hub_port(hub, slot);

		if (!port)
			continue;
		hub_forget_addresses(port);
		if (port->ops->on_new_ways)
			port->ops->on_new_ways(port);
	}
	if (watched->guard->on_change)
		watched->guard->on_change(watched->guard, watched->port, other);
}

static void free_if_gone(struct loop_port *watched, nsec now)
{
	nsec gone = LOOP_GONE + (is_recent(watched->lower_waits_at, now) ? LOOP_TURN : 0);

	if (!watched->is_blocked || now - watched->looped_at < gone)
		return;
	change(watched, false, NULL);
}

static void write(struct loop_guard *guard, struct loop_probe *probe, uint8_t *bytes)
{
	probe->id = guard->id;
	probe->sequence = guard->sequence++;
	memcpy(probe->name, guard->name, sizeof(probe->name));
	loop_probe_write(probe, bytes);
}

static void send_probe(struct loop_port *watched, nsec now)
{
	uint8_t bytes[LOOP_PROBE_LEN];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));
	struct loop_probe probe = {.slot = watched->port->slot,
		.flags = watched->is_blocked ? LOOP_STANDBY : 0,
		.rank = (uint8_t)watched->rank};

	if (!watched->port->hub)
		return; /* not yet */
	if (!watched->since)
		watched->since = now;
	probe.age = (uint32_t)((now - watched->since) / NSEC_PER_SEC);
	write(watched->guard, &probe, bytes);
	hub_hand_over(watched->port, &frame, 1, now);
}

/* To whoever knows where machines are, or heard that we stood by. */
static void tell(struct loop_guard *guard, nsec now)
{
	uint8_t bytes[LOOP_PROBE_LEN];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));
	struct loop_probe probe = {.flags = (uint8_t)guard->to_tell};

	guard->to_tell = 0;
	write(guard, &probe, bytes);
	for (unsigned slot = 0; slot < hub_slot_count(guard->hub); slot++) {
		struct port *port = hub_port(guard->hub, slot);

		if (port)
			hub_hand_over(port, &frame, 1, now);
	}
}

static nsec run(struct machine *machine, nsec now)
{
	struct loop_guard *guard = CONTAINER_OF(machine, struct loop_guard, machine);

	if (list_is_empty(&guard->ports))
		return NSEC_NEVER;
	LIST_EACH(node, &guard->ports)
		free_if_gone(LIST_ENTRY(node, struct loop_port, node), now);
	if (guard->to_tell)
		tell(guard, now);
	if (now >= guard->next_at) {
		LIST_EACH(node, &guard->ports)
			send_probe(LIST_ENTRY(node, struct loop_port, node), now);
		guard->probed_at = now;
		guard->next_at = now + LOOP_PROBE_INTERVAL;
	}
	return guard->next_at;
}

void loop_guard_init(struct loop_guard *guard, struct hub *hub, uint64_t id)
{
	guard->machine.run = run;
	guard->hub = hub;
	guard->id = id;
	guard->sequence = 0;
	guard->next_at = guard->probed_at = guard->standby_told_at = 0;
	guard->to_tell = 0;
	guard->forgot_at = -LOOP_PROBE_INTERVAL;
	guard->most = (struct loop_rival){0};
	memset(guard->standbys, 0, sizeof(guard->standbys));
	list_init(&guard->ports);
	hub->loop_guard = guard;
}

void loop_guard_done(struct loop_guard *guard)
{
	LIST_EACH(node, &guard->ports)
		loop_guard_forget(LIST_ENTRY(node, struct loop_port, node));
	guard->hub->loop_guard = NULL;
}

void loop_guard_watch(
	struct loop_guard *guard, struct loop_port *watched, struct port *port, unsigned rank)
{
	*watched = (struct loop_port){.guard = guard, .port = port, .rank = rank};
	list_push_back(&guard->ports, &watched->node);
	guard->next_at = 0;
	machine_wake(&guard->machine);
}

void loop_guard_forget(struct loop_port *watched)
{
	watched->is_blocked = false;
	list_remove(&watched->node);
}

void loop_guard_attached(struct loop_guard *guard, const struct port *port)
{
	bool is_watched = false;

	if (list_is_empty(&guard->ports))
		return;
	LIST_EACH(node, &guard->ports)
		is_watched |= LIST_ENTRY(node, struct loop_port, node)->port == port;
	guard->next_at = is_watched ? 0 : MIN(guard->next_at, guard->probed_at + LOOP_PROBE_LEAST);
	machine_wake(&guard->machine);
}

static struct loop_port *find(const struct loop_guard *guard, unsigned slot)
{
	LIST_EACH(node, &guard->ports) {
		struct loop_port *watched = LIST_ENTRY(node, struct loop_port, node);

		if (watched->port->hub && watched->port->slot == slot)
			return watched;
	}
	return NULL;
}

static struct loop_port *worse_of(struct loop_port *a, struct loop_port *b)
{
	if (!a || !b)
		return a ? a : b;
	if (a->rank != b->rank)
		return a->rank > b->rank ? a : b;
	return a->port->slot > b->port->slot ? a : b;
}

static void block(struct loop_port *watched, const struct port *other, nsec now)
{
	if (!is_recent(watched->looped_at, now))
		watched->loop_began_at = now;
	watched->looped_at = now;
	if (watched->is_blocked || is_to_wait(watched, now))
		return;
	change(watched, true, other);
}

static void note_active(
	struct loop_guard *guard, struct loop_port *heard, const struct loop_rival *rival, nsec now)
{
	struct loop_rival *most = &guard->most;

	if (!is_recent(most->heard_at, now) || most->id == rival->id || is_more(rival, most))
		*most = *rival;
	if (heard && rival->rank >= heard->rank) /* not who only looks on, as a relay does */
		heard->active = *rival;
}

/* Its place in the table, or that of whoever was heard of longest ago. */
static struct loop_standby *place_for(
	struct loop_guard *guard, uint64_t id, const struct port *port)
{
	struct loop_standby *oldest = &guard->standbys[0];

	for (unsigned i = 0; i < LOOP_STANDBYS_MAX; i++) {
		struct loop_standby *standby = &guard->standbys[i];

		if (standby->id == id && standby->port == port)
			return standby;
		if (standby->heard_at < oldest->heard_at)
			oldest = standby;
	}
	return oldest;
}

static void note_standby(
	struct loop_guard *guard, const struct port *from, const struct loop_probe *probe, nsec now)
{
	struct loop_standby *standby = place_for(guard, probe->id, from);
	bool is_known = standby->id == probe->id && standby->port == from &&
			is_recent(standby->heard_at, now);

	*standby = (struct loop_standby){probe->id, from, now};
	if (is_known || !guard->on_standby ||
		(guard->standby_told_at && now - guard->standby_told_at < NSEC_PER_SEC))
		return;
	guard->standby_told_at = now;
	guard->on_standby(guard, from, probe->name);
}

static bool has_stood_by(const struct loop_guard *guard, uint64_t id, nsec now)
{
	for (unsigned i = 0; i < LOOP_STANDBYS_MAX; i++) {
		const struct loop_standby *standby = &guard->standbys[i];

		if (standby->id == id && now - standby->heard_at < LOOP_STANDBY_KNOWN)
			return true;
	}
	return false;
}

/* Who stood by goes on now: what is behind it is not to be looked for where it was. */
static void take_over(struct loop_guard *guard, const struct port *from, uint64_t id, nsec now)
{
	if (!has_stood_by(guard, id, now) || now - guard->forgot_at < LOOP_PROBE_INTERVAL)
		return;
	guard->forgot_at = now;
	for (unsigned slot = 0; slot < hub_slot_count(guard->hub); slot++) {
		struct port *port = hub_port(guard->hub, slot);

		if (port && port != from)
			hub_forget_addresses(port);
	}
}

static void hear_rival(
	struct loop_guard *guard, struct port *from, const struct loop_probe *probe, nsec now)
{
	const struct loop_rival rival = rival_of(probe, now);
	struct loop_port *heard = find(guard, from->slot);
	struct loop_rival self;

	if (probe->flags & LOOP_TAKEOVER)
		take_over(guard, from, probe->id, now);
	if (probe->flags & LOOP_BACK_OFF)
		hub_forget_addresses(from);
	if (probe->flags & (LOOP_TAKEOVER | LOOP_BACK_OFF))
		return;
	if (!(probe->flags & LOOP_STANDBY)) {
		note_active(guard, heard, &rival, now);
		return;
	}
	note_standby(guard, from, probe, now);
	if (!heard)
		return;
	self = self_of(heard);
	if (is_more(&self, &rival))
		heard->lower_waits_at = now;
}

const char *loop_port_stands_by_for(const struct loop_port *watched, nsec now)
{
	const struct loop_rival *active = &watched->active;

	return watched->is_blocked && is_recent(active->heard_at, now) && active->name[0]
		       ? active->name
		       : NULL;
}

void loop_guard_detached(struct loop_guard *guard, const struct port *port)
{
	for (unsigned i = 0; i < LOOP_STANDBYS_MAX; i++) {
		if (guard->standbys[i].port == port)
			guard->standbys[i] = (struct loop_standby){0};
	}
}

bool loop_guard_sees(const struct frame *frame)
{
	struct loop_probe probe;

	return loop_probe_read(frame, &probe);
}

bool loop_guard_take(
	struct loop_guard *guard, struct port *from, const struct frame *frame, nsec now)
{
	struct loop_port *heard = find(guard, from->slot), *sent, *worse;
	struct loop_probe probe;

	if (!loop_probe_read(frame, &probe))
		return false;
	if (probe.id != guard->id) {
		hear_rival(guard, from, &probe, now);
		return false;
	}
	if (probe.flags & (LOOP_TAKEOVER | LOOP_BACK_OFF))
		return true;
	sent = find(guard, probe.slot);
	worse = worse_of(sent, heard);
	/* A segment that sends back what it hears, as an access point does, is no loop. */
	if (worse && sent && sent != heard)
		block(worse, worse == sent ? from : sent->port, now);
	return true;
}
