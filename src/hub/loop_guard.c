/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/loop_guard.h"

#include "base/bytes.h"
#include "hub/hub_state.h"

#define PROBE_LEN   60
#define PROBE_MAGIC 0x4c4e594c /* "LNYL" */

/* A group of nobody's: switches and access points carry it everywhere. */
static const struct mac everybody = {{0x03, 'L', 'a', 'n', 'y', 'd'}};

struct probe {
	uint64_t id;
	uint32_t slot;
};

static void write_probe(
	const struct loop_port *watched, uint32_t sequence, uint8_t bytes[PROBE_LEN])
{
	uint64_t id = watched->guard->id;
	struct mac from = {{0x02, (uint8_t)(id >> 32), (uint8_t)(id >> 24), (uint8_t)(id >> 16),
		(uint8_t)(id >> 8), (uint8_t)id}};
	struct writer w = writer_on(bytes, PROBE_LEN);

	write_bytes(&w, &everybody, sizeof(everybody));
	write_bytes(&w, &from, sizeof(from));
	write_be16(&w, LOOP_ETHERTYPE);
	write_be32(&w, PROBE_MAGIC);
	write_be32(&w, (uint32_t)(id >> 32));
	write_be32(&w, (uint32_t)id);
	write_be32(&w, watched->port->slot);
	write_be32(&w, sequence);
	write_zeros(&w, PROBE_LEN - writer_len(&w));
}

static bool read_probe(const struct frame *frame, struct probe *ret)
{
	struct reader r = reader_on(frame->head, frame->head_len);
	uint64_t high;

	read_bytes(&r, 2 * sizeof(struct mac));
	if (read_be16(&r) != LOOP_ETHERTYPE || read_be32(&r) != PROBE_MAGIC)
		return false;
	high = read_be32(&r);
	ret->id = high << 32 | read_be32(&r);
	ret->slot = read_be32(&r);
	return !r.failed;
}

/* Another hub is heard behind the port, and its id says that this one goes on. */
static bool is_elected(const struct loop_port *watched, nsec now)
{
	return watched->rival_at && now - watched->rival_at < LOOP_GONE &&
	       watched->guard->id < watched->rival;
}

/* The ways through the hub are others now, for whatever is behind any of its ports (IEEE 802.1D
 * 17.11: the topology has changed). */
static void change(struct loop_port *watched, bool is_blocked, const struct port *other)
{
	struct hub *hub = watched->guard->hub;

	watched->is_blocked = is_blocked;
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
	if (!watched->is_blocked ||
		(now - watched->looped_at < LOOP_GONE && !is_elected(watched, now)))
		return;
	change(watched, false, NULL);
}

static void send_probe(struct loop_port *watched, nsec now)
{
	uint8_t bytes[PROBE_LEN];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));

	if (!watched->port->hub)
		return; /* not yet */
	write_probe(watched, watched->guard->sequence++, bytes);
	hub_hand_over(watched->port, &frame, 1, now);
}

static nsec run(struct machine *machine, nsec now)
{
	struct loop_guard *guard = CONTAINER_OF(machine, struct loop_guard, machine);

	if (list_is_empty(&guard->ports))
		return NSEC_NEVER;
	LIST_EACH(node, &guard->ports)
		free_if_gone(LIST_ENTRY(node, struct loop_port, node), now);
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
	guard->next_at = guard->probed_at = 0;
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
	watched->looped_at = now;
	if (watched->is_blocked || is_elected(watched, now))
		return;
	change(watched, true, other);
}

static void note_rival(struct loop_port *watched, uint64_t id, nsec now)
{
	bool is_stale = !watched->rival_at || now - watched->rival_at >= LOOP_GONE;

	if (!is_stale && watched->rival < id)
		return;
	watched->rival = id;
	watched->rival_at = now;
}

bool loop_guard_sees(const struct frame *frame)
{
	struct probe probe;

	return read_probe(frame, &probe);
}

bool loop_guard_take(
	struct loop_guard *guard, struct port *from, const struct frame *frame, nsec now)
{
	struct loop_port *heard = find(guard, from->slot), *sent, *worse;
	struct probe probe;

	if (!read_probe(frame, &probe))
		return false;
	if (probe.id != guard->id) {
		if (heard)
			note_rival(heard, probe.id, now);
		return false;
	}
	sent = find(guard, probe.slot);
	worse = worse_of(sent, heard);
	/* A segment that sends back what it hears, as an access point does, is no loop. */
	if (worse && sent && sent != heard)
		block(worse, worse == sent ? from : sent->port, now);
	return true;
}
