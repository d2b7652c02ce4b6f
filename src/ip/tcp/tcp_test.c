/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two machines, each on a host on a hub of its own, joined by a wire that loses, duplicates and
 * reorders under a clock of its own; their owners stall at random. Many seeds; LANYARD_SEED runs
 * one, LANYARD_SEEDS says how many.
 *
 *      tcp A - host A - hub A - port ~~~ wire ~~~ port - hub B - host B - tcp B
 */
#include "ip/tcp/tcp.h"

#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FLIGHTS 8192

struct side;

struct wire {
	uint64_t random;
	unsigned loss, duplicate, reorder; /* per 1000 frames */
	nsec delay;
	bool is_cut;
	uint64_t lost;
};

/* A frame on its way. */
struct flight {
	nsec at;
	struct side *to;
	uint8_t *bytes;
	uint32_t len;
	struct offload offload;
};

struct side {
	const char *name;
	struct world *world;
	struct hub *hub;
	struct port port; /* this end of the wire */
	struct side *other;
	struct host host;
	struct machine machine;
	struct tcp_shared shared;
	struct tcp_binding binding;
	struct tcp tcp;
	bool has_tcp;

	uint64_t to_send, sent, received; /* bytes */
	nsec stalled_until, sends_at;
	bool may_stall, has_finished, peer_finished, is_closed, was_reset, has_timed_out;
};

struct world {
	nsec now;
	struct wire wire;
	struct flight flights[FLIGHTS];
	unsigned flight_count;
	struct side a, b;
};

static uint64_t dice(struct world *world)
{
	uint64_t *x = &world->wire.random;

	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static uint8_t pattern(uint64_t offset)
{
	return (uint8_t)(offset * 2654435761u >> 24 ^ offset >> 3);
}

/* The wire */

static void launch(struct side *to, const struct frame *frame, nsec extra)
{
	struct world *world = to->world;
	struct flight *flight;

	if (world->flight_count == FLIGHTS)
		return;
	flight = &world->flights[world->flight_count++];
	*flight = (struct flight){.at = world->now + world->wire.delay + extra,
		.to = to,
		.bytes = malloc(frame->len),
		.len = frame->len,
		.offload = frame->offload};
	assert_int_equal(frame_copy(frame, 0, flight->bytes, frame->len), frame->len);
}

static void wire_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct side *side = CONTAINER_OF(port, struct side, port);
	struct wire *wire = &side->world->wire;

	for (unsigned i = 0; i < count; i++) {
		if (wire->is_cut || dice(side->world) % 1000 < wire->loss) {
			wire->lost++;
			continue;
		}
		launch(side->other, &frames[i],
			dice(side->world) % 1000 < wire->reorder ? wire->delay * 2 : 0);
		if (dice(side->world) % 1000 < wire->duplicate)
			launch(side->other, &frames[i], wire->delay / 2);
	}
}

static const struct host_ops host_ops;
static const struct port_ops wire_ops = {.kind = "wire", .send = wire_send};
static const struct port_ops host_port_ops = {.kind = "host", .send = host_receive};

static bool land_one(struct world *world)
{
	unsigned first = 0;
	struct flight flight;
	struct frame frame;

	for (unsigned i = 1; i < world->flight_count; i++)
		if (world->flights[i].at < world->flights[first].at)
			first = i;
	if (!world->flight_count || world->flights[first].at > world->now)
		return false;
	flight = world->flights[first];
	world->flight_count--;
	memmove(&world->flights[first], &world->flights[first + 1],
		(world->flight_count - first) * sizeof(flight));
	frame = frame_linear(flight.bytes, flight.len);
	frame.offload = flight.offload;
	hub_receive(&flight.to->port, &frame, 1, world->now);
	free(flight.bytes);
	return true;
}

/* The owners */

static size_t on_data(struct tcp *tcp, const struct iovec *parts, unsigned count, size_t len)
{
	struct side *side = CONTAINER_OF(tcp, struct side, tcp);
	size_t taken = 0, most = len;

	if (side->may_stall && dice(side->world) % 4 == 0)
		most = dice(side->world) % (len + 1);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *bytes = parts[i].iov_base;

		for (size_t j = 0; j < parts[i].iov_len && taken < most; j++, taken++)
			assert_int_equal(bytes[j], pattern(side->received + taken));
	}
	side->received += taken;
	if (taken < len)
		side->stalled_until = side->world->now +
				      (nsec)(dice(side->world) % 50) * NSEC_PER_MSEC;
	return taken;
}

static void on_event(struct tcp *tcp, enum tcp_event event, nsec)
{
	struct side *side = CONTAINER_OF(tcp, struct side, tcp);

	switch (event) {
	case TCP_EVENT_FINISHED:
		side->peer_finished = true;
		break;
	case TCP_EVENT_RESET:
		side->was_reset = true;
		break;
	case TCP_EVENT_TIMEOUT:
		side->has_timed_out = true;
		break;
	case TCP_EVENT_CLOSED:
		side->is_closed = true;
		break;
	case TCP_EVENT_ESTABLISHED:
	case TCP_EVENT_ROOM:
		break;
	}
}

static const struct tcp_ops tcp_ops = {.on_data = on_data, .on_event = on_event};

static void on_segment(struct tcp_binding *binding, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	struct side *side = CONTAINER_OF(binding, struct side, binding);

	if (!side->has_tcp && packet->tcp_flags == TCP_SYN) {
		tcp_open_passive(&side->tcp, &side->shared, &tcp_ops, frame, packet, now);
		tcp_accept(&side->tcp, now);
		side->has_tcp = true;
	} else if (side->has_tcp) {
		tcp_receive(&side->tcp, frame, packet, now);
	}
}

static void feed(struct side *side)
{
	struct iovec parts[2];
	struct world *world = side->world;
	unsigned count;
	uint32_t most, put = 0;

	if (!side->has_tcp || side->sends_at > world->now)
		return;
	most = 1 + (uint32_t)(dice(world) % (256 * 1024));
	most = (uint32_t)MIN(side->to_send - side->sent, most);
	count = most ? tcp_room(&side->tcp, most, parts) : 0;
	for (unsigned i = 0; i < count; i++)
		for (size_t j = 0; j < parts[i].iov_len; j++)
			((uint8_t *)parts[i].iov_base)[j] = pattern(side->sent + put++);
	if (count)
		tcp_push(&side->tcp, put);
	side->sent += put;
	assert_true(side->sent <= side->to_send);
	if (side->may_stall && dice(world) % 16 == 0)
		side->sends_at = world->now + (nsec)(dice(world) % 80) * NSEC_PER_MSEC;
	if (side->sent == side->to_send && !side->has_finished) {
		side->has_finished = true;
		tcp_finish(&side->tcp);
	}
}

static nsec side_run(struct side *side)
{
	nsec now = side->world->now, next = NSEC_NEVER, host;

	if (side->has_tcp) {
		if (side->tcp.is_blocked && side->stalled_until <= now)
			tcp_drain(&side->tcp, now);
		feed(side);
		next = tcp_run(&side->tcp, now);
		assert_true(!seq_before(side->tcp.edge, side->tcp.rcv_nxt));
		if (side->tcp.is_blocked)
			next = MIN(next, MAX(side->stalled_until, now + 1));
		if (side->sends_at > now)
			next = MIN(next, side->sends_at);
	}
	host = host_run(&side->host, now);
	return MIN(next, host);
}

static bool is_over(const struct side *side)
{
	return side->was_reset || side->has_timed_out ||
	       (side->has_finished && side->peer_finished && side->is_closed);
}

/* Until both are done or the clock says `until`. */
static void run_world(struct world *world, nsec until)
{
	while (world->now < until) {
		nsec next = until, a, b;

		while (land_one(world))
			;
		a = side_run(&world->a);
		b = side_run(&world->b);
		if (is_over(&world->a) && is_over(&world->b))
			return;
		next = MIN(next, MIN(a, b));
		for (unsigned i = 0; i < world->flight_count; i++)
			next = MIN(next, world->flights[i].at);
		world->now = MAX(next, world->now + 1);
	}
}

static void side_start(struct side *side, struct world *world, struct side *other, const char *name,
	uint8_t last, uint32_t mtu)
{
	struct hash_key key = {1, last};
	struct mac mac = {{2, 0, 0, 0, 0, last}};
	struct ip_prefix address;

	side->name = name;
	side->world = world;
	side->other = other;
	side->hub = hub_new(name, &key);
	assert_non_null(side->hub);
	side->port.ops = &wire_ops;
	side->port.takes = dice(world) % 2 ? TAKES_ALL : 0;
	assert_int_equal(hub_attach(side->hub, &side->port, 0), 0);
	assert_int_equal(host_init(&side->host, &host_ops, &side->machine, mac, &key), 0);
	side->host.port.ops = &host_port_ops;
	side->host.port.takes = TAKES_ALL;
	side->host.port.mtu = mtu;
	assert_true(prefix_parse(last == 1 ? "10.0.0.1/24" : "10.0.0.2/24", &address));
	assert_int_equal(host_add_address(&side->host, &address), 0);
	assert_int_equal(hub_attach(side->hub, &side->host.port, 0), 0);
	side->shared.host = &side->host;
	side->shared.key = key;
	side->shared.pool.limit = 64 << 20;
	side->binding = (struct tcp_binding){
		.port = last == 1 ? 40000 : 80, .on_segment = on_segment};
	host_bind_tcp(&side->host, &side->binding);
}

static void side_stop(struct side *side)
{
	hub_detach(&side->port);
	hub_detach(&side->host.port);
	if (side->has_tcp)
		tcp_done(&side->tcp);
	host_done(&side->host);
	assert_int_equal(side->shared.pool.reserved, 0);
	assert_int_equal(side->shared.pool.used, 0);
	ring_pool_done(&side->shared.pool);
	hub_free(side->hub);
}

static struct world *world_new(uint64_t seed, uint32_t mtu)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->now = NSEC_PER_SEC;
	world->wire = (struct wire){
		.random = seed * 0x9e3779b97f4a7c15u + 1, .delay = 50 * NSEC_PER_USEC};
	side_start(&world->a, world, &world->b, "a", 1, mtu);
	side_start(&world->b, world, &world->a, "b", 2, mtu);
	return world;
}

static void call(struct world *world)
{
	struct endpoint a = {{{0}}, 40000}, b = {{{0}}, 80};

	assert_true(ip_parse("10.0.0.1", &a.ip) && ip_parse("10.0.0.2", &b.ip));
	tcp_open_active(&world->a.tcp, &world->a.shared, &tcp_ops, &a, &b, world->b.host.port.mac,
		world->now);
	world->a.has_tcp = true;
}

static void world_free(struct world *world)
{
	for (unsigned i = 0; i < world->flight_count; i++)
		free(world->flights[i].bytes);
	side_stop(&world->a);
	side_stop(&world->b);
	free(world);
}

static void assert_all_arrived(const struct world *world, uint64_t seed)
{
	const struct side *sides[] = {&world->a, &world->b};

	for (unsigned i = 0; i < 2; i++) {
		const struct side *side = sides[i];

		if (side->received == side->other->to_send && is_over(side) && !side->was_reset &&
			!side->has_timed_out)
			continue;
		fail_msg(
			"LANYARD_SEED=%llu: side %s: %llu of %llu bytes, state %s, reset %d, timeout %d, "
			"at %lld ms",
			(unsigned long long)seed, side->name, (unsigned long long)side->received,
			(unsigned long long)side->other->to_send, tcp_state_name(side->tcp.state),
			side->was_reset, side->has_timed_out,
			(long long)(world->now / NSEC_PER_MSEC));
	}
}

static unsigned env_number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void many_seeds(void (*one)(uint64_t seed), unsigned count)
{
	unsigned only = env_number("LANYARD_SEED", 0);

	count = env_number("LANYARD_SEEDS", count);
	if (only)
		one(only);
	for (uint64_t seed = 1; !only && seed <= count; seed++)
		one(seed);
}

static void one_clean_transfer(uint64_t seed)
{
	struct world *world = world_new(seed, seed % 2 ? 1500 : 65520);

	world->a.to_send = 3000000 + seed;
	world->b.to_send = seed % 3 ? 1000000 : 0;
	call(world);
	run_world(world, world->now + 20 * NSEC_PER_SEC);
	assert_all_arrived(world, seed);
	assert_int_equal(world->a.shared.retransmitted_bytes, 0);
	assert_int_equal(world->b.shared.retransmitted_bytes, 0);
	world_free(world);
}

static void a_clean_wire_carries_everything_without_retransmission(void **)
{
	many_seeds(one_clean_transfer, 6);
}

static void one_rough_transfer(uint64_t seed)
{
	struct world *world = world_new(seed, seed % 3 ? 1500 : 9000);

	world->wire.loss = (unsigned)(seed % 5) * 10;
	world->wire.duplicate = (unsigned)(seed % 4) * 10;
	world->wire.reorder = (unsigned)(seed % 7) * 10;
	world->wire.delay = (nsec)(20 + seed * 37 % 20000) * NSEC_PER_USEC;
	world->a.may_stall = seed % 2;
	world->b.may_stall = seed % 3;
	world->a.to_send = 400000 + seed * 7;
	world->b.to_send = 300000 - seed;
	call(world);
	run_world(world, world->now + 600 * NSEC_PER_SEC);
	assert_all_arrived(world, seed);
	world_free(world);
}

static void a_rough_wire_carries_everything(void **)
{
	many_seeds(one_rough_transfer, 60);
}

/* One frame in a hundred lost, as many twice, as many late: still 50 Mbit/s. */
static void one_percent_of_loss_leaves_speed(void **)
{
	struct world *world = world_new(7, 1500);
	nsec began = world->now;
	double rate;

	world->wire.loss = world->wire.duplicate = world->wire.reorder = 10;
	world->a.to_send = 40000000;
	call(world);
	run_world(world, world->now + 600 * NSEC_PER_SEC);
	assert_all_arrived(world, 7);
	rate = 40e6 * 8 / 1e6 / ((double)(world->now - began) / (double)NSEC_PER_SEC);
	print_message(
		"%.0f Mbit/s, %llu timeouts\n", rate, (unsigned long long)world->a.shared.timeouts);
	assert_true(rate > 50);
	world_free(world);
}

static void a_peer_that_stops_reading_closes_the_window_and_opens_it(void **)
{
	struct world *world = world_new(3, 1500);

	world->a.to_send = 20000000;
	call(world);
	run_world(world, world->now + 500 * NSEC_PER_USEC);
	world->b.tcp.is_blocked = true;
	world->b.stalled_until = world->now + 30 * NSEC_PER_SEC;
	run_world(world, world->now + 25 * NSEC_PER_SEC);
	assert_true(world->b.received < 10000000);
	assert_int_equal(world->a.tcp.state, TCP_CLOSE_WAIT);
	run_world(world, world->now + 60 * NSEC_PER_SEC);
	assert_all_arrived(world, 3);
	assert_int_equal(world->a.shared.retransmitted_bytes, 0);
	world_free(world);
}

static void a_wire_that_is_cut_ends_in_a_timeout(void **)
{
	struct world *world = world_new(5, 1500);

	world->a.to_send = 100000000;
	call(world);
	run_world(world, world->now + 2 * NSEC_PER_MSEC);
	world->wire.is_cut = true;
	run_world(world, world->now + 3600 * NSEC_PER_SEC);
	assert_true(world->a.has_timed_out);
	world_free(world);
}

static void an_abort_reaches_the_peer_as_reset(void **)
{
	struct world *world = world_new(6, 1500);

	world->a.to_send = 100000000;
	call(world);
	run_world(world, world->now + 2 * NSEC_PER_MSEC);
	tcp_abort(&world->a.tcp);
	run_world(world, world->now + 2 * NSEC_PER_MSEC);
	assert_int_equal(world->a.tcp.state, TCP_CLOSED);
	assert_true(world->b.was_reset);
	world_free(world);
}

static void half_closed_still_carries_the_other_way(void **)
{
	struct world *world = world_new(8, 1500);

	world->a.to_send = 10;
	world->b.to_send = 3000000;
	world->b.sends_at = world->now + 5 * NSEC_PER_SEC;
	call(world);
	run_world(world, world->now + 4 * NSEC_PER_SEC);
	assert_true(world->b.peer_finished);
	assert_int_equal(world->b.tcp.state, TCP_CLOSE_WAIT);
	run_world(world, world->now + 20 * NSEC_PER_SEC);
	assert_all_arrived(world, 8);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_wire_carries_everything_without_retransmission),
		cmocka_unit_test(a_peer_that_stops_reading_closes_the_window_and_opens_it),
		cmocka_unit_test(a_wire_that_is_cut_ends_in_a_timeout),
		cmocka_unit_test(an_abort_reaches_the_peer_as_reset),
		cmocka_unit_test(half_closed_still_carries_the_other_way),
		cmocka_unit_test(a_rough_wire_carries_everything),
		cmocka_unit_test(one_percent_of_loss_leaves_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
