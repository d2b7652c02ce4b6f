/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame's way across the hub: judged one by one, handed on in runs. Neighbours in a batch that
 * leave through the same port go to it in one call, from the array they came in.
 */
#include "hub/hub_state.h"
#include "hub/segment.h"

#include <assert.h>

/* A frame may have the MTU, the Ethernet header and one tag. */
static uint32_t frame_limit(const struct port *port)
{
	return port->mtu ? port->mtu + ETH_HEADER_LEN + ETH_VLAN_LEN : UINT32_MAX;
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

/* A frame that cannot be part of a run. */
static void deliver_alone(struct port *to, const struct frame *frame)
{
	struct port_sink lowered = {.sink.take = port_sink_take, .to = to};

	if (frame_wire_len(frame) > frame_limit(to))
		port_drop(to, DROP_GIANT, frame);
	else if (!segment_lower(frame, to->takes, &lowered.sink))
		port_drop(to, DROP_MALFORMED, frame);
}

/* Counts frames that leave through the port, and says whether it is there to get them. */
static bool deliver_begin(
	const struct hub *hub, struct port *to, const struct frame *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		to->out.frames += frame_wire_count(&frames[i]);
		to->out.bytes += frames[i].len;
		if (UNLIKELY(to->is_down))
			port_drop(to, DROP_LINK_DOWN, &frames[i]);
		else if (is_watched(hub))
			capture_frame(hub, to, CAPTURE_OUT, 0, &frames[i]);
	}
	return !to->is_down;
}

static void deliver(
	const struct hub *hub, struct port *to, const struct frame *frames, unsigned count)
{
	uint32_t limit = frame_limit(to);
	unsigned start = 0;

	if (!deliver_begin(hub, to, frames, count))
		return;
	for (unsigned i = 0; i < count; i++) {
		const struct frame *frame = &frames[i];

		if (LIKELY(frame_wire_len(frame) <= limit && !(segment_needs(frame) & ~to->takes)))
			continue;
		if (i > start)
			to->ops->send(to, frames + start, i - start);
		start = i + 1;
		deliver_alone(to, frame);
	}
	if (count > start)
		to->ops->send(to, frames + start, count - start);
}

/* The ports a flooded frame must be lowered for: done once for all of them, all the way down. */
struct flood {
	struct segment_sink sink;
	const struct hub *hub;
	const struct port *from;
	const struct frame *frame;
};

static bool flood_lowers_for(const struct flood *flood, const struct port *to)
{
	return to && to != flood->from && !to->is_down &&
	       (segment_needs(flood->frame) & ~to->takes) &&
	       frame_wire_len(flood->frame) <= frame_limit(to);
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
			port_drop(to, reason, flood->frame);
	}
}

static void flood_offloaded(
	const struct hub *hub, const struct port *from, const struct frame *frame)
{
	struct flood flood = {.sink.take = flood_take, .hub = hub, .from = from, .frame = frame};
	bool is_lowered = false;

	for (unsigned slot = 0; slot < hub->slot_count; slot++) {
		struct port *to = hub->slots[slot].port;

		if (!to || to == from)
			continue;
		if (flood_lowers_for(&flood, to))
			is_lowered = deliver_begin(hub, to, frame, 1);
		else
			deliver(hub, to, frame, 1);
	}
	if (is_lowered && !segment_lower(frame, 0, &flood.sink))
		flood_drop(&flood, DROP_MALFORMED);
}

static void flood_plain(
	const struct hub *hub, const struct port *from, const struct frame *frames, unsigned count)
{
	for (unsigned slot = 0; slot < hub->slot_count && count; slot++) {
		struct port *to = hub->slots[slot].port;

		if (to && to != from)
			deliver(hub, to, frames, count);
	}
}

static void flood(
	const struct hub *hub, const struct port *from, const struct frame *frames, unsigned count)
{
	unsigned start = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!segment_needs(&frames[i]))
			continue;
		flood_plain(hub, from, frames + start, i - start);
		flood_offloaded(hub, from, &frames[i]);
		start = i + 1;
	}
	flood_plain(hub, from, frames + start, count - start);
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

/* Where a frame goes: to a port; to everybody else, which is said as `from`; nowhere: NULL. */
static struct port *judge(
	struct hub *hub, struct port *from, const struct frame *frame, uint32_t second)
{
	struct eth_header eth;
	struct mac_owner *owner;

	if (UNLIKELY(frame->head_len < ETH_HEADER_LEN))
		return refuse(from, DROP_RUNT, frame);
	if (UNLIKELY(!frame_offload_is_sound(frame)))
		return refuse(from, DROP_MALFORMED, frame);
	memcpy(&eth, frame->head, sizeof(eth));
	if (UNLIKELY(mac_is_group(eth.from)))
		return refuse(from, DROP_SOURCE_GROUP, frame);
	mac_table_learn(&hub->addresses, eth.from, &from->addresses, second);
	if (UNLIKELY(mac_is_group(eth.to)))
		return is_reserved(eth.to) ? refuse(from, DROP_RESERVED, frame) : from;
	owner = mac_table_find(&hub->addresses, eth.to, second);
	if (UNLIKELY(!owner))
		return from;
	if (UNLIKELY(owner == &from->addresses))
		return refuse(from, DROP_HAIRPIN, frame);
	return CONTAINER_OF(owner, struct port, addresses);
}

static void hand_on(struct hub *hub, struct port *from, struct port *to, const struct frame *frames,
	unsigned count)
{
	if (!to)
		return;
	for (unsigned i = 0; i < count; i++) {
		uint32_t wire_count = frame_wire_count(&frames[i]);

		hub->frames += wire_count;
		from->in.frames += wire_count;
		from->in.bytes += frames[i].len;
	}
	if (to == from)
		flood(hub, from, frames, count);
	else
		deliver(hub, to, frames, count);
}

static void forward(
	struct hub *hub, struct port *from, const struct frame *frames, unsigned count, nsec now)
{
	uint32_t second = second_of(now);
	struct port *run_to = NULL;
	unsigned start = 0;

	for (unsigned i = 0; i < count; i++) {
		struct port *to = judge(hub, from, &frames[i], second);

		if (to == run_to)
			continue;
		hand_on(hub, from, run_to, frames + start, i - start);
		run_to = to;
		start = i;
	}
	hand_on(hub, from, run_to, frames + start, count - start);
}

void hub_receive(struct port *from, const struct frame *frames, unsigned count, nsec now)
{
	struct hub *hub = from->hub;

	if (!hub)
		return; /* detached since its descriptor became ready */
	assert(!hub->is_forwarding);
	hub->is_forwarding = true;
	hub->now = now;
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

nsec hub_now(const struct hub *hub)
{
	return hub->now;
}
