/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done to a device by those who sit on the wire, or do not even. */
#include "wg/fixture.h"
#include "wg/handshake.h"

#include <malloc.h>

#define SECONDS(n) ((n)*NSEC_PER_SEC)
#define KEPT_MAX   64

static struct world world;
static struct end *const a = &world.ends[0], *const b = &world.ends[1];

/* What passed on the wire. */
static struct flight *kept[KEPT_MAX];
static unsigned kept_count;

static struct flight *copy_of(const struct flight *flight)
{
	struct flight *copy = malloc(sizeof(*copy) + flight->len);

	memcpy(copy, flight, sizeof(*copy) + flight->len);
	return copy;
}

static bool keep(struct world *, struct flight *flight)
{
	if (kept_count < KEPT_MAX)
		kept[kept_count++] = copy_of(flight);
	return true;
}

static int set_up(void **)
{
	world_of_two(&world, &WG_TIMING, 1);
	world.on_datagram = keep;
	return 0;
}

static int tear_down(void **)
{
	while (kept_count)
		free(kept[--kept_count]);
	world_end(&world);
	return 0;
}

static void connect(void)
{
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(1));
	assert_true(b->has_got[0][0]);
}

static const uint64_t *drops(const struct end *end, unsigned other)
{
	return end->peers[other]->drops;
}

static void land_copy(struct end *end, const struct flight *flight)
{
	struct flight *copy = copy_of(flight);

	receive(end, copy);
	free(copy);
}

/* The n-th message of a type that passed. */
static struct flight *passed(enum message_type type, unsigned n)
{
	for (unsigned i = 0; i < kept_count; i++) {
		if (kept[i]->bytes[0] == type && !n--)
			return kept[i];
	}
	fail_msg("no such message passed");
	return NULL;
}

static void test_data_comes_once(void **)
{
	connect();
	for (unsigned i = 0; i < 3; i++)
		land_copy(b, passed(MESSAGE_DATA, 0));
	assert_int_equal(b->got, 1);
	assert_int_equal(drops(b, 0)[WG_DROP_REPLAYED], 3);
}

static void test_handshakes_come_once(void **)
{
	connect();
	land_copy(b, passed(MESSAGE_INITIATION, 0));
	land_copy(a, passed(MESSAGE_RESPONSE, 0));
	run_for(&world, SECONDS(1));
	assert_int_equal(b->datagrams, 1); /* was not answered */
	assert_int_equal(drops(b, 0)[WG_DROP_REPLAYED], 1);
	assert_int_equal(wg_device_drops(a->device)[WG_DROP_UNKNOWN], 1);
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
}

/* Nothing that is not new and authentic moves a peer. */
static void test_only_the_peer_moves_the_peer(void **)
{
	struct flight *flight;

	connect();
	for (unsigned i = 0; i < 2; i++) {
		flight = passed(i ? MESSAGE_DATA : MESSAGE_INITIATION, 0);
		flight->from.port = 666;
		land_copy(b, flight);
		flight->bytes[flight->len - 1] ^= 1;
		land_copy(b, flight);
	}
	assert_int_equal(b->events[WG_ROAMED], 0);
	assert_true(endpoint_equal(&b->peers[0]->endpoint, &a->at));
}

/* With a mac1 that is good, which whoever knows our public key can make. */
static void sign(struct flight *flight, struct end *to)
{
	struct end *from = to == a ? b : a;
	struct wg_peer *peer = from->peers[to == a ? 0 : 1];

	if (flight->bytes[0] != MESSAGE_DATA)
		cookie_write_macs(&peer->cookies, from->device->gate.cookies.scratch, &WG_TIMING,
			flight->bytes, flight->len, world.now);
}

static void check_all_bits(enum message_type type, bool is_signed)
{
	/* mac2 is looked at only under load. */
	const unsigned left_out = type == MESSAGE_DATA ? 0 : MAC_LEN;
	struct flight *flight;
	struct end *to;
	unsigned got, handshakes;
	size_t first = is_signed ? 12 : 0; /* who is asked, and who asks, is for him to say */

	connect();
	flight = passed(type, 0);
	to = end_at(&world, &flight->to);
	got = to->got;
	handshakes = to->events[WG_HANDSHAKE];
	for (size_t byte = first; byte < flight->len - left_out - (is_signed ? MAC_LEN : 0);
		byte++) {
		flight->bytes[byte] ^= 1;
		if (is_signed)
			sign(flight, to);
		land_copy(to, flight);
		flight->bytes[byte] ^= 1;
		world.now += NSEC_PER_MSEC * 5; /* so that it is no flood */
	}
	run_machines(&world);
	assert_int_equal(to->got, got);
	assert_int_equal(to->events[WG_HANDSHAKE], handshakes);
	assert_int_equal(wg_device_drops(to->device)[WG_DROP_TOO_MANY], 0);
	assert_null(to->peers[to == a ? 1 : 0]->sessions.next);
}

static void test_a_bit_makes_it_another(void **)
{
	static const enum message_type types[] = {
		MESSAGE_INITIATION, MESSAGE_RESPONSE, MESSAGE_DATA};

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		check_all_bits(types[i], false);
		tear_down(NULL);
		set_up(NULL);
		check_all_bits(types[i], true);
		tear_down(NULL);
		set_up(NULL);
	}
}

/* A response that is forged does not spoil the handshake for the true one. */
static bool forge_response(struct world *, struct flight *flight)
{
	struct message_response *message = (void *)flight->bytes;

	if (flight->bytes[0] != MESSAGE_RESPONSE)
		return true;
	message->sealed_nothing[0] ^= 1;
	cookie_write_macs(&b->peers[0]->cookies, b->device->gate.cookies.scratch, &WG_TIMING,
		message, sizeof(*message), world.now);
	land_copy(a, flight);
	assert_int_equal(drops(a, 1)[WG_DROP_FORGED], 1);
	message->sealed_nothing[0] ^= 1;
	cookie_write_macs(&b->peers[0]->cookies, b->device->gate.cookies.scratch, &WG_TIMING,
		message, sizeof(*message), world.now);
	return true;
}

static void test_a_forged_response_spoils_nothing(void **)
{
	world.on_datagram = forge_response;
	connect();
}

static void test_what_is_no_message(void **)
{
	static const struct {
		uint8_t type, high;
		size_t len;
	} cases[] = {{0, 0, 148}, {1, 0, 147}, {1, 0, 149}, {2, 0, 91}, {2, 0, 93}, {3, 0, 63},
		{3, 0, 65}, {4, 0, 31}, {5, 0, 148}, {255, 0, 64}, {1, 1, 148}, {2, 1, 92},
		{4, 1, 64}, {1, 0, 3}, {1, 0, 1}};
	struct flight *flight = calloc(1, sizeof(*flight) + 200);

	connect();
	flight->from = a->at;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(flight->bytes, 0, 200);
		flight->bytes[0] = cases[i].type;
		flight->bytes[3] = cases[i].high;
		flight->len = cases[i].len;
		land_copy(b, flight);
		assert_int_equal(wg_device_drops(b->device)[WG_DROP_MALFORMED], i + 1);
	}
	free(flight);
}

/* An index that exists, with a message of the other kind. */
static void test_an_index_of_another_kind(void **)
{
	struct flight *flight = calloc(1, sizeof(*flight) + 64);
	struct message_data data = {.type_le = MESSAGE_DATA};

	wg_peer_connect(a->peers[1], world.now);
	data.receiver_le = a->peers[1]->handshake_index.value;
	memcpy(flight->bytes, &data, sizeof(data));
	flight->len = 64;
	flight->from = b->at;
	land_copy(a, flight);
	assert_int_equal(wg_device_drops(a->device)[WG_DROP_UNKNOWN], 1);
	free(flight);
}

static void make_loaded(struct end *end)
{
	wg_device_say_loaded(end->device, NSEC_NEVER);
}

static void test_under_load_a_cookie_is_asked_for(void **)
{
	make_loaded(b);
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(1));
	assert_int_equal(b->datagrams, 1);
	passed(MESSAGE_COOKIE, 0);
	assert_false(b->has_got[0][0]);
	run_for(&world, SECONDS(5)); /* a tries again, with it */
	assert_true(b->has_got[0][0]);
	assert_int_equal(b->datagrams, 2);
}

/* Responses are handshake messages too. */
static void test_under_load_at_the_initiator(void **)
{
	make_loaded(a);
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(1));
	assert_false(b->has_got[0][0]);
	run_for(&world, SECONDS(5));
	assert_true(b->has_got[0][0]);
}

static void test_a_cookie_is_for_one_address(void **)
{
	make_loaded(b);
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(1));
	a->at.port++;
	run_for(&world, SECONDS(5));
	assert_int_equal(b->datagrams, 2); /* another cookie */
	assert_false(b->has_got[0][0]);
	run_for(&world, SECONDS(6));
	assert_true(b->has_got[0][0]);
}

static void test_a_cookie_gets_stale(void **)
{
	make_loaded(b);
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(1));
	world.loss = 1000;
	run_for(&world, SECONDS(130));
	world.loss = 0;
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(1));
	assert_int_equal(wg_device_drops(b->device)[WG_DROP_TOO_MANY], 2);
	run_for(&world, SECONDS(6));
	assert_true(b->has_got[0][1]);
}

static void test_a_cookie_is_an_answer(void **)
{
	make_loaded(b);
	send_packet_of(&world, 0, 1, 0, 100);
	run_for(&world, SECONDS(1));
	land_copy(a, passed(MESSAGE_COOKIE, 0)); /* again */
	assert_int_equal(drops(a, 1)[WG_DROP_FORGED], 1);
}

static void test_who_has_a_cookie_may_not_come_all_the_time(void **)
{
	struct message_initiation message;
	struct cookie_jar jar;
	uint64_t too_many;

	connect();
	make_loaded(b);
	memcpy(&message, passed(MESSAGE_INITIATION, 0)->bytes, sizeof(message));
	cookie_jar_init(&jar, wg_device_public(b->device));
	for (unsigned i = 0; i < 100; i++) {
		struct message_cookie reply;
		enum gate_verdict verdict;

		cookie_write_macs(&jar, a->device->gate.cookies.scratch, &WG_TIMING, &message,
			sizeof(message), world.now);
		verdict = gate_check(
			&b->device->gate, &message, sizeof(message), &a->at, world.now, &reply);
		if (i == 0) {
			assert_int_equal(verdict, GATE_COOKIE);
			assert_true(cookie_read_reply(&jar, &reply, world.now));
		} else {
			assert_int_equal(verdict, i <= 5 ? GATE_OPEN : GATE_TOO_MANY);
		}
	}
	too_many = 0;
	for (unsigned i = 0; i < 100; i++) {
		struct message_cookie reply;

		world.now += NSEC_PER_SEC / 100;
		too_many += gate_check(&b->device->gate, &message, sizeof(message), &a->at,
				    world.now, &reply) == GATE_TOO_MANY;
	}
	assert_int_equal(too_many, 80); /* 20 a second */
}

static enum gate_verdict verdict_on(
	const struct flight *flight, const struct endpoint *from, struct message_cookie *ret_reply)
{
	return gate_check(&b->device->gate, flight->bytes, flight->len, from, world.now, ret_reply);
}

/* More than are answered come from everywhere; a peer has to be able to renew its session. */
static void test_a_peer_has_its_cookie_in_a_flood(void **)
{
	struct endpoint elsewhere = a->at;
	struct message_cookie reply;
	unsigned cookies = 0;
	struct flight *flight;

	connect();
	make_loaded(b);
	flight = passed(MESSAGE_INITIATION, 0);
	for (unsigned i = 0; i < 5000; i++) {
		elsewhere.ip = ip_from_v4(ip4_from_number(0x0b000000 + i));
		cookies += verdict_on(flight, &elsewhere, &reply) == GATE_COOKIE;
	}
	assert_in_range(cookies, 450, 550);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(
			verdict_on(flight, &a->at, &reply), i < 5 ? GATE_COOKIE : GATE_TOO_MANY);
	/* Others in his name have not taken what his cookie is good for. */
	assert_true(cookie_read_reply(&a->peers[1]->cookies, &reply, world.now));
	a->peers[1]->timers.handshake_sent_at = -NSEC_NEVER;
	a->clock_error += SECONDS(1);
	handshake_want(a->peers[1], world.now);
	run_for(&world, NSEC_PER_MSEC * 200);
	assert_int_equal(a->events[WG_HANDSHAKE], 2);
	/* Who has been silent for so long is a stranger. */
	world.now += SECONDS(300);
	for (unsigned i = 0; i < 5000; i++)
		verdict_on(flight, &elsewhere, &reply);
	assert_int_equal(verdict_on(flight, &a->at, &reply), GATE_TOO_MANY);
}

static void test_load_is_noticed_and_forgotten(void **)
{
	struct message_cookie reply;
	struct flight *flight;
	unsigned open = 0;

	connect();
	flight = passed(MESSAGE_INITIATION, 0);
	for (unsigned i = 0; i < 1000; i++)
		open += gate_check(&b->device->gate, flight->bytes, flight->len, &a->at, world.now,
				&reply) == GATE_OPEN;
	assert_in_range(open, WG_LOAD_STANDARD / 8 - 2, WG_LOAD_STANDARD / 8);
	world.now += SECONDS(1);
	assert_int_equal(
		gate_check(&b->device->gate, flight->bytes, flight->len, &a->at, world.now, &reply),
		GATE_OPEN);
}

/* A flood from addresses that are made up, each with a mac1 that is good, beside a conversation. */
static void flood(unsigned count)
{
	struct flight *flight = copy_of(passed(MESSAGE_INITIATION, 0));

	for (unsigned i = 0; i < count; i++) {
		struct message_initiation *message = (void *)flight->bytes;

		flight->from.ip = ip_from_v4(ip4_from_number(0x0b000000 + i * 7919));
		flight->from.port = (uint16_t)i;
		store_le32(message->ephemeral, i);
		cookie_write_macs(&a->peers[1]->cookies, a->device->gate.cookies.scratch,
			&WG_TIMING, message, sizeof(*message), world.now);
		land_copy(b, flight);
		run_machines(&world);
	}
	free(flight);
}

static void test_a_flood_costs_little(void **)
{
	size_t before;

	connect();
	world.on_datagram = NULL;
	flood(100); /* libcrypto has found its memory */
	before = mallinfo2().uordblks;
	for (uint32_t i = 1; i <= 100; i++) {
		flood(100);
		send_packet_of(&world, 0, 1, i, 1000);
		send_packet_of(&world, 1, 0, i, 1000);
		run_for(&world, NSEC_PER_MSEC);
	}
	run_for(&world, SECONDS(1));
	assert_true(mallinfo2().uordblks < before + 8192);
	assert_int_equal(b->got, 101);
	assert_int_equal(a->got, 100);
	/* The rest was answered with a cookie, or, beyond 5 000 a second, not at all. */
	assert_in_range(wg_device_drops(b->device)[WG_DROP_FORGED], 50, 200);
	assert_true(wg_device_drops(b->device)[WG_DROP_TOO_MANY] > 9900);
	assert_in_range(b->datagrams, 500, 2000);
	wg_peer_free(a->peers[1]); /* and whoever is there gets in */
	introduce(&world, 0, 1);
	send_packet_of(&world, 0, 1, 200, 100);
	run_for(&world, SECONDS(6));
	assert_true(b->has_got[0][200]);
}

/* Of a peer that is known, too: 50 a second is what he may. */
static void test_a_peer_may_not_begin_all_the_time(void **)
{
	struct flight *flight;

	for (unsigned i = 0; i < 5; i++) {
		a->peers[1]->timers.handshake_sent_at = -NSEC_NEVER;
		a->clock_error += SECONDS(1);
		handshake_want(a->peers[1], world.now);
	}
	run_for(&world, NSEC_PER_MSEC);
	flight = passed(MESSAGE_INITIATION, 4);
	for (unsigned i = 0; i < 4; i++)
		land_copy(b, passed(MESSAGE_INITIATION, i));
	assert_int_equal(drops(b, 0)[WG_DROP_TOO_MANY], 3);
	run_for(&world, SECONDS(1));
	land_copy(b, flight);
	assert_int_equal(drops(b, 0)[WG_DROP_TOO_MANY], 3 + 5 - 1);
}

#define HOSTILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOSTILE_TEST(test_data_comes_once),
		HOSTILE_TEST(test_handshakes_come_once),
		HOSTILE_TEST(test_only_the_peer_moves_the_peer),
		HOSTILE_TEST(test_a_bit_makes_it_another),
		HOSTILE_TEST(test_a_forged_response_spoils_nothing),
		HOSTILE_TEST(test_what_is_no_message),
		HOSTILE_TEST(test_an_index_of_another_kind),
		HOSTILE_TEST(test_under_load_a_cookie_is_asked_for),
		HOSTILE_TEST(test_under_load_at_the_initiator),
		HOSTILE_TEST(test_a_cookie_is_for_one_address),
		HOSTILE_TEST(test_a_cookie_gets_stale),
		HOSTILE_TEST(test_a_cookie_is_an_answer),
		HOSTILE_TEST(test_who_has_a_cookie_may_not_come_all_the_time),
		HOSTILE_TEST(test_a_peer_has_its_cookie_in_a_flood),
		HOSTILE_TEST(test_load_is_noticed_and_forgotten),
		HOSTILE_TEST(test_a_flood_costs_little),
		HOSTILE_TEST(test_a_peer_may_not_begin_all_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
