/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP through the gateway: a guest whose segments are made by hand, and an outside whose sockets
 * take, give and fail as they are told.
 *
 *      guest ----- hub ----- gateway ----- sockets of an imagined outside
 */
#include "ip/tcp/guest_fixture.h"
#include "nat/internal.h"
#include "wire/icmp.h"

#include <errno.h>

#define SOCKETS_MAX 64

/* What a socket of the outside does. Byte n of its stream is guest_byte(n) too. */
struct far {
	struct outside_socket *socket;
	bool is_open, was_aborted, was_finished;
	int result; /* of the connect: -EINPROGRESS, 0 or -errno */
	struct outside_failure failure;
	uint32_t takes; /* bytes that send() still takes before -EAGAIN */
	uint32_t gives; /* bytes that receive() still gives, before: */
	int then;	/* 0: the end; -EAGAIN or another -errno */
	int send_error;
	uint32_t up, down; /* bytes, so far */
	uint64_t bad_bytes;
};

struct world {
	nsec now, next;
	bool is_woken;
	struct hub *hub;
	struct outside outside;
	struct gateway gateway;
	struct guest guest;
	struct far fars[SOCKETS_MAX];
	unsigned far_count;
	int connect_fails; /* errno at once */
};

static struct world *world; /* sockets do not know their outside: there is one at a time */

static struct far *of_socket(const struct outside_socket *socket)
{
	assert_true(socket->watch.fd >= 0 && world->fars[socket->watch.fd].is_open);
	return &world->fars[socket->watch.fd];
}

static nsec out_now(const struct outside *)
{
	return world->now;
}

static int out_open(struct outside_socket *socket, int result)
{
	assert_true(world->far_count < SOCKETS_MAX);
	world->fars[world->far_count] = (struct far){.socket = socket,
		.is_open = true,
		.result = result,
		.takes = UINT32_MAX,
		.then = -EAGAIN};
	socket->watch.fd = (int)world->far_count++;
	return 0;
}

static int out_connect(struct outside *, struct outside_socket *socket, const struct endpoint *)
{
	return world->connect_fails ? -world->connect_fails : out_open(socket, -EINPROGRESS);
}

static int out_adopt(struct outside *, struct outside_socket *socket, int)
{
	return out_open(socket, 0);
}

static int out_connect_result(struct outside_socket *socket, struct outside_failure *ret)
{
	struct far *far = of_socket(socket);

	if (far->result < 0 && far->result != -EINPROGRESS)
		*ret = far->failure;
	return far->result;
}

static ssize_t out_receive(struct outside_socket *socket, const struct iovec *parts, unsigned count)
{
	struct far *far = of_socket(socket);
	ssize_t got = 0;

	if (!far->gives)
		return far->then;
	for (unsigned i = 0; i < count; i++)
		for (size_t j = 0; j < parts[i].iov_len && far->gives; j++, far->gives--, got++)
			((uint8_t *)parts[i].iov_base)[j] = guest_byte(far->down++);
	return got;
}

static ssize_t out_send(struct outside_socket *socket, const struct iovec *parts, unsigned count)
{
	struct far *far = of_socket(socket);
	ssize_t sent = 0;

	assert_false(far->was_finished);
	if (far->send_error)
		return -far->send_error;
	for (unsigned i = 0; i < count; i++)
		for (size_t j = 0; j < parts[i].iov_len && far->takes; j++, far->takes--, sent++)
			far->bad_bytes += ((uint8_t *)parts[i].iov_base)[j] !=
					  guest_byte(far->up++);
	return sent ? sent : -EAGAIN;
}

static void out_finish(struct outside_socket *socket)
{
	of_socket(socket)->was_finished = true;
}

static void out_close(struct outside_socket *socket, bool abort)
{
	struct far *far;

	if (socket->watch.fd < 0)
		return;
	far = of_socket(socket);
	far->is_open = false;
	far->was_aborted = abort;
	assert_int_equal(far->bad_bytes, 0);
	socket->watch.fd = -1;
}

static const struct outside_ops outside_ops = {
	.now = out_now,
	.connect = out_connect,
	.adopt = out_adopt,
	.connect_result = out_connect_result,
	.receive = out_receive,
	.send = out_send,
	.finish = out_finish,
	.close = out_close,
};

static void on_wake(struct machine *)
{
	world->is_woken = true;
}

static const struct port_ops gateway_ops = {.kind = "nat", .send = gateway_receive};

static void world_start(uint32_t flows_max, size_t memory_max)
{
	struct gateway_settings settings = {.name = "nat0",
		.mac = {{2, 0, 0, 0, 0, 2}},
		.mtu = 1500,
		.flows_max = flows_max,
		.memory_max = memory_max,
		.key = {1, 2}};

	world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->now = 1000 * NSEC_PER_SEC;
	world->outside.ops = &outside_ops;
	assert_true(prefix_parse("192.168.120.2/24", &settings.address));
	assert_int_equal(gateway_init(&world->gateway, &settings, &world->outside, NULL), 0);
	world->gateway.machine.wake = on_wake;
	world->gateway.host.port.ops = &gateway_ops;
	world->hub = hub_new("hub8", &settings.key);
	assert_int_equal(hub_attach(world->hub, &world->gateway.host.port, world->now), 0);
	guest_plug(&world->guest, world->hub, &world->now);
	world->guest.peer_mac = settings.mac;
	world->guest.iss = 7000;
	assert_true(ip_parse("192.168.120.10", &world->guest.self.ip));
	assert_true(ip_parse("198.51.100.10", &world->guest.peer.ip));
	world->guest.self.port = 40000;
	world->guest.peer.port = 80;
}

static int set_up(void **)
{
	world_start(0, 0);
	return 0;
}

static int tear_down(void **)
{
	assert_int_equal(world->guest.bad_bytes, 0);
	hub_detach(&world->guest.port);
	hub_detach(&world->gateway.host.port);
	gateway_done(&world->gateway);
	for (unsigned i = 0; i < world->far_count; i++)
		assert_false(world->fars[i].is_open);
	assert_int_equal(world->gateway.half_open_count, 0);
	assert_int_equal(world->gateway.counters.tcp_flows, 0);
	assert_int_equal(world->gateway.tcp.pool.reserved, 0);
	assert_int_equal(world->gateway.tcp.pool.used, 0);
	hub_free(world->hub);
	free(world);
	return 0;
}

static void run(void)
{
	while (world->is_woken) {
		world->is_woken = false;
		world->next = world->gateway.machine.run(&world->gateway.machine, world->now);
	}
}

static void wait_for(nsec duration)
{
	nsec until = world->now + duration;

	for (run(); world->next <= until; run()) {
		world->now = MAX(world->next, world->now + 1);
		world->is_woken = true;
	}
	world->now = until;
}

static void tell(struct far *far, uint32_t events)
{
	far->socket->watch.on_ready(&far->socket->watch, events);
	run();
}

static void say(uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack, uint16_t window)
{
	guest_say(&world->guest, flags, seq, len, ack, window);
	run();
}

static struct heard hear(void)
{
	return guest_last(&world->guest);
}

static struct far *call(void)
{
	guest_add_syn_options(&world->guest);
	say(TCP_SYN, -1u, 0, 0, 65535);
	return world->far_count ? &world->fars[world->far_count - 1] : NULL;
}

static struct far *established(void)
{
	struct far *far = call();

	guest_hears_nothing(&world->guest);
	far->result = 0;
	tell(far, EPOLLOUT);
	assert_int_equal(hear().flags, TCP_SYN | TCP_ACK);
	say(TCP_ACK, 0, 0, 0, 512);
	return far;
}

static void a_guest_is_answered_when_the_outside_has_answered(void **)
{
	struct far *far = established();

	say(TCP_ACK, 0, 1000, 0, 512);
	assert_int_equal(far->up, 1000);
	far->gives = 3000;
	tell(far, EPOLLIN);
	assert_int_equal(hear().ack, 1000);
	assert_int_equal(far->down, 3000);
	say(TCP_ACK | TCP_FIN, 1000, 0, 3000, 512);
	assert_true(far->was_finished);
	far->then = 0;
	tell(far, EPOLLIN | EPOLLRDHUP);
	assert_int_equal(hear().flags, TCP_ACK | TCP_FIN);
	say(TCP_ACK, 1001, 0, 3001, 512);
	assert_false(far->is_open);
	assert_false(far->was_aborted);
}

/* Connecting that fails */

static void fail_at_once_and_later(int code, const struct outside_failure *failure)
{
	struct far *far;

	world->connect_fails = code;
	call();
	world->connect_fails = 0;
	wait_for(NSEC_PER_SEC); /* ICMP errors are rationed */
	world->guest.self.port++;
	far = call();
	far->result = -code;
	far->failure = *failure;
	tell(far, EPOLLERR);
	assert_false(far->is_open);
	wait_for(NSEC_PER_SEC);
	world->guest.self.port++;
}

static void refused_is_a_reset(void **)
{
	fail_at_once_and_later(ECONNREFUSED, &(struct outside_failure){.code = ECONNREFUSED});
	for (unsigned i = 0; i < 2; i++) {
		struct heard heard = guest_next(&world->guest);

		assert_int_equal(heard.flags, TCP_RST | TCP_ACK);
		assert_int_equal(heard.ack, 0);
	}
	guest_hears_nothing(&world->guest);
	assert_int_equal(world->gateway.counters.connect_refused, 2);
}

static void unreachable_is_an_icmp_error(void **)
{
	static const struct {
		int code;
		uint8_t icmp;
	} cases[] = {{EHOSTUNREACH, ICMP_HOST_UNREACHABLE}, {EHOSTDOWN, ICMP_HOST_UNREACHABLE},
		{ENETUNREACH, ICMP_NET_UNREACHABLE}, {EACCES, ICMP_PROHIBITED},
		{EPERM, ICMP_PROHIBITED}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		fail_at_once_and_later(
			cases[i].code, &(struct outside_failure){.code = cases[i].code});
		for (unsigned j = 0; j < 2; j++) {
			struct heard heard = guest_next(&world->guest);

			assert_true(heard.is_icmp);
			assert_int_equal(heard.type, ICMP_UNREACHABLE);
			assert_int_equal(heard.code, cases[i].icmp);
		}
		guest_hears_nothing(&world->guest);
	}
}

static void an_icmp_error_is_passed_on_as_it_was(void **)
{
	struct far *far = call();
	struct heard heard;

	far->result = -EHOSTUNREACH;
	far->failure = (struct outside_failure){.code = EHOSTUNREACH,
		.has_icmp = true,
		.type = ICMP_UNREACHABLE,
		.code_icmp = ICMP_PROHIBITED};
	tell(far, EPOLLERR);
	heard = hear();
	assert_true(heard.is_icmp);
	assert_int_equal(heard.code, ICMP_PROHIBITED);
}

static void what_nobody_said_no_to_stays_unanswered(void **)
{
	static const int codes[] = {
		ETIMEDOUT, EADDRNOTAVAIL, EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL};

	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
		fail_at_once_and_later(codes[i], &(struct outside_failure){.code = codes[i]});
	guest_hears_nothing(&world->guest);
	assert_int_equal(world->gateway.counters.connect_timeout, 2);
	assert_int_equal(world->gateway.counters.tcp_flows, 0);
}

static void a_syn_that_comes_again_connects_once(void **)
{
	call();
	call();
	assert_int_equal(world->far_count, 1);
}

/* Writing */

static void what_the_outside_does_not_take_is_kept(void **)
{
	struct far *far = established();
	uint32_t at = 0;

	far->takes = 1000;
	for (; at < 60000; at += 1460)
		say(TCP_ACK, at, 1460, 0, 512);
	assert_int_equal(hear().ack, at);
	assert_int_equal(far->up, 1000);
	say(TCP_ACK | TCP_FIN, at, 0, 0, 512);
	while (far->up < at) {
		assert_false(far->was_finished);
		far->takes = 777;
		tell(far, EPOLLOUT);
	}
	assert_true(far->was_finished);
}

static void a_reset_that_a_write_is_told_of_reaches_the_guest(void **)
{
	struct far *far = established();

	far->send_error = ECONNRESET;
	far->gives = 500;
	far->then = 0; /* as the kernel reads after it has told of the reset */
	say(TCP_ACK, 0, 100, 0, 512);
	assert_int_equal(hear().len, 500);
	say(TCP_ACK, 100, 0, 500, 512);
	assert_int_equal(hear().flags, TCP_RST | TCP_ACK);
	assert_false(far->is_open);
}

static void a_reset_behind_the_fin_reaches_a_guest_that_writes(void **)
{
	struct far *far = established();

	far->then = 0;
	tell(far, EPOLLIN | EPOLLRDHUP);
	assert_int_equal(hear().flags, TCP_ACK | TCP_FIN);
	say(TCP_ACK, 0, 0, 1, 512);
	far->send_error = EPIPE;
	say(TCP_ACK, 0, 100, 1, 512);
	assert_int_equal(hear().flags, TCP_RST | TCP_ACK);
	assert_false(far->is_open);
}

static void a_reset_behind_the_fin_reaches_a_guest_that_waits(void **)
{
	struct far *far = established();

	far->then = 0;
	tell(far, EPOLLIN | EPOLLRDHUP);
	hear();
	say(TCP_ACK, 0, 0, 1, 512);
	guest_hears_nothing(&world->guest);
	tell(far, EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP);
	assert_int_equal(hear().flags, TCP_RST | TCP_ACK);
	assert_false(far->is_open);
}

/* Reading */

static void a_reset_does_not_overtake_what_came_before(void **)
{
	struct far *far = established();

	far->gives = 2000;
	far->then = -ECONNRESET;
	tell(far, EPOLLIN | EPOLLERR | EPOLLHUP);
	assert_int_equal(hear().len, 2000);
	say(TCP_ACK, 0, 0, 1000, 512);
	guest_hears_nothing(&world->guest);
	say(TCP_ACK, 0, 0, 2000, 512);
	assert_int_equal(hear().flags, TCP_RST | TCP_ACK);
	assert_false(far->is_open);
}

static void an_end_before_the_guest_is_there_is_not_forgotten(void **)
{
	struct far *far = call();

	far->result = 0;
	far->gives = 100;
	far->then = 0;
	tell(far, EPOLLOUT | EPOLLIN | EPOLLRDHUP);
	assert_int_equal(hear().flags, TCP_SYN | TCP_ACK);
	say(TCP_ACK, 0, 0, 0, 512);
	wait_for(NSEC_PER_MSEC);
	assert_int_equal(hear().flags, TCP_ACK | TCP_FIN);
}

/* Memory for windows ran out: it goes on when there is some again. */
static void a_flow_without_memory_waits_for_it(void **)
{
	struct gateway *gateway = &world->gateway;
	struct far *far = established();

	gateway->tcp.pool.limit = gateway->tcp.pool.reserved;
	far->gives = 100;
	tell(far, EPOLLIN);
	wait_for(NSEC_PER_SEC);
	guest_hears_nothing(&world->guest);
	gateway->tcp.pool.limit = 1 << 20;
	wait_for(NSEC_PER_SEC);
	assert_int_equal(hear().len, 100);
}

static void a_guest_is_turned_away_when_nothing_can_be_promised(void **)
{
	struct far *far = call();

	world->gateway.tcp.pool.limit = 1000;
	far->result = 0;
	tell(far, EPOLLOUT);
	assert_int_equal(hear().flags, TCP_RST | TCP_ACK);
	assert_true(far->was_aborted);
}

/* Limits */

static void black_holes_leave_room(void **)
{
	unsigned most = 16;

	tear_down(NULL);
	world_start(most, 0);
	for (unsigned i = 0; i < 3 * most; i++) {
		world->guest.self.port++;
		call();
	}
	assert_int_equal(world->far_count, 3 * most);
	assert_true(world->gateway.half_open_count <= most / 2 + 1);
	assert_false(world->fars[0].is_open);
	assert_true(world->fars[world->far_count - 1].is_open);
	assert_int_equal(world->gateway.host.port.out.drops[DROP_FLOW_LIMIT], 0);
}

static void the_flow_limit_is_a_counted_drop(void **)
{
	tear_down(NULL);
	world_start(4, 0);
	for (unsigned i = 0; i < 6; i++) {
		struct far *far;

		world->guest.self.port++;
		far = call();
		far->result = 0;
		if (i < 4)
			tell(far, EPOLLOUT);
	}
	assert_int_equal(world->far_count, 4);
	assert_int_equal(world->gateway.host.port.out.drops[DROP_FLOW_LIMIT], 2);
}

/* Ends */

static void a_guests_reset_is_a_reset_outside(void **)
{
	struct far *far = established();

	say(TCP_RST, 0, 0, 0, 0);
	assert_false(far->is_open);
	assert_true(far->was_aborted);
	say(TCP_ACK, 0, 0, 0, 512);
	assert_int_equal(hear().flags, TCP_RST);
}

static void finish_ours_first(struct far *far)
{
	far->then = 0;
	tell(far, EPOLLIN | EPOLLRDHUP);
	assert_int_equal(hear().flags, TCP_ACK | TCP_FIN);
	say(TCP_ACK | TCP_FIN, 0, 0, 1, 512);
	assert_int_equal(hear().ack, 1);
	assert_false(far->is_open);
}

static void a_fin_that_comes_again_is_acknowledged_again(void **)
{
	finish_ours_first(established());
	say(TCP_ACK | TCP_FIN, 0, 0, 1, 512);
	assert_int_equal(hear().flags, TCP_ACK);
	wait_for(31 * NSEC_PER_SEC);
	say(TCP_ACK | TCP_FIN, 0, 0, 1, 512);
	assert_int_equal(hear().flags, TCP_RST);
}

static void a_later_syn_begins_anew(void **)
{
	finish_ours_first(established());
	world->guest.iss += 1000;
	established();
	assert_int_equal(world->far_count, 2);
}

/* A guest that was restarted, and counts from further back. */
static void an_earlier_syn_begins_anew_after_a_reset(void **)
{
	struct heard heard;

	finish_ours_first(established());
	world->guest.iss -= 5000;
	call();
	assert_int_equal(world->far_count, 1);
	heard = hear();
	assert_int_equal(heard.flags, TCP_ACK);
	say(TCP_RST, heard.ack, 0, 0, 0);
	established();
	assert_int_equal(world->far_count, 2);
}

static void bytes_still_on_their_way_out_outlive_the_guests_end(void **)
{
	struct far *far = established();

	far->takes = 10;
	far->then = 0;
	tell(far, EPOLLIN | EPOLLRDHUP);
	say(TCP_ACK | TCP_FIN, 0, 1000, 1, 512);
	wait_for(60 * NSEC_PER_SEC);
	assert_true(far->is_open);
	assert_false(far->was_finished);
	far->takes = UINT32_MAX;
	tell(far, EPOLLOUT);
	assert_int_equal(far->up, 1000);
	assert_true(far->was_finished);
	assert_false(far->is_open);
	assert_false(far->was_aborted);
}

/* It has forgotten the connection, and says so: the bytes were said all the same. */
static void bytes_still_on_their_way_out_outlive_the_guests_memory(void **)
{
	struct far *far = established();

	far->takes = 10;
	far->then = 0;
	tell(far, EPOLLIN | EPOLLRDHUP);
	say(TCP_ACK | TCP_FIN, 0, 1000, 1, 512);
	say(TCP_RST, 1001, 0, 0, 0);
	assert_true(far->is_open);
	far->takes = UINT32_MAX;
	tell(far, EPOLLOUT);
	assert_int_equal(far->up, 1000);
	assert_false(far->is_open);
	assert_false(far->was_aborted);
}

/* Inwards */

static struct far *client_calls(void)
{
	struct guest *guest = &world->guest;

	tcp_inbound(&world->gateway, 0, &guest->peer, &guest->self, guest_mac, world->now);
	run();
	return &world->fars[0];
}

static void a_client_reaches_a_guest(void **)
{
	struct far *far = client_calls();

	assert_int_equal(hear().flags, TCP_SYN);
	guest_add_syn_options(&world->guest);
	far->gives = 100;
	say(TCP_SYN | TCP_ACK, -1u, 0, 0, 65535);
	assert_int_equal(hear().len, 100);
	say(TCP_ACK, 0, 50, 100, 512);
	assert_int_equal(far->up, 50);
}

static void a_client_is_refused_by_the_guest(void **)
{
	struct far *far = client_calls();

	hear();
	say(TCP_RST | TCP_ACK, -1u, 0, 0, 0);
	assert_false(far->is_open);
	assert_true(far->was_aborted);
}

static void a_client_of_a_silent_guest_is_let_go(void **)
{
	struct far *far = client_calls();

	wait_for(120 * NSEC_PER_SEC);
	assert_true(world->guest.heard_count >= 5);
	assert_false(far->is_open);
	assert_true(far->was_aborted);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_guest_is_answered_when_the_outside_has_answered),
		TEST(refused_is_a_reset),
		TEST(unreachable_is_an_icmp_error),
		TEST(an_icmp_error_is_passed_on_as_it_was),
		TEST(what_nobody_said_no_to_stays_unanswered),
		TEST(a_syn_that_comes_again_connects_once),
		TEST(what_the_outside_does_not_take_is_kept),
		TEST(a_reset_that_a_write_is_told_of_reaches_the_guest),
		TEST(a_reset_behind_the_fin_reaches_a_guest_that_writes),
		TEST(a_reset_behind_the_fin_reaches_a_guest_that_waits),
		TEST(a_reset_does_not_overtake_what_came_before),
		TEST(an_end_before_the_guest_is_there_is_not_forgotten),
		TEST(a_flow_without_memory_waits_for_it),
		TEST(a_guest_is_turned_away_when_nothing_can_be_promised),
		TEST(black_holes_leave_room),
		TEST(the_flow_limit_is_a_counted_drop),
		TEST(a_guests_reset_is_a_reset_outside),
		TEST(a_fin_that_comes_again_is_acknowledged_again),
		TEST(a_later_syn_begins_anew),
		TEST(an_earlier_syn_begins_anew_after_a_reset),
		TEST(bytes_still_on_their_way_out_outlive_the_guests_end),
		TEST(bytes_still_on_their_way_out_outlive_the_guests_memory),
		TEST(a_client_reaches_a_guest),
		TEST(a_client_is_refused_by_the_guest),
		TEST(a_client_of_a_silent_guest_is_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
