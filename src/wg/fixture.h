/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests: devices at addresses of their own, joined by a wire that loses, repeats and reorders
 * under a clock of its own. A packet is a number and a pattern that follows from it, so that
 * whoever gets one knows whether it is whole and whether it was here before.
 */
#pragma once

#include "base/bytes.h"
#include "base/list.h"
#include "wg/device_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ENDS_MAX     4
#define PACKETS_SENT 4096 /* numbers, for each direction */
#define PACKET_MAX   1500

struct world;

struct end {
	struct world *world;
	struct wg_device *device;
	struct wg_key private;
	struct endpoint at;
	struct wg_peer *peers[ENDS_MAX]; /* by the other's number */
	bool is_woken;
	nsec deadline;
	nsec clock_error; /* of its wall clock */

	bool has_got[ENDS_MAX][PACKETS_SENT];
	unsigned got, events[WG_EXPIRED + 1];
	bool is_whole;		       /* the last transmit() was to be */
	unsigned transmits, datagrams; /* calls of transmit(), and what they stood for */
};

struct flight {
	struct list node;
	nsec at;
	struct endpoint from, to;
	size_t len;
	uint8_t bytes[];
};

struct world {
	nsec now;
	uint64_t random;
	unsigned loss, duplicate, reorder; /* of 1000 datagrams */
	nsec delay;
	struct list flights;
	struct end ends[ENDS_MAX];
	unsigned end_count;
	/* Sees each datagram before it flies; false: it does not. May be NULL. */
	bool (*on_datagram)(struct world *world, struct flight *flight);
};

static inline uint64_t dice(struct world *world)
{
	uint64_t *x = &world->random;

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static inline uint8_t pattern(uint32_t number, uint32_t i)
{
	return (uint8_t)((number * 2654435761u >> 16) + i * 7);
}

/* The wire */

static inline void launch(struct world *world, const struct endpoint *from,
	const struct endpoint *to, const uint8_t *bytes, size_t len, nsec extra)
{
	struct flight *flight = malloc(sizeof(*flight) + len);

	flight->at = world->now + world->delay + extra;
	flight->from = *from;
	flight->to = *to;
	flight->len = len;
	memcpy(flight->bytes, bytes, len);
	if (world->on_datagram && !world->on_datagram(world, flight))
		free(flight);
	else
		list_push_back(&world->flights, &flight->node);
}

static inline void wire_take(
	struct end *end, const struct endpoint *to, const uint8_t *bytes, size_t len)
{
	struct world *world = end->world;

	end->datagrams++;
	if (dice(world) % 1000 < world->loss)
		return;
	launch(world, &end->at, to, bytes, len,
		dice(world) % 1000 < world->reorder ? (nsec)(dice(world) % 4) * world->delay : 0);
	if (dice(world) % 1000 < world->duplicate)
		launch(world, &end->at, to, bytes, len, (nsec)(dice(world) % 8) * world->delay);
}

static inline void end_transmit(void *owner, const struct endpoint *to, const uint8_t *bytes,
	size_t len, size_t segment_len, bool is_whole)
{
	struct end *end = owner;

	end->transmits++;
	end->is_whole = is_whole;
	assert_true(len && segment_len && segment_len <= len && len <= WG_DATAGRAM_MAX);
	assert_true((len + segment_len - 1) / segment_len <= WG_PACKETS_MAX);
	while (len) {
		size_t part = MIN(len, segment_len);

		wire_take(end, to, bytes, part);
		bytes += part;
		len -= part;
	}
}

static inline struct end *end_at(struct world *world, const struct endpoint *where)
{
	for (unsigned i = 0; i < world->end_count; i++) {
		if (endpoint_equal(&world->ends[i].at, where))
			return &world->ends[i];
	}
	return NULL;
}

static inline void receive(struct end *end, struct flight *flight)
{
	struct wg_arrival arrival = {
		.bytes = flight->bytes, .len = flight->len, .from = flight->from};

	wg_device_receive(end->device, &arrival, 1, end->world->now);
}

/* Packets */

static inline void end_deliver(
	void *owner, struct wg_peer *peer, const struct iovec *packets, unsigned count, nsec now)
{
	struct end *end = owner;
	uintptr_t from = (uintptr_t)wg_peer_owner(peer);

	assert_int_equal(now, end->world->now);
	assert_true(count && count <= WG_PACKETS_MAX);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *bytes = packets[i].iov_base;
		uint32_t number = load_be32(bytes), len = load_be32(bytes + 4);

		assert_true(number < PACKETS_SENT);
		assert_in_range(packets[i].iov_len, len, len + 15);
		for (uint32_t j = 8; j < packets[i].iov_len; j++)
			assert_int_equal(bytes[j], j < len ? pattern(number, j) : 0);
		assert_false(end->has_got[from][number]);
		end->has_got[from][number] = true;
		end->got++;
	}
}

static inline void end_on_event(void *owner, struct wg_peer *peer, enum wg_event event, nsec)
{
	struct end *end = owner;

	assert_ptr_equal(peer, end->peers[(uintptr_t)wg_peer_owner(peer)]);
	end->events[event]++;
}

static inline nsec end_wall_clock(void *owner)
{
	const struct end *end = owner;

	return end->world->now + end->clock_error + 1700000000 * NSEC_PER_SEC;
}

static const struct wg_ops end_ops = {
	.transmit = end_transmit,
	.deliver = end_deliver,
	.on_event = end_on_event,
	.wall_clock = end_wall_clock,
};

/* The packet of that number, in two parts. */
static inline void send_packet_of(
	struct world *world, unsigned from, unsigned to, uint32_t number, uint32_t len)
{
	uint8_t bytes[PACKET_MAX];
	const struct iovec parts[2] = {{bytes, 5}, {bytes + 5, len - 5}};
	const struct wg_packet packet = {parts, 2, len};

	store_be32(bytes, number);
	store_be32(bytes + 4, len);
	for (uint32_t i = 8; i < len; i++)
		bytes[i] = pattern(number, i);
	wg_peer_send(world->ends[from].peers[to], &packet, 1, world->now);
}

/* Time */

static inline void on_wake(struct machine *machine)
{
	struct end *end = machine->driver;

	end->is_woken = true;
}

static inline void run_machines(struct world *world)
{
	for (unsigned i = 0; i < world->end_count; i++) {
		struct end *end = &world->ends[i];
		struct machine *machine = wg_device_machine(end->device);

		while (end->is_woken || end->deadline <= world->now) {
			end->is_woken = false;
			end->deadline = machine->run(machine, world->now);
			assert_true(end->deadline > world->now);
		}
	}
}

static inline nsec next_event(const struct world *world)
{
	nsec next = NSEC_NEVER;

	for (unsigned i = 0; i < world->end_count; i++)
		next = MIN(next, world->ends[i].deadline);
	for (const struct list *node = world->flights.next; node != &world->flights;
		node = node->next)
		next = MIN(next, LIST_ENTRY(node, struct flight, node)->at);
	return next;
}

static inline void land(struct world *world)
{
	LIST_EACH(node, &world->flights) {
		struct flight *flight = LIST_ENTRY(node, struct flight, node);
		struct end *end = end_at(world, &flight->to);

		if (flight->at > world->now)
			continue;
		list_remove(node);
		if (end)
			receive(end, flight);
		free(flight);
	}
}

/* All that happens until then. */
static inline void run_until(struct world *world, nsec when)
{
	nsec next;

	run_machines(world);
	while ((next = next_event(world)) <= when) {
		world->now = MAX(next, world->now);
		land(world);
		run_machines(world);
	}
	world->now = when;
}

static inline void run_for(struct world *world, nsec duration)
{
	run_until(world, world->now + duration);
}

/* Worlds */

static inline void end_start(struct world *world, const struct wg_timing *timing, unsigned load)
{
	unsigned number = world->end_count++;
	struct end *end = &world->ends[number];
	const struct wg_settings settings = {
		.ops = &end_ops, .owner = end, .timing = *timing, .load = load};

	end->world = world;
	end->deadline = NSEC_NEVER;
	end->at = (struct endpoint){ip_from_v4(ip4_from_number(0x0a000001 + number)), 51820};
	wg_key_make_private(&end->private);
	end->device = wg_device_new(&settings);
	assert_non_null(end->device);
	wg_device_set_key(end->device, &end->private);
	wg_device_machine(end->device)->wake = on_wake;
	wg_device_machine(end->device)->driver = end;
}

/* `who` knows `other`, and where he is. */
static inline void introduce(struct world *world, unsigned who, unsigned other)
{
	struct end *end = &world->ends[who];
	struct wg_peer *peer = wg_peer_new(
		end->device, wg_device_public(world->ends[other].device), (void *)(uintptr_t)other);

	assert_non_null(peer);
	end->peers[other] = peer;
	wg_peer_set_endpoint(peer, &world->ends[other].at);
}

static inline void world_start(struct world *world, uint64_t seed)
{
	*world = (struct world){
		.now = NSEC_PER_SEC, .random = seed * 2654435761u + 1, .delay = 20 * NSEC_PER_MSEC};
	list_init(&world->flights);
}

/* Two who know each other. */
static inline void world_of_two(struct world *world, const struct wg_timing *timing, uint64_t seed)
{
	world_start(world, seed);
	end_start(world, timing, WG_LOAD_STANDARD);
	end_start(world, timing, WG_LOAD_STANDARD);
	introduce(world, 0, 1);
	introduce(world, 1, 0);
}

static inline void world_end(struct world *world)
{
	LIST_EACH(node, &world->flights) {
		list_remove(node);
		free(LIST_ENTRY(node, struct flight, node));
	}
	for (unsigned i = 0; i < world->end_count; i++)
		wg_device_free(world->ends[i].device);
}
