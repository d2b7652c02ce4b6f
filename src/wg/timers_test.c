/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two devices do when time passes, in the protocol's own numbers. */
#include "wg/fixture.h"

#define SECONDS(n) ((n)*NSEC_PER_SEC)
#define JITTER	   (NSEC_PER_SEC / 3)

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

static void cut_wire(void)
{
	world.loss = 1000;
}

static const uint64_t *drops(const struct end *end, unsigned other)
{
	return end->peers[other]->drops;
}

static void talk(uint32_t first, uint32_t last, nsec every)
{
	for (uint32_t i = first; i < last; i++) {
		send_packet_of(&world, 0, 1, i, 100);
		send_packet_of(&world, 1, 0, i, 100);
		run_for(&world, every);
	}
}

static void test_who_began_renews(void **)
{
	connect();
	talk(1, 119, SECONDS(1));
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
	talk(119, 600, SECONDS(1));
	assert_int_equal(a->events[WG_HANDSHAKE], 5); /* every 120 s */
	assert_int_equal(b->events[WG_HANDSHAKE], 5);
	assert_int_equal(a->got, 599);
	assert_int_equal(b->got, 600);
	assert_true(a->peers[1]->sessions.current->is_initiator);
}

/* Who only receives renews too, but later: when it would be too late for the next packet. */
static void test_who_began_renews_at_the_last_minute(void **)
{
	wg_peer_connect(a->peers[1], world.now);
	run_for(&world, SECONDS(1));
	for (uint32_t i = 0; i < 163; i++) {
		send_packet_of(&world, 1, 0, i, 100);
		run_for(&world, SECONDS(1));
		/* a's answers, every 10 s, are something sent as well */
		assert_int_equal(a->events[WG_HANDSHAKE], i < 120 ? 1 : 2);
	}
}

static void test_the_last_minute_without_an_answer(void **)
{
	struct wg_timing timing = WG_TIMING;

	timing.rekey_after = SECONDS(1000);
	world_end(&world);
	world_of_two(&world, &timing, 1);
	wg_peer_connect(a->peers[1], world.now);
	run_for(&world, SECONDS(1));
	for (uint32_t i = 0; i < 170; i++) {
		send_packet_of(&world, 1, 0, i, 100);
		run_for(&world, SECONDS(1));
		assert_int_equal(a->events[WG_HANDSHAKE], i < 165 ? 1 : 2);
	}
	assert_int_equal(a->got, 170);
}

/* Both think that they began it, so that both renew it; at no time is there none. */
static void test_who_began_at_once_renews(void **)
{
	send_packet_of(&world, 0, 1, 0, 100);
	send_packet_of(&world, 1, 0, 0, 100);
	run_for(&world, SECONDS(1));
	for (uint32_t i = 1; i < 600; i++) {
		send_packet_of(&world, 0, 1, i, 100);
		send_packet_of(&world, 1, 0, i, 100);
		run_for(&world, world.delay);
		assert_true(a->has_got[1][i] && b->has_got[0][i]);
		run_for(&world, SECONDS(1));
	}
}

static void test_a_session_ends(void **)
{
	connect();
	run_for(&world, SECONDS(178));
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
	cut_wire();
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, 0);
	assert_int_equal(a->datagrams, 2 + 1 + 1); /* sealed, and the renewal */
	run_for(&world, SECONDS(2));
	send_packet_of(&world, 0, 1, 2, 100);
	run_for(&world, 0);
	assert_int_equal(a->datagrams, 4); /* waits */
	assert_int_equal(a->device->staged_bytes, 100);
	world.loss = 0;
	run_for(&world, SECONDS(6));
	assert_true(b->has_got[0][2]);
}

static struct flight *kept;

static bool keep_data(struct world *, struct flight *flight)
{
	if (kept || flight->bytes[0] != MESSAGE_DATA)
		return true;
	kept = malloc(sizeof(*kept) + flight->len);
	memcpy(kept, flight, sizeof(*kept) + flight->len);
	return false;
}

static void test_what_comes_after_the_end(void **)
{
	static const struct {
		nsec age;
		bool is_good;
	} cases[] = {{SECONDS(178), true}, {SECONDS(180), false}, {SECONDS(400), false},
		{SECONDS(600), false}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		connect();
		world.on_datagram = keep_data;
		send_packet_of(&world, 0, 1, 1, 100);
		run_for(&world, cases[i].age);
		receive(b, kept);
		assert_int_equal(b->has_got[0][1], cases[i].is_good);
		assert_int_equal(drops(b, 0)[WG_DROP_EXPIRED], i == 1 || i == 2);
		free(kept);
		kept = NULL;
		world_end(&world);
		world_of_two(&world, &WG_TIMING, 1);
	}
}

static void test_nothing_is_left_of_the_keys(void **)
{
	connect();
	cut_wire();
	run_for(&world, SECONDS(538));
	assert_int_equal(b->events[WG_EXPIRED], 0);
	assert_non_null(b->peers[0]->sessions.current);
	run_for(&world, SECONDS(2));
	assert_int_equal(b->events[WG_EXPIRED], 1);
	assert_null(b->peers[0]->sessions.current);
	assert_null(b->peers[0]->sessions.previous);
	assert_null(b->peers[0]->sessions.next);
}

static void test_data_is_answered_with_nothing(void **)
{
	connect();
	assert_int_equal(b->datagrams, 1);
	run_for(&world, SECONDS(9) - SECONDS(1));
	assert_int_equal(b->datagrams, 1);
	run_for(&world, SECONDS(2));
	assert_int_equal(b->datagrams, 2);
	run_for(&world, SECONDS(100)); /* then both are silent */
	assert_int_equal(a->datagrams, 2);
	assert_int_equal(b->datagrams, 2);
}

static void test_more_data_is_answered_again(void **)
{
	connect();
	run_for(&world, SECONDS(5));
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(5));
	assert_int_equal(b->datagrams, 2);
	run_for(&world, SECONDS(10));
	assert_int_equal(b->datagrams, 3);
	run_for(&world, SECONDS(100));
	assert_int_equal(b->datagrams, 3);
}

static void test_data_without_an_answer_is_doubted(void **)
{
	connect();
	run_for(&world, SECONDS(20));
	cut_wire();
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(15));
	assert_int_equal(a->datagrams, 3);
	run_for(&world, JITTER + NSEC_PER_MSEC * 2);
	assert_int_equal(a->datagrams, 4); /* an initiation */
}

static void test_since_when_it_is_silent_is_known(void **)
{
	nsec began_at;

	connect();
	run_for(&world, SECONDS(20)); /* answered with nothing, meanwhile */
	assert_int_equal(wg_peer_unheard_since(a->peers[1]), NSEC_NEVER);
	cut_wire();
	began_at = world.now;
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(1));
	send_packet_of(&world, 0, 1, 2, 100);
	assert_int_equal(wg_peer_unheard_since(a->peers[1]), began_at);
	run_for(&world, SECONDS(30)); /* and handshakes are no answer either */
	assert_int_equal(wg_peer_unheard_since(a->peers[1]), began_at);
	world.loss = 0;
	run_for(&world, SECONDS(6));
	assert_int_equal(wg_peer_unheard_since(a->peers[1]), NSEC_NEVER);
}

/* What was said to somewhere else puts nothing off. */
static void test_elsewhere_it_is_asked_at_once(void **)
{
	struct endpoint elsewhere = b->at;

	connect();
	run_for(&world, SECONDS(20));
	elsewhere.port++;
	wg_peer_set_endpoint(a->peers[1], &elsewhere);
	wg_peer_renew(a->peers[1], world.now);
	run_for(&world, SECONDS(1));
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
	wg_peer_set_endpoint(a->peers[1], &b->at);
	wg_peer_renew(a->peers[1], world.now);
	run_for(&world, SECONDS(1));
	assert_int_equal(a->events[WG_HANDSHAKE], 2);
}

static void test_an_initiation_is_repeated(void **)
{
	unsigned expected = 1;

	cut_wire();
	send_packet_of(&world, 0, 1, 0, 100);
	for (nsec i = 1; i < 18; i++) {
		run_for(&world, SECONDS(5));
		assert_in_range(a->datagrams, expected, expected + 1);
		run_for(&world, JITTER + NSEC_PER_MSEC);
		assert_int_equal(a->datagrams, ++expected);
	}
	assert_int_equal(a->events[WG_UNREACHABLE], 0);
	run_for(&world, SECONDS(6));
	assert_int_equal(a->events[WG_UNREACHABLE], 1);
	assert_int_equal(drops(a, 1)[WG_DROP_QUEUE_FULL], 1);
	assert_int_equal(a->device->staged_bytes, 0);
	run_for(&world, SECONDS(1000));
	assert_int_equal(a->datagrams, expected); /* silence */
	assert_int_equal(a->events[WG_UNREACHABLE], 1);
}

static void test_who_goes_on_asking_goes_on_trying(void **)
{
	cut_wire();
	for (uint32_t i = 0; i < 300; i++) {
		send_packet_of(&world, 0, 1, i, 100);
		run_for(&world, SECONDS(1));
	}
	assert_in_range(a->datagrams, 54, 60);
	assert_int_equal(a->events[WG_UNREACHABLE], 1); /* but says once that it is in vain */
	world.loss = 0;
	run_for(&world, SECONDS(6));
	assert_true(b->has_got[0][299]);
	cut_wire();
	for (uint32_t i = 300; i < 600; i++) {
		send_packet_of(&world, 0, 1, i, 100);
		run_for(&world, SECONDS(1));
	}
	assert_int_equal(a->events[WG_UNREACHABLE], 2);
}

static void test_persistent_keepalive(void **)
{
	wg_peer_set_keepalive(a->peers[1], SECONDS(25), world.now);
	run_for(&world, SECONDS(1));
	assert_int_equal(b->events[WG_HANDSHAKE], 1); /* at once */
	assert_int_equal(a->datagrams, 2);
	run_for(&world, SECONDS(25));
	assert_int_equal(a->datagrams, 3);
	run_for(&world, SECONDS(25));
	assert_int_equal(a->datagrams, 4);
	send_packet_of(&world, 0, 1, 0, 100); /* as good as one */
	run_for(&world, SECONDS(24));
	assert_int_equal(a->datagrams, 5);
	wg_peer_set_keepalive(a->peers[1], 0, world.now);
	run_for(&world, SECONDS(100));
	assert_int_equal(a->datagrams, 5);
}

/* Through hours of silence but for keepalives there is always a session. */
static void test_persistent_keepalive_keeps_the_session(void **)
{
	wg_peer_set_keepalive(a->peers[1], SECONDS(25), world.now);
	run_for(&world, SECONDS(1));
	for (uint32_t i = 0; i < 100; i++) {
		run_for(&world, SECONDS(100));
		send_packet_of(&world, 1, 0, i, 100);
		run_for(&world, 2 * world.delay);
		assert_true(a->has_got[1][i]);
	}
}

static void test_messages_run_out(void **)
{
	struct wg_timing timing = WG_TIMING;

	timing.rekey_after_messages = 100;
	timing.reject_after_messages = 120;
	world_end(&world);
	world_of_two(&world, &timing, 1);
	connect();
	talk(1, 90, NSEC_PER_MSEC * 100);
	assert_int_equal(a->events[WG_HANDSHAKE], 1);
	talk(90, 119, NSEC_PER_MSEC * 100);
	assert_int_equal(a->events[WG_HANDSHAKE], 2);
	talk(119, 600, NSEC_PER_MSEC * 100);
	assert_int_equal(a->got, 599);
	assert_int_equal(b->got, 600);
	cut_wire();
	for (uint32_t i = 600; i < 720; i++)
		send_packet_of(&world, 0, 1, i, 100);
	assert_in_range(a->peers[1]->sessions.current->sent, 1, 120);
	assert_true(a->peers[1]->stage.count > 0);
}

/* A machine that slept for a day. */
static void test_the_clock_jumps(void **)
{
	connect();
	run_machines(&world);
	world.now += SECONDS(86400);
	run_for(&world, SECONDS(1));
	assert_int_equal(a->events[WG_EXPIRED], 1);
	send_packet_of(&world, 0, 1, 1, 100);
	send_packet_of(&world, 1, 0, 1, 100);
	run_for(&world, SECONDS(1));
	assert_true(b->has_got[0][1] && a->has_got[1][1]);
}

/* Initiations stay newer than the one before, whatever the wall clock says. */
static void test_the_wall_clock_is_set_back(void **)
{
	connect();
	a->clock_error = -SECONDS(3600);
	run_for(&world, SECONDS(600));
	send_packet_of(&world, 0, 1, 1, 100);
	run_for(&world, SECONDS(1));
	assert_true(b->has_got[0][1]);
	assert_int_equal(drops(b, 0)[WG_DROP_REPLAYED], 0);
}

/* Of a thousand peers that have nothing to say, no one is thought of. */
static void test_idle_is_idle(void **)
{
	connect();
	run_for(&world, SECONDS(600));
	assert_int_equal(a->deadline, NSEC_NEVER);
	assert_int_equal(b->deadline, NSEC_NEVER);
}

#define TIMERS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TIMERS_TEST(test_who_began_renews),
		TIMERS_TEST(test_who_began_renews_at_the_last_minute),
		TIMERS_TEST(test_the_last_minute_without_an_answer),
		TIMERS_TEST(test_who_began_at_once_renews),
		TIMERS_TEST(test_a_session_ends),
		TIMERS_TEST(test_what_comes_after_the_end),
		TIMERS_TEST(test_nothing_is_left_of_the_keys),
		TIMERS_TEST(test_data_is_answered_with_nothing),
		TIMERS_TEST(test_more_data_is_answered_again),
		TIMERS_TEST(test_data_without_an_answer_is_doubted),
		TIMERS_TEST(test_since_when_it_is_silent_is_known),
		TIMERS_TEST(test_elsewhere_it_is_asked_at_once),
		TIMERS_TEST(test_an_initiation_is_repeated),
		TIMERS_TEST(test_who_goes_on_asking_goes_on_trying),
		TIMERS_TEST(test_persistent_keepalive),
		TIMERS_TEST(test_persistent_keepalive_keeps_the_session),
		TIMERS_TEST(test_messages_run_out),
		TIMERS_TEST(test_the_clock_jumps),
		TIMERS_TEST(test_the_wall_clock_is_set_back),
		TIMERS_TEST(test_idle_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
