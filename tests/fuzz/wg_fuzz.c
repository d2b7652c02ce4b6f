/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device with one live session, and whoever is on the wire. Input: a list of deeds, each one byte
 * and what it takes: the peer speaks, what he said comes (changed, again, together, from
 * elsewhere), anything comes, time passes.
 *
 * Whatever is done: what is delivered was said by the peer, and comes once; and what was said comes
 * whole. Random numbers are made here, so that an input does the same each time.
 */
#include "base/bytes.h"
#include "base/random.h"
#include "wg/device_state.h"

#include <stdlib.h>

#define SAID_MAX    4096 /* numbers of packets */
#define FLIGHTS	    16
#define FLIGHT_SIZE 2048

enum deed {
	DEED_RAW,	/* anything, for a live index, with a good mac1 or not */
	DEED_SAY,	/* the peer says something */
	DEED_ANSWER,	/* the device does */
	DEED_LAND,	/* what was said comes */
	DEED_LAND_BAD,	/* with a byte changed */
	DEED_LAND_MANY, /* in one piece */
	DEED_TIME,
	DEED_FORGET, /* either loses its keys */
	DEED_COUNT,
};

struct end {
	struct wg_device *device;
	struct wg_peer *peer;
	struct endpoint at;
	struct end *other;
	uint32_t said;
	bool has_got[SAID_MAX];
};

/* What is on the wire; the oldest makes room. */
struct flight {
	struct end *to;
	size_t len;
	uint8_t bytes[FLIGHT_SIZE];
};

static struct end ends[2];
static struct flight flights[FLIGHTS];
static unsigned flight_count;
static uint64_t random_state;
static nsec now;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

uint64_t random_u64(void)
{
	random_state += 0x9e3779b97f4a7c15;
	return hash_mix(random_state, 0xbf58476d1ce4e5b9);
}

uint32_t random_u32(void)
{
	return (uint32_t)random_u64();
}

void random_bytes(void *out, size_t len)
{
	for (uint8_t *at = out; len--; at++)
		*at = (uint8_t)random_u64();
}

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static uint8_t pattern(const struct end *from, uint32_t number, size_t i)
{
	return (uint8_t)((number * 31 + i) ^ (from == &ends[0]));
}

static void transmit(void *owner, const struct endpoint *, const uint8_t *bytes, size_t len,
	size_t segment_len, bool)
{
	struct end *end = owner;

	check(len && segment_len && segment_len <= len && len <= WG_DATAGRAM_MAX);
	while (len) {
		struct flight *flight = &flights[flight_count++ % FLIGHTS];

		flight->to = end->other;
		flight->len = MIN(len, segment_len);
		check(flight->len <= FLIGHT_SIZE);
		memcpy(flight->bytes, bytes, flight->len);
		bytes += flight->len;
		len -= flight->len;
	}
}

static void deliver(
	void *owner, struct wg_peer *peer, const struct iovec *packets, unsigned count, nsec)
{
	struct end *end = owner;

	check(peer == end->peer && count && count <= WG_PACKETS_MAX);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *bytes = packets[i].iov_base;
		uint32_t number, len;

		check(packets[i].iov_len >= 8);
		number = load_be32(bytes);
		len = load_be32(bytes + 4);
		check(number < end->other->said && !end->has_got[number]);
		end->has_got[number] = true;
		check(len <= packets[i].iov_len && packets[i].iov_len < len + 16);
		for (size_t j = 8; j < packets[i].iov_len; j++)
			check(bytes[j] == (j < len ? pattern(end->other, number, j) : 0));
	}
}

static nsec wall_clock(void *)
{
	return now + 1700000000 * NSEC_PER_SEC;
}

static const struct wg_ops ops = {
	.transmit = transmit, .deliver = deliver, .wall_clock = wall_clock};

static void run(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct machine *machine = wg_device_machine(ends[i].device);

		check(machine->run(machine, now) > now);
	}
}

static void say(struct end *end, uint32_t len)
{
	uint8_t bytes[FLIGHT_SIZE];
	const struct iovec parts[2] = {{bytes, 7}, {bytes + 7, len - 7}};
	const struct wg_packet packet = {parts, 2, len};

	if (end->said == SAID_MAX)
		return;
	store_be32(bytes, end->said);
	store_be32(bytes + 4, len);
	for (uint32_t i = 8; i < len; i++)
		bytes[i] = pattern(end, end->said, i);
	end->said++;
	wg_peer_send(end->peer, &packet, 1, now);
	run();
}

static void land(struct end *to, uint8_t *bytes, size_t len, size_t segment_len, uint16_t port)
{
	struct wg_arrival arrival = {
		.bytes = bytes, .len = len, .segment_len = segment_len, .from = to->other->at};

	arrival.from.port = port;
	wg_device_receive(to->device, &arrival, 1, now);
	run();
}

static void do_raw(struct reader *r)
{
	static uint8_t bytes[FLIGHT_SIZE];
	uint8_t how = read_u8(r);
	size_t len = read_u8(r);
	struct wg_peer *peer = ends[0].peer;
	const struct session *session = peer->sessions.current;

	memset(bytes, 0, len);
	read_copy(r, bytes, MIN(len, reader_left(r)));
	if (how & 1 && len >= 8)
		store_le32(bytes + 4, session ? session->index.value : peer->handshake_index.value);
	if (how & 2 && len >= 12)
		store_le32(bytes + 8, peer->handshake_index.value);
	if (how & 4 && len >= 64)
		cookie_write_macs(&ends[1].peer->cookies, ends[1].device->gate.cookies.scratch,
			&WG_TIMING, bytes, len, now);
	land(&ends[0], bytes, len, how & 8 ? len / 2 : len, how & 16);
}

static struct flight *pick(struct reader *r)
{
	return flight_count ? &flights[read_u8(r) % MIN(flight_count, FLIGHTS)] : NULL;
}

static void do_say(struct reader *r)
{
	say(&ends[1], 8 + read_u8(r) * 7u);
}

static void do_answer(struct reader *r)
{
	say(&ends[0], 8 + read_u8(r) * 7u);
}

static void do_land(struct reader *r)
{
	struct flight *flight = pick(r), copy;

	if (!flight)
		return;
	copy = *flight;
	land(copy.to, copy.bytes, copy.len, copy.len, 1);
}

static void do_land_bad(struct reader *r)
{
	struct flight *flight = pick(r), copy;
	size_t at = read_be16(r);
	uint8_t change = read_u8(r);

	if (!flight)
		return;
	copy = *flight;
	if (change)
		copy.bytes[at % copy.len] ^= change;
	else
		copy.len = at % copy.len + 1;
	land(copy.to, copy.bytes, copy.len, copy.len, 2);
}

static void do_land_many(struct reader *r)
{
	static uint8_t bytes[FLIGHTS * FLIGHT_SIZE];
	struct flight *first = pick(r);
	unsigned count = read_u8(r) % FLIGHTS;
	size_t len = 0, segment_len = first ? first->len : 0;

	for (unsigned i = 0; first && i <= count && first + i < flights + FLIGHTS; i++) {
		if (first[i].to != first->to)
			break;
		memcpy(bytes + len, first[i].bytes, first[i].len);
		len += first[i].len;
	}
	if (len)
		land(first->to, bytes, len, segment_len + read_u8(r) % 2, 1);
}

static void do_time(struct reader *r)
{
	uint8_t how = read_u8(r);

	now += (nsec)(how & 127) * (how & 128 ? 5 * NSEC_PER_SEC : 10 * NSEC_PER_MSEC);
	run();
}

static struct wg_key private_of(const struct end *end)
{
	return (struct wg_key){{0, 1 + (end == &ends[1])}};
}

static void do_forget(struct reader *r)
{
	struct end *end = &ends[read_u8(r) % 2];

	const struct wg_key private = private_of(end);

	wg_device_set_key(end->device, &private);
}

static void start(struct end *end, struct end *other, unsigned load)
{
	const struct wg_settings settings = {
		.ops = &ops, .owner = end, .timing = WG_TIMING, .load = load};
	const struct wg_key private = private_of(end);

	*end = (struct end){.other = other, .at = {{{[15] = 1 + (end == &ends[1])}}, 1}};
	end->device = wg_device_new(&settings);
	check(end->device);
	wg_device_set_key(end->device, &private);
}

static void introduce(struct end *end)
{
	end->peer = wg_peer_new(end->device, wg_device_public(end->other->device), NULL);
	check(end->peer);
	wg_peer_set_endpoint(end->peer, &end->other->at);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const deeds[DEED_COUNT])(struct reader *) = {
		[DEED_RAW] = do_raw,
		[DEED_SAY] = do_say,
		[DEED_ANSWER] = do_answer,
		[DEED_LAND] = do_land,
		[DEED_LAND_BAD] = do_land_bad,
		[DEED_LAND_MANY] = do_land_many,
		[DEED_TIME] = do_time,
		[DEED_FORGET] = do_forget,
	};
	struct reader r = reader_on(bytes, len);

	random_state = read_u8(&r);
	now = NSEC_PER_SEC;
	flight_count = 0;
	memset(flights, 0, sizeof(flights));
	start(&ends[0], &ends[1], random_state & 1 ? 0 : WG_LOAD_STANDARD);
	start(&ends[1], &ends[0], WG_LOAD_STANDARD);
	introduce(&ends[0]);
	introduce(&ends[1]);
	while (reader_left(&r))
		deeds[read_u8(&r) % DEED_COUNT](&r);
	wg_device_free(ends[0].device);
	wg_device_free(ends[1].device);
	return 0;
}
