/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame's way across the hub: judged one by one, handed on in runs. Neighbours in a batch that
 * leave through the same port go to it in one call, from the array they came in.
 */
#include "hub/groups.h"
#include "hub/hub_state.h"
#include "hub/policy.h"
#include "hub/segment.h"

#include <assert.h>

/* A frame may have the MTU, the Ethernet header and one tag. */
static uint32_t frame_limit(const struct port *port)
{
	return port->mtu ? port->mtu + ETH_HEADER_LEN + ETH_VLAN_LEN : UINT32_MAX;
}

/* Frames that lie side by side and go the same way, and what there is to know about all of them
 * to need no look at each. */
struct run {
	const struct frame *frames;
	unsigned count;
	unsigned needs;	      /* enum port_takes: what a port must take to get each as it is */
	uint32_t wire_len;    /* of the longest, in bytes */
	uint64_t wire_frames; /* that they stand for */
	uint64_t bytes;
};

static void run_add(struct run *run, const struct frame *frame)
{
	run->count++;
	run->needs |= segment_needs(frame);
	run->wire_len = MAX(run->wire_len, frame_wire_len(frame));
	run->wire_frames += frame_wire_count(frame);
	run->bytes += frame->len;
}

static struct run run_of_one(const struct frame *frame)
{
	struct run run = {.frames = frame};

	run_add(&run, frame);
	return run;
}

/* Hands what segment_lower() made of a frame to one port. */
struct port_sink {
	struct segment_sink sink;
	struct port *to;
};

static void port_sink_take(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct port *to = CONTAINER_OF(sink, struct port_sink, sink)->to;

	to->ops->send(to, frames, count);
}

/* Why the port does not get what is for it; DROP_COUNT: it does. */
static enum drop refusal(const struct hub *hub, const struct port *to)
{
	if (UNLIKELY(to->is_down))
		return DROP_LINK_DOWN;
	if (UNLIKELY(to->is_meshed && hub->from->is_meshed))
		return DROP_POLICY;
	return UNLIKELY(to->policy != NULL) ? policy_refusal(to->policy, hub->from) : DROP_COUNT;
}

/* Counts what leaves through the port, and says whether it is there to get it. */
static bool deliver_begin(const struct hub *hub, struct port *to, const struct run *run)
{
	enum drop reason = refusal(hub, to);
	bool is_refused = reason != DROP_COUNT;

	to->out.frames += run->wire_frames;
	to->out.bytes += run->bytes;
	for (unsigned i = 0; UNLIKELY(is_refused) && i < run->count; i++)
		port_drop(to, reason, &run->frames[i]);
	for (unsigned i = 0; is_watched(hub) && !is_refused && i < run->count; i++)
		capture_frame(hub, to, CAPTURE_OUT, 0, &run->frames[i]);
	return !is_refused;
}

static void deliver_changed(struct port *to, const struct frame *frame)
{
	struct port_sink lowered = {.sink.take = port_sink_take, .to = to};

	if (frame_wire_len(frame) > frame_limit(to))
		port_drop(to, DROP_GIANT, frame);
	else if (!segment_lower(frame, to->takes, &lowered.sink))
		port_drop(to, DROP_MALFORMED, frame);
}

/* A run of which not every frame may leave as it is: those between still go together. */
static void deliver_parts(struct port *to, const struct run *run)
{
	unsigned start = 0;

	for (unsigned i = 0; i < run->count; i++) {
		const struct frame *frame = &run->frames[i];

		if (frame_wire_len(frame) <= frame_limit(to) &&
			!(segment_needs(frame) & ~to->takes))
			continue;
		if (i > start)
			to->ops->send(to, run->frames + start, i - start);
		deliver_changed(to, frame);
		start = i + 1;
	}
	if (run->count > start)
		to->ops->send(to, run->frames + start, run->count - start);
}

static void hand_over(struct port *to, const struct run *run)
{
	if (LIKELY(run->wire_len <= frame_limit(to) && !(run->needs & ~to->takes)))
		to->ops->send(to, run->frames, run->count);
	else
		deliver_parts(to, run);
}

static bool has_wire(const struct port *to)
{
	return UNLIKELY(to->policy != NULL) && impair_is_needed(&to->policy->out);
}

static void deliver(const struct hub *hub, struct port *to, const struct run *run)
{
	if (!deliver_begin(hub, to, run))
		return;
	if (has_wire(to))
		impair_take(&to->policy->out, run->frames, run->count, hub->now);
	else
		hand_over(to, run);
}

/* The ports a flooded frame must be lowered for: done once for all of them, all the way down. */
struct flood {
	struct segment_sink sink;
	const struct hub *hub;
	const struct port *from;
	struct run run; /* of one frame */
};

static bool flood_lowers_for(const struct flood *flood, const struct port *to)
{
	return to && to != flood->from && !to->policy && !to->is_down &&
	       !(to->is_meshed && flood->from->is_meshed) && (flood->run.needs & ~to->takes) &&
	       flood->run.wire_len <= frame_limit(to);
}

static void flood_take(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	const struct flood *flood = CONTAINER_OF(sink, struct flood, sink);

	for (unsigned slot = 0; slot < flood->hub->slot_count; slot++) {
		struct port *to = flood->hub->slots[slot].port;

		if (flood_lowers_for(flood, to))
			to->ops->send(to, frames, count);
	}
}

static void flood_drop(const struct flood *flood, enum drop reason)
{
	for (unsigned slot = 0; slot < flood->hub->slot_count; slot++) {
		struct port *to = flood->hub->slots[slot].port;

		if (flood_lowers_for(flood, to))
			port_drop(to, reason, flood->run.frames);
	}
}

static void flood_offloaded(
	const struct hub *hub, const struct port *from, const struct frame *frame)
{
	struct flood flood = {
		.sink.take = flood_take, .hub = hub, .from = from, .run = run_of_one(frame)};
	bool is_lowered = false;

	for (unsigned slot = 0; slot < hub->slot_count; slot++) {
		struct port *to = hub->slots[slot].port;

		if (!to || to == from)
			continue;
		if (flood_lowers_for(&flood, to))
			is_lowered = deliver_begin(hub, to, &flood.run);
		else
			deliver(hub, to, &flood.run);
	}
	if (is_lowered && !segment_lower(frame, 0, &flood.sink))
		flood_drop(&flood, DROP_MALFORMED);
}

static void flood_run(const struct hub *hub, const struct port *from, const struct run *run)
{
	for (unsigned slot = 0; slot < hub->slot_count; slot++) {
		struct port *to = hub->slots[slot].port;

		if (to && to != from)
			deliver(hub, to, run);
	}
}

static void flood(const struct hub *hub, const struct port *from, const struct run *run)
{
	if (!run->needs) {
		flood_run(hub, from, run);
		return;
	}
	for (unsigned i = 0; i < run->count; i++)
		flood_offloaded(hub, from, &run->frames[i]);
}

/* IEEE 802.1D 7.12.6: 01:80:c2:00:00:00 to :0f are for the next bridge, not for those behind it. */
static bool is_reserved(struct mac mac)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xc2};

	return !memcmp(mac.bytes, prefix, sizeof(prefix)) && mac.bytes[5] < 0x10;
}

static struct port *refuse(struct port *from, enum drop reason, const struct frame *frame)
{
	port_drop_in(from, reason, frame);
	return NULL;
}

static struct port *judge_flood(
	const struct hub *hub, struct port *from, const struct frame *frame, enum storm_kind kind)
{
	if (from->policy && !policy_may_flood(from->policy, kind, frame, hub->now))
		return refuse(from, DROP_STORM, frame);
	return from;
}

static void count_in(struct hub *hub, struct port *from, uint64_t wire_frames, uint64_t bytes)
{
	hub->frames += wire_frames;
	from->in.frames += wire_frames;
	from->in.bytes += bytes;
}

/* Those of ports with a guard have been looked at by then, whoever they were for. */
static void note_claim(struct hub *hub, const struct port *from, const struct frame *frame)
{
	struct ip ip;

	if (!from->policy || !(from->policy->settings.guards & GUARD_ARP))
		(void)!claims_note(&hub->claims, from, false, frame, hub->now, &ip);
}

static NOINLINE struct port *judge_group(
	struct hub *hub, struct port *from, const struct frame *frame, struct mac to)
{
	enum storm_kind kind = mac_equal(to, MAC_BROADCAST) ? STORM_BROADCAST : STORM_MULTICAST;
	enum question_goes goes = QUESTION_TO_ALL;
	struct port *owner = NULL, *to_all;

	if (from->groups)
		groups_note(from->groups, frame);
	note_claim(hub, from, frame);
	if (hub->answers)
		goes = answers_take(hub->answers, from, frame, hub->now, &owner);
	if (goes == QUESTION_ENDS) {
		count_in(hub, from, 1, frame->len);
		return NULL;
	}
	if (is_reserved(to))
		return refuse(from, DROP_RESERVED, frame);
	if (hub->loop_guard && loop_guard_take(hub->loop_guard, from, frame, hub->now))
		return NULL;
	to_all = judge_flood(hub, from, frame, kind);
	return to_all && owner ? owner : to_all;
}

/* Where a frame goes: to a port; to everybody else, which is said as `from`; nowhere: NULL. */
static struct port *judge(
	struct hub *hub, struct port *from, const struct frame *frame, uint32_t second)
{
	struct eth_header eth;
	struct mac_owner *owner;

	if (UNLIKELY(frame->head_len < ETH_HEADER_LEN))
		return refuse(from, DROP_RUNT, frame);
	if (UNLIKELY(!frame_is_sound(frame)))
		return refuse(from, DROP_MALFORMED, frame);
	memcpy(&eth, frame->head, sizeof(eth));
	if (UNLIKELY(mac_is_group(eth.from)))
		return refuse(from, DROP_SOURCE_GROUP, frame);
	mac_table_learn(&hub->addresses, eth.from, &from->addresses, second);
	if (UNLIKELY(mac_is_group(eth.to)))
		return judge_group(hub, from, frame, eth.to);
	owner = mac_table_find(&hub->addresses, eth.to, second);
	if (UNLIKELY(!owner))
		return judge_flood(hub, from, frame, STORM_UNKNOWN);
	if (UNLIKELY(owner == &from->addresses))
		return refuse(from, DROP_HAIRPIN, frame);
	return CONTAINER_OF(owner, struct port, addresses);
}

static void hand_on(struct hub *hub, struct port *from, struct port *to, const struct run *run)
{
	if (!to)
		return;
	count_in(hub, from, run->wire_frames, run->bytes);
	if (to == from)
		flood(hub, from, run);
	else
		deliver(hub, to, run);
}

static void forward(
	struct hub *hub, struct port *from, const struct frame *frames, unsigned count, nsec now)
{
	uint32_t second = second_of(now);
	struct port *run_to = NULL;
	struct run run = {0};

	for (unsigned i = 0; i < count; i++) {
		struct port *to = judge(hub, from, &frames[i], second);

		if (to != run_to) {
			hand_on(hub, from, run_to, &run);
			run_to = to;
			run = (struct run){.frames = &frames[i]};
		}
		if (to)
			run_add(&run, &frames[i]);
	}
	hand_on(hub, from, run_to, &run);
}

static void begin(struct hub *hub, const struct port *from, nsec now)
{
	assert(!hub->is_forwarding);
	hub->is_forwarding = true;
	hub->from = from;
	hub->now = now;
}

void hub_enter(struct port *from, const struct frame *frames, unsigned count, nsec now)
{
	struct hub *hub = from->hub;

	begin(hub, from, now);
	for (unsigned i = 0; UNLIKELY(is_watched(hub)) && i < count; i++)
		capture_frame(hub, from, CAPTURE_IN, 0, &frames[i]);
	if (LIKELY(!from->is_down)) {
		forward(hub, from, frames, count, now);
	} else {
		for (unsigned i = 0; i < count; i++)
			port_drop_in(from, DROP_LINK_DOWN, &frames[i]);
	}
	hub->is_forwarding = false;
}

void hub_say(const struct port *from, struct port *to, const struct frame *frame, nsec now)
{
	const struct run run = run_of_one(frame);

	begin(to->hub, from, now);
	deliver(to->hub, to, &run);
	to->hub->is_forwarding = false;
}

void hub_hand_over(struct port *to, const struct frame *frames, unsigned count, nsec now)
{
	struct run run = {.frames = frames};

	begin(to->hub, NULL, now);
	for (unsigned i = 0; i < count; i++) {
		run_add(&run, &frames[i]);
		if (to->is_down)
			port_drop(to, DROP_LINK_DOWN, &frames[i]);
	}
	if (!to->is_down)
		hand_over(to, &run);
	to->hub->is_forwarding = false;
}

void hub_receive(struct port *from, const struct frame *frames, unsigned count, nsec now)
{
	if (!from->hub)
		return; /* detached since its descriptor became ready */
	if (UNLIKELY(from->policy != NULL))
		policy_receive(from->policy, frames, count, now);
	else
		hub_enter(from, frames, count, now);
}

nsec hub_now(const struct hub *hub)
{
	return hub->now;
}
