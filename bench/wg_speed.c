/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wg-speed: what src/wg costs on one core, two devices and nothing between them. CPU time of this
 * process; each number is the best of five. */
#include "base/bytes.h"
#include "base/random.h"
#include "wg/device_state.h"
#include "wg/handshake.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS	 5
#define MESSAGES 64 /* a datagram of them, as UDP_SEGMENT takes and UDP_GRO gives */

struct end {
	struct wg_device *device;
	struct wg_peer *peer;
	struct wg_key private;
	struct endpoint at;
	uint8_t *bytes; /* what it has sent */
	size_t len, segment_len;
};

static struct end a, b;
static nsec now = NSEC_PER_SEC;
static uint64_t delivered;

static nsec cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static void transmit(void *owner, const struct endpoint *, const uint8_t *bytes, size_t len,
	size_t segment_len, bool)
{
	struct end *end = owner;

	memcpy(end->bytes + end->len, bytes, len);
	end->len += len;
	end->segment_len = segment_len;
}

static void drop(void *, const struct endpoint *, const uint8_t *, size_t, size_t, bool)
{
}

static void deliver(void *, struct wg_peer *, const struct iovec *, unsigned count, nsec)
{
	delivered += count;
}

static nsec wall_clock(void *)
{
	return now;
}

static const struct wg_ops ops = {
	.transmit = transmit, .deliver = deliver, .wall_clock = wall_clock};
static const struct wg_ops silent_ops = {
	.transmit = drop, .deliver = deliver, .wall_clock = wall_clock};

static void end_start(struct end *end, uint32_t address)
{
	const struct wg_settings settings = {
		.ops = &ops, .owner = end, .timing = WG_TIMING, .load = WG_LOAD_STANDARD};

	end->device = wg_device_new(&settings);
	end->bytes = malloc(16 * WG_DATAGRAM_MAX);
	end->at = (struct endpoint){ip_from_v4(ip4_from_number(address)), 51820};
	wg_key_make_private(&end->private);
	if (!end->device || !end->bytes)
		exit(1);
	wg_device_set_key(end->device, &end->private);
}

static void introduce(struct end *end, struct end *other)
{
	end->peer = wg_peer_new(end->device, wg_device_public(other->device), NULL);
	if (!end->peer)
		exit(1);
	wg_peer_set_endpoint(end->peer, &other->at);
}

static void run(struct end *end)
{
	struct machine *machine = wg_device_machine(end->device);

	machine->run(machine, now);
}

/* What one has sent comes to the other. */
static void land(struct end *from, struct end *to)
{
	struct wg_arrival arrival = {from->bytes, from->len, from->segment_len, from->at};

	run(from);
	arrival.len = from->len;
	arrival.segment_len = from->segment_len;
	from->len = 0;
	if (arrival.len)
		wg_device_receive(to->device, &arrival, 1, now);
}

static void handshake(void)
{
	now += 10 * NSEC_PER_SEC;
	handshake_want(a.peer, now);
	land(&a, &b);
	land(&b, &a);
	land(&a, &b);
}

static void send_batch(uint32_t len)
{
	static uint8_t head[54], body[65536];
	const struct iovec parts[2] = {
		{head, MIN(len, sizeof(head))}, {body, len - MIN(len, sizeof(head))}};
	struct wg_packet packets[MESSAGES];

	for (unsigned i = 0; i < MESSAGES; i++)
		packets[i] = (struct wg_packet){parts, 2, len};
	wg_peer_send(a.peer, packets, MESSAGES, now);
}

struct cost {
	nsec seal, open;
};

/* Of one message, in nanoseconds. */
static struct cost measure(uint32_t len)
{
	const unsigned batches = 2000;
	struct cost cost = {0};

	for (unsigned i = 0; i < batches; i++) {
		nsec start = cpu_time(), sealed;

		send_batch(len);
		run(&a);
		sealed = cpu_time();
		land(&a, &b);
		cost.seal += sealed - start;
		cost.open += cpu_time() - sealed;
	}
	cost.seal /= batches * MESSAGES;
	cost.open /= batches * MESSAGES;
	return cost;
}

static double gigabits(uint32_t len, nsec cost)
{
	return (double)len * 8 / (double)cost;
}

static void measure_messages(void)
{
	static const uint32_t lens[] = {64, 256, 512, 1024, 1420, 1440, 8192};

	printf("%10s %12s %10s %12s %10s\n", "bytes", "seal ns", "Gbit/s", "open ns", "Gbit/s");
	for (unsigned i = 0; i < ARRAY_SIZE(lens); i++) {
		struct cost best = {NSEC_NEVER, NSEC_NEVER};

		for (unsigned round = 0; round < ROUNDS; round++) {
			struct cost cost = measure(lens[i]);

			best.seal = MIN(best.seal, cost.seal);
			best.open = MIN(best.open, cost.open);
		}
		printf("%10u %12lld %10.2f %12lld %10.2f\n", lens[i], (long long)best.seal,
			gigabits(lens[i], best.seal), (long long)best.open,
			gigabits(lens[i], best.open));
	}
}

static void measure_handshakes(void)
{
	const unsigned count = 500;
	nsec best = NSEC_NEVER;

	for (unsigned round = 0; round < ROUNDS; round++) {
		nsec start = cpu_time();

		for (unsigned i = 0; i < count; i++)
			handshake();
		best = MIN(best, (cpu_time() - start) / count);
	}
	printf("\na handshake, both sides: %.0f us\n", (double)best / NSEC_PER_USEC);
}

/* From anywhere; is_signed: with a mac1 that is good. */
static nsec flood_cost(bool is_signed)
{
	const unsigned count = 2000;
	static struct message_initiation messages[2000];
	nsec start;

	for (unsigned i = 0; i < count; i++) {
		messages[i].type_le = MESSAGE_INITIATION;
		random_bytes(messages[i].ephemeral, sizeof(messages[i].ephemeral));
		if (is_signed)
			cookie_write_macs(&a.peer->cookies, a.device->gate.cookies.scratch,
				&WG_TIMING, &messages[i], sizeof(messages[i]), now);
	}
	start = cpu_time();
	for (unsigned i = 0; i < count; i++) {
		struct wg_arrival arrival = {(uint8_t *)&messages[i], sizeof(messages[i]), 0,
			{ip_from_v4(ip4_from_number(i)), 1}};

		now += NSEC_PER_SEC / 10000;
		wg_device_receive(b.device, &arrival, 1, now);
	}
	return (cpu_time() - start) / count;
}

static void measure_flood(void)
{
	nsec bad = NSEC_NEVER, good = NSEC_NEVER;

	b.device->ops = &silent_ops;
	wg_device_say_loaded(b.device, NSEC_NEVER);
	for (unsigned round = 0; round < ROUNDS; round++) {
		nsec cost = flood_cost(false);

		bad = MIN(bad, cost);
		cost = flood_cost(true);
		good = MIN(good, cost);
	}
	printf("an initiation that is forged: %.2f us; under load, answered with a cookie: %.2f us\n",
		(double)bad / NSEC_PER_USEC, (double)good / NSEC_PER_USEC);
}

static size_t memory(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* What malloc() gives back is in a cache of its own first: only what it hands out can be counted.
 */
static void measure_memory(void)
{
	enum {
		COUNT = 1000
	};
	static struct session *sessions[COUNT];
	size_t before = memory(), peers;

	for (unsigned i = 0; i < COUNT; i++) {
		struct wg_key key;

		wg_key_make_private(&key);
		key = wg_key_public(&key);
		if (!wg_peer_new(a.device, &key, NULL))
			exit(1);
	}
	peers = memory() - before;
	before = memory();
	for (unsigned i = 0; i < COUNT; i++)
		sessions[i] = session_new(&(struct noise_keys){0}, true, now);
	printf("a peer: %zu bytes, each of its sessions, of which there are up to 3: %zu\n",
		peers / COUNT, (memory() - before) / COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		session_free(sessions[i], NULL);
}

int main(void)
{
	end_start(&a, 0x0a000001);
	end_start(&b, 0x0a000002);
	introduce(&a, &b);
	introduce(&b, &a);
	handshake();
	measure_messages();
	if (!delivered)
		return 1;
	measure_handshakes();
	measure_memory();
	handshake();
	measure_flood();
	return 0;
}
