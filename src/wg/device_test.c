/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two devices and what they do for each other. */
#include "wg/fixture.h"

#include <errno.h>

#define SECONDS(n) ((n)*NSEC_PER_SEC)

static struct world world;
static struct end *const a = &world.ends[0], *const b = &world.ends[1];

static int set_up(void **)
{
	world_of_two(&world, &WG_TIMING, 1);
	return 0;
}

static int tear_down(void **)
{
	world_end(&world);
	return 0;
}

static void connect(void)
{
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(1));
	assert_true(b->has_got[0][0]);
}

static struct wg_peer_state look(const struct end *end, unsigned other)
{
	struct wg_peer_state state;

	wg_peer_look(end->peers[other], world.now, &state);
	return state;
}

static void test_the_first_packet_brings_a_session(void **)
{
	assert_false(look(a, 1).has_session);
	connect();
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
	assert_int_equal(b->events[WG_HANDSHAKE], 1);
	assert_int_equal(a->datagrams, 2); /* initiation, data */
	assert_int_equal(b->datagrams, 1);
	assert_true(look(a, 1).has_session && look(b, 0).has_session);
	send_packet_of(&world, 1, 0, 0, 1400);
	run_for(&world, SECONDS(1));
	assert_true(a->has_got[1][0]);
	assert_int_equal(look(a, 1).sent_bytes, 148 + 32 + 112);
	assert_int_equal(look(b, 0).received_bytes, 148 + 32 + 112);
	assert_int_equal(look(b, 0).sent_bytes, 92 + 32 + 1408);
	assert_int_equal(look(a, 1).received_bytes, 92 + 32 + 1408);
}

static void test_a_session_by_asking(void **)
{
	wg_peer_connect(a->peers[1], world.now);
	wg_peer_connect(a->peers[1], world.now);
	run_for(&world, SECONDS(1));
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
	assert_int_equal(b->events[WG_HANDSHAKE], 1); /* confirmed by an empty message */
	assert_int_equal(a->datagrams, 2);
}

/* The responder has to hear the session used before he uses it. */
static void test_the_responder_waits(void **)
{
	wg_peer_connect(a->peers[1], world.now);
	run_for(&world, world.delay); /* the response is on its way */
	send_packet_of(&world, 1, 0, 7, 200);
	run_for(&world, 0);
	assert_int_equal(b->datagrams, 1);
	assert_false(look(b, 0).has_session);
	run_for(&world, SECONDS(1));
	assert_true(a->has_got[1][7]);
	assert_int_equal(b->events[WG_HANDSHAKE], 1);
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
}

/* Both sessions are good, and neither waits for the other's patience to end. */
static void test_both_begin_at_once(void **)
{
	send_packet_of(&world, 0, 1, 0, 100);
	send_packet_of(&world, 1, 0, 0, 100);
	run_for(&world, 4 * world.delay);
	assert_true(a->has_got[1][0] && b->has_got[0][0]);
	for (uint32_t i = 1; i < 100; i++) {
		send_packet_of(&world, 0, 1, i, 100);
		send_packet_of(&world, 1, 0, i, 100);
		run_for(&world, SECONDS(1));
	}
	assert_int_equal(a->got, 100);
	assert_int_equal(b->got, 100);
}

static void test_preshared_keys(void **)
{
	struct wg_peer_state state;
	struct wg_key key, other;

	wg_key_make_preshared(&key);
	wg_key_make_preshared(&other);
	wg_peer_set_preshared(a->peers[1], &key);
	wg_peer_set_preshared(b->peers[0], &other);
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(4));
	assert_false(b->has_got[0][0]);
	assert_int_equal(look(a, 1).drops[WG_DROP_FORGED], 1);
	assert_int_equal(a->events[WG_HANDSHAKE], 0);
	wg_peer_set_preshared(b->peers[0], &key);
	run_for(&world, SECONDS(4));
	assert_true(b->has_got[0][0]);
	state = look(a, 1);
	assert_true(wg_key_equal(&state.preshared, &key));
}

static void test_who_is_not_known_gets_no_answer(void **)
{
	struct wg_key key;

	wg_key_make_private(&key);
	wg_device_set_key(a->device, &key); /* b knows the one before */
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(4));
	assert_int_equal(a->datagrams, 1);
	assert_int_equal(b->datagrams, 0);
	assert_int_equal(wg_device_drops(b->device)[WG_DROP_UNKNOWN], 1);
}

static void test_who_knows_another_key_gets_no_answer(void **)
{
	struct wg_key key;

	wg_key_make_private(&key);
	wg_device_set_key(b->device, &key); /* a knows the one before */
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(4));
	assert_int_equal(b->datagrams, 0);
	assert_int_equal(wg_device_drops(b->device)[WG_DROP_FORGED], 1);
}

static void test_a_new_key_ends_sessions(void **)
{
	connect();
	wg_device_set_key(b->device, &b->private);
	assert_false(look(b, 0).has_session);
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(1));
	assert_false(b->has_got[0][1]);
	assert_int_equal(wg_device_drops(b->device)[WG_DROP_UNKNOWN], 1);
	send_packet_of(&world, 1, 0, 1, 100); /* 5 s after its last handshake */
	run_for(&world, SECONDS(5));
	assert_true(a->has_got[1][1]);
}

static void test_a_device_without_a_key(void **)
{
	connect();
	wg_device_set_key(b->device, NULL);
	assert_null(wg_device_public(b->device));
	send_packet_of(&world, 0, 1, 1, 100);
	send_packet_of(&world, 1, 0, 1, 100);
	run_for(&world, SECONDS(3));
	assert_int_equal(b->got, 1);
	assert_int_equal(b->datagrams, 1);
	wg_device_set_key(b->device, &b->private);
	run_for(&world, SECONDS(30));
	send_packet_of(&world, 0, 1, 2, 100);
	run_for(&world, SECONDS(1));
	assert_true(b->has_got[0][2]);
}

static void test_which_peers_there_may_be(void **)
{
	struct wg_key zero = {0}, own = *wg_device_public(a->device), other;

	assert_null(wg_peer_new(a->device, &own, NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(wg_peer_new(a->device, &zero, NULL));
	assert_int_equal(errno, EINVAL);
	assert_null(wg_peer_new(a->device, wg_device_public(b->device), NULL));
	assert_int_equal(errno, EEXIST);
	wg_key_make_private(&other);
	assert_null(wg_peer_find(a->device, &other));
	assert_ptr_equal(wg_peer_find(a->device, wg_device_public(b->device)), a->peers[1]);
	assert_ptr_equal(wg_peer_after(a->device, NULL), a->peers[1]);
	assert_null(wg_peer_after(a->device, a->peers[1]));
}

/* A key that turned out to be our own, or worthless: nobody can speak in its name. */
static void test_a_peer_that_cannot_be_met(void **)
{
	struct wg_key zero = {0};
	struct wg_peer *peer;

	wg_device_set_key(a->device, NULL);
	peer = wg_peer_new(a->device, &zero, NULL);
	assert_non_null(peer);
	wg_device_set_key(a->device, &a->private);
	wg_peer_set_endpoint(peer, &b->at);
	wg_peer_connect(peer, world.now);
	run_for(&world, SECONDS(1));
	assert_int_equal(a->datagrams, 0);
	wg_peer_free(peer);
}

static void test_a_peer_that_is_removed(void **)
{
	connect();
	wg_peer_free(b->peers[0]);
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(1));
	assert_int_equal(b->got, 1);
	assert_int_equal(wg_device_drops(b->device)[WG_DROP_UNKNOWN], 1);
	introduce(&world, 1, 0);
	send_packet_of(&world, 1, 0, 1, 100);
	run_for(&world, SECONDS(1));
	assert_true(a->has_got[1][1]);
}

static void test_nobody_knows_where(void **)
{
	static const struct endpoint nowhere;

	wg_peer_set_endpoint(a->peers[1], &nowhere);
	send_packet_of(&world, 0, 1, 0, 100);
	wg_peer_connect(a->peers[1], world.now);
	run_for(&world, SECONDS(10));
	assert_int_equal(a->datagrams, 0);
	assert_int_equal(look(a, 1).drops[WG_DROP_NO_ENDPOINT], 1);
	send_packet_of(&world, 1, 0, 0, 100); /* whence it is known */
	run_for(&world, SECONDS(1));
	assert_int_equal(a->events[WG_ROAMED], 1);
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(1));
	assert_true(b->has_got[0][1]);
}

static void test_roaming(void **)
{
	struct wg_peer_state state;

	connect();
	assert_true(ip_parse("2001:db8::5", &a->at.ip));
	send_packet_of(&world, 1, 0, 0, 100); /* to where a no longer is */
	run_for(&world, SECONDS(1));
	assert_int_equal(a->got, 0);
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(1));
	assert_int_equal(b->events[WG_ROAMED], 1);
	state = look(b, 0);
	assert_true(endpoint_equal(&state.endpoint, &a->at));
	send_packet_of(&world, 1, 0, 1, 100);
	run_for(&world, SECONDS(1));
	assert_true(a->has_got[1][1]);
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
}

static void test_what_waits_is_bounded(void **)
{
	a->peers[1]->endpoint.port = 9; /* nobody there */
	for (uint32_t i = 0; i < 1000; i++)
		send_packet_of(&world, 0, 1, i, 1000);
	assert_int_equal(look(a, 1).drops[WG_DROP_QUEUE_FULL], 1000 - 128);
	assert_int_equal(a->device->staged_bytes, 128 * 1000);
	for (uint32_t i = 0; i < 1000; i++)
		send_packet_of(&world, 0, 1, i, 1400);
	assert_true(a->device->staged_bytes <= 128 * 1024);
	wg_peer_set_endpoint(a->peers[1], &b->at);
	run_for(&world, SECONDS(6));
	assert_int_equal(b->got, 93); /* the newest */
	assert_true(b->has_got[0][999] && !b->has_got[0][999 - 93]);
	assert_int_equal(a->device->staged_bytes, 0);
}

static void test_a_giant(void **)
{
	static uint8_t bytes[WG_DATAGRAM_MAX];
	const struct iovec part = {bytes, sizeof(bytes)};
	struct wg_packet packet = {&part, 1, sizeof(bytes)};

	wg_peer_send(a->peers[1], &packet, 1, world.now);
	assert_int_equal(look(a, 1).drops[WG_DROP_GIANT], 1);
}

/* Padding says nothing of the length, but does not make a packet longer than the path can take. */
static void test_padding(void **)
{
	static const struct {
		uint32_t mtu, len;
		size_t message_len;
	} cases[] = {{0, 33, 48 + 32}, {0, 48, 48 + 32}, {40, 33, 40 + 32}, {40, 17, 32 + 32},
		{40, 41, 41 + 32}};

	connect();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t before = look(a, 1).sent_bytes;

		wg_peer_set_mtu(a->peers[1], cases[i].mtu);
		send_packet_of(&world, 0, 1, i + 1, cases[i].len);
		run_for(&world, SECONDS(1));
		assert_true(b->has_got[0][i + 1]);
		assert_int_equal(look(a, 1).sent_bytes - before, cases[i].message_len);
	}
}

/* Many messages, few calls. */

static void test_what_goes_together_leaves_together(void **)
{
	unsigned before;

	connect();
	before = a->transmits;
	for (uint32_t i = 1; i <= 40; i++)
		send_packet_of(&world, 0, 1, i, 1400);
	send_packet_of(&world, 0, 1, 41, 700); /* the last may be shorter */
	run_for(&world, SECONDS(1));
	assert_int_equal(a->transmits - before, 1);
	assert_int_equal(b->got, 42);

	before = a->transmits;
	send_packet_of(&world, 0, 1, 50, 700);
	send_packet_of(&world, 0, 1, 51, 1400); /* longer: of its own */
	send_packet_of(&world, 0, 1, 52, 700);
	send_packet_of(&world, 0, 1, 53, 700); /* nothing comes after a shorter one */
	for (uint32_t i = 100; i < 200; i++)
		send_packet_of(&world, 0, 1, i, 1400); /* more than a datagram's length of them */
	run_for(&world, SECONDS(1));
	assert_int_equal(a->transmits - before, 1 + 1 + 1 + 3);
	assert_int_equal(b->got, 146);

	before = a->transmits;
	for (uint32_t i = 300; i < 400; i++)
		send_packet_of(&world, 0, 1, i, 60); /* more than 64 of them */
	run_for(&world, SECONDS(1));
	assert_int_equal(a->transmits - before, 2);
	assert_int_equal(b->got, 246);
}

/* What may be cut on the way does not leave with what may not. */
static void test_whole_datagrams(void **)
{
	unsigned before;

	connect();
	before = a->transmits;
	send_packet_of(&world, 0, 1, 1, 700);
	wg_peer_set_whole(a->peers[1], true);
	send_packet_of(&world, 0, 1, 2, 700);
	run_for(&world, SECONDS(1));
	assert_int_equal(a->transmits - before, 2);
	assert_true(a->is_whole);
	wg_peer_set_whole(a->peers[1], false);
	send_packet_of(&world, 0, 1, 3, 700);
	run_for(&world, SECONDS(1));
	assert_false(a->is_whole);
}

static unsigned deliveries;

static void count_delivery(
	void *owner, struct wg_peer *peer, const struct iovec *packets, unsigned count, nsec now)
{
	deliveries++;
	end_deliver(owner, peer, packets, count, now);
}

/* What passes is kept, one behind the other. */
static uint8_t joined[4 * WG_DATAGRAM_MAX];
static size_t joined_len;

static bool join_datagram(struct world *, struct flight *flight)
{
	memcpy(joined + joined_len, flight->bytes, flight->len);
	joined_len += flight->len;
	return false;
}

static struct wg_arrival join(uint32_t first, uint32_t last, uint32_t len)
{
	joined_len = 0;
	world.on_datagram = join_datagram;
	for (uint32_t i = first; i < last; i++)
		send_packet_of(&world, 0, 1, i, len);
	run_machines(&world);
	world.on_datagram = NULL;
	return (struct wg_arrival){.bytes = joined,
		.len = joined_len,
		.segment_len = (len + 15) / 16 * 16 + WG_OVERHEAD,
		.from = a->at};
}

static void test_what_comes_together_is_delivered_together(void **)
{
	static const struct {
		uint32_t count, len;
		unsigned deliveries;
	} cases[] = {{1, 1400, 1}, {40, 1400, 1}, {64, 60, 1}, {65, 60, 2}, {200, 60, 4}};
	struct wg_ops ops = end_ops;
	uint32_t number = 1;

	connect();
	ops.deliver = count_delivery;
	b->device->ops = &ops;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wg_arrival arrival = join(number, number + cases[i].count, cases[i].len);

		number += cases[i].count;
		deliveries = 0;
		wg_device_receive(b->device, &arrival, 1, world.now);
		assert_int_equal(deliveries, cases[i].deliveries);
		assert_int_equal(b->got, number);
	}
	b->device->ops = &end_ops;
}

/* Also over several arrivals, from one place or another. */
static void test_arrivals_together(void **)
{
	struct wg_arrival arrivals[3], all;

	connect();
	all = join(1, 31, 100);
	for (unsigned i = 0; i < 3; i++) {
		arrivals[i] = all;
		arrivals[i].len = all.len / 3;
		arrivals[i].bytes += i * all.len / 3;
	}
	arrivals[2].from.port = 7;
	wg_device_receive(b->device, arrivals, 3, world.now);
	assert_int_equal(b->got, 31);
	assert_int_equal(b->events[WG_ROAMED], 1);
	assert_int_equal(b->peers[0]->endpoint.port, 7);
}

/* Messages in a session that is replaced while they are on their way. */
static void test_what_is_still_on_its_way(void **)
{
	struct wg_arrival arrival;

	connect();
	arrival = join(1, 11, 100);
	world.now += WG_TIMING.rekey_after;
	send_packet_of(&world, 0, 1, 20, 100);
	run_for(&world, SECONDS(1));
	send_packet_of(&world, 0, 1, 21, 100);
	run_for(&world, SECONDS(1));
	assert_int_equal(b->events[WG_HANDSHAKE], 2);
	assert_non_null(b->peers[0]->sessions.previous);
	wg_device_receive(b->device, &arrival, 1, world.now);
	assert_int_equal(b->got, 3 + 10);
}

/* The last of a session, and then what ends it, in one call. */
static void test_data_and_a_handshake_together(void **)
{
	static uint8_t last[4096];
	struct wg_arrival arrivals[2] = {{0}, {.from = a->at}};

	connect();
	arrivals[0] = join(1, 2, 100);
	memcpy(last, joined, joined_len);
	arrivals[0].bytes = last;
	world.now += WG_TIMING.rekey_after;
	send_packet_of(&world, 0, 1, 20, 100);
	run_for(&world, SECONDS(1));
	world.on_datagram = join_datagram;
	joined_len = 0;
	world.now += SECONDS(20);
	wg_device_set_key(a->device, &a->private);
	wg_peer_connect(a->peers[1], world.now);
	run_machines(&world);
	arrivals[1].bytes = joined;
	arrivals[1].len = joined_len;
	assert_int_equal(joined_len, sizeof(struct message_initiation));
	wg_device_receive(b->device, arrivals, 2, world.now);
	assert_true(b->has_got[0][1]);
	assert_null(b->peers[0]->sessions.previous);
	assert_non_null(b->peers[0]->sessions.next);
}

#define WG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WG_TEST(test_the_first_packet_brings_a_session),
		WG_TEST(test_a_session_by_asking),
		WG_TEST(test_the_responder_waits),
		WG_TEST(test_both_begin_at_once),
		WG_TEST(test_preshared_keys),
		WG_TEST(test_who_is_not_known_gets_no_answer),
		WG_TEST(test_who_knows_another_key_gets_no_answer),
		WG_TEST(test_a_new_key_ends_sessions),
		WG_TEST(test_a_device_without_a_key),
		WG_TEST(test_which_peers_there_may_be),
		WG_TEST(test_a_peer_that_cannot_be_met),
		WG_TEST(test_a_peer_that_is_removed),
		WG_TEST(test_nobody_knows_where),
		WG_TEST(test_roaming),
		WG_TEST(test_what_waits_is_bounded),
		WG_TEST(test_a_giant),
		WG_TEST(test_padding),
		WG_TEST(test_what_goes_together_leaves_together),
		WG_TEST(test_whole_datagrams),
		WG_TEST(test_what_comes_together_is_delivered_together),
		WG_TEST(test_arrivals_together),
		WG_TEST(test_what_is_still_on_its_way),
		WG_TEST(test_data_and_a_handshake_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
