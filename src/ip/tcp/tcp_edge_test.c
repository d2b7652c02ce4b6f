/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One machine and a guest whose segments are made by hand: what a peer may do that is rare, odd or
 * hostile.
 *
 *      guest ----- hub ----- host - tcp - owner
 */
#include "ip/tcp/guest_fixture.h"
#include "ip/tcp/tcp.h"

#define WINDOW_FULL 65535

struct edge {
	nsec now;
	struct hub *hub;
	struct guest guest;
	struct host host;
	struct machine machine;
	struct tcp_shared shared;
	struct tcp_binding binding;
	struct tcp tcp;
	bool has_tcp;

	uint64_t received, may_take; /* bytes on_data() took, and takes in all */
	uint32_t sent;
	unsigned events[TCP_EVENT_CLOSED + 1];
};

static size_t on_data(struct tcp *tcp, const struct iovec *parts, unsigned count, size_t len)
{
	struct edge *e = CONTAINER_OF(tcp, struct edge, tcp);
	size_t taken = 0, most = MIN(len, e->may_take - e->received);

	for (unsigned i = 0; i < count; i++)
		for (size_t j = 0; j < parts[i].iov_len && taken < most; j++, taken++)
			assert_int_equal(((uint8_t *)parts[i].iov_base)[j],
				guest_byte((uint32_t)(e->received + taken)));
	e->received += taken;
	return taken;
}

static void on_event(struct tcp *tcp, enum tcp_event event, nsec)
{
	CONTAINER_OF(tcp, struct edge, tcp)->events[event]++;
}

static const struct tcp_ops tcp_ops = {.on_data = on_data, .on_event = on_event};

static void on_segment(struct tcp_binding *binding, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	struct edge *e = CONTAINER_OF(binding, struct edge, binding);

	if (e->has_tcp) {
		tcp_receive(&e->tcp, frame, packet, now);
		return;
	}
	tcp_open_passive(&e->tcp, &e->shared, &tcp_ops, frame, packet, now);
	e->has_tcp = true;
}

static const struct host_ops host_ops;
static const struct port_ops host_port_ops = {.kind = "host", .send = host_receive};

static struct edge *edge_new(void)
{
	struct edge *e = calloc(1, sizeof(*e));
	struct hash_key key = {1, 2};
	struct ip_prefix address;

	assert_non_null(e);
	e->now = 1000 * NSEC_PER_SEC;
	e->may_take = UINT64_MAX;
	e->hub = hub_new("hub8", &key);
	e->guest.iss = 5000;
	assert_true(prefix_parse("10.0.0.2/24", &address));
	assert_true(ip_parse("10.0.0.10", &e->guest.self.ip));
	e->guest.self.port = 40000;
	e->guest.peer = (struct endpoint){address.address, 80};
	e->guest.peer_mac = (struct mac){{2, 0, 0, 0, 0, 2}};
	assert_int_equal(host_init(&e->host, &host_ops, &e->machine, e->guest.peer_mac, &key), 0);
	e->host.port.ops = &host_port_ops;
	e->host.port.takes = TAKES_ALL;
	e->host.port.mtu = 1500;
	assert_int_equal(host_add_address(&e->host, &address), 0);
	assert_int_equal(hub_attach(e->hub, &e->host.port, e->now), 0);
	guest_plug(&e->guest, e->hub, &e->now);
	e->shared = (struct tcp_shared){.host = &e->host, .key = key, .pool.limit = 64 << 20};
	e->binding = (struct tcp_binding){.port = 80, .on_segment = on_segment};
	host_bind_tcp(&e->host, &e->binding);
	return e;
}

static void edge_free(struct edge *e)
{
	assert_int_equal(e->guest.bad_bytes, 0);
	hub_detach(&e->guest.port);
	hub_detach(&e->host.port);
	tcp_done(&e->tcp);
	host_done(&e->host);
	assert_int_equal(e->shared.pool.reserved, 0);
	assert_int_equal(e->shared.pool.used, 0);
	ring_pool_done(&e->shared.pool);
	hub_free(e->hub);
	free(e);
}

/* What is to be said is said; the next deadline. */
static nsec run(struct edge *e)
{
	nsec next = tcp_run(&e->tcp, e->now);

	host_run(&e->host, e->now);
	return next;
}

/* Time goes by, timers expire. */
static void wait_for(struct edge *e, nsec duration)
{
	nsec until = e->now + duration, next;

	for (next = run(e); next <= until; next = run(e))
		e->now = MAX(next, e->now + 1);
	e->now = until;
}

static void owner_writes(struct edge *e, uint32_t len)
{
	while (len) {
		struct iovec parts[2];
		unsigned count = tcp_room(&e->tcp, len, parts);
		uint32_t put = 0;

		assert_true(count > 0);
		for (unsigned i = 0; i < count; i++)
			for (size_t j = 0; j < parts[i].iov_len; j++)
				((uint8_t *)parts[i].iov_base)[j] = guest_byte(e->sent + put++);
		tcp_push(&e->tcp, put);
		e->sent += put;
		len -= put;
	}
}

static void owner_reads(struct edge *e, uint64_t in_all)
{
	e->may_take = in_all;
	tcp_drain(&e->tcp, e->now);
}

static void call(struct edge *e)
{
	guest_add_syn_options(&e->guest);
	guest_say(&e->guest, TCP_SYN, -1u, 0, 0, WINDOW_FULL);
	tcp_accept(&e->tcp, e->now);
	run(e);
}

static struct edge *established(void)
{
	struct edge *e = edge_new();

	call(e);
	assert_int_equal(guest_last(&e->guest).flags, TCP_SYN | TCP_ACK);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	run(e);
	assert_int_equal(e->tcp.state, TCP_ESTABLISHED);
	guest_hears_nothing(&e->guest);
	return e;
}

/* The window's right edge as the guest sees it. */
static uint32_t edge_of(struct heard heard)
{
	return heard.ack + (heard.window << 7);
}

/* Fills the window to its last byte with segments of `len`; the sequence number reached. */
static uint32_t fill_window(struct edge *e, uint32_t len)
{
	uint32_t at = 0, room = 60000;

	while (room) {
		uint32_t n = MIN(len, room);
		struct heard heard;

		guest_say(&e->guest, TCP_ACK, at, n, 0, 512);
		at += n;
		wait_for(e, 10 * NSEC_PER_MSEC);
		heard = guest_last(&e->guest);
		assert_int_equal(heard.ack, at);
		room = heard.window << 7;
	}
	return at;
}

/* Windows */

static void a_full_window_opens_without_being_asked(void **)
{
	struct edge *e = established();
	uint32_t at;

	e->may_take = 1;
	at = fill_window(e, 1021);
	owner_reads(e, UINT64_MAX);
	run(e);
	assert_int_equal(e->received, at);
	assert_true(guest_last(&e->guest).window >= 256);
	edge_free(e);
}

static void a_full_window_still_hears_acknowledgements(void **)
{
	struct edge *e = established();
	uint32_t at;

	e->may_take = 1;
	owner_writes(e, 1000);
	run(e);
	at = fill_window(e, 1021);
	guest_say(&e->guest, TCP_ACK, at, 0, 1000, 512);
	run(e);
	assert_int_equal(tcp_unacknowledged(&e->tcp), 0);
	edge_free(e);
}

static void a_fin_behind_a_full_window_is_taken(void **)
{
	struct edge *e = established();
	uint32_t at;

	e->may_take = 1;
	owner_writes(e, 1000);
	run(e);
	at = fill_window(e, 1021);
	guest_say(&e->guest, TCP_ACK | TCP_FIN, at, 0, 0, 512);
	run(e);
	assert_int_equal(e->tcp.state, TCP_CLOSE_WAIT);
	assert_int_equal(guest_last(&e->guest).ack, at + 1);
	guest_say(&e->guest, TCP_ACK, at + 1, 0, 1000, 512);
	run(e);
	assert_int_equal(tcp_unacknowledged(&e->tcp), 0);
	assert_int_equal(e->events[TCP_EVENT_FINISHED], 0);
	owner_reads(e, UINT64_MAX);
	assert_int_equal(e->received, at);
	assert_int_equal(e->events[TCP_EVENT_FINISHED], 1);
	edge_free(e);
}

static void the_right_edge_never_moves_left(void **)
{
	struct edge *e = established();
	uint32_t edge = e->tcp.edge, at = 0;

	e->may_take = 0;
	for (unsigned i = 0; i < 400; i++) {
		uint32_t len = 1 + i * 37 % 301;
		struct heard heard;

		guest_say(&e->guest, TCP_ACK, at, len, 0, 512);
		at += len;
		e->tcp.must_ack = true;
		run(e);
		heard = guest_last(&e->guest);
		assert_false(seq_before(e->guest.iss + 1 + edge_of(heard), edge));
		edge = e->tcp.edge;
		owner_reads(e, at - MIN(at, i * 53 % 6000));
	}
	edge_free(e);
}

static void what_exceeds_the_window_is_cut(void **)
{
	struct edge *e = established();

	e->may_take = 0;
	guest_say(&e->guest, TCP_ACK, 0, 60000, 0, 512);
	guest_say(&e->guest, TCP_ACK | TCP_FIN, 60000, 60000, 0, 512);
	run(e);
	assert_true(guest_last(&e->guest).ack <= 65536);
	assert_int_equal(e->tcp.state, TCP_ESTABLISHED);
	owner_reads(e, UINT64_MAX);
	assert_true(e->received <= 65536);
	edge_free(e);
}

static void a_probe_with_a_garbage_byte_is_answered(void **)
{
	struct edge *e = established();

	guest_say(&e->guest, TCP_ACK, 0, 10, 0, 512);
	wait_for(e, 10 * NSEC_PER_MSEC);
	assert_int_equal(guest_last(&e->guest).ack, 10);
	guest_say(&e->guest, TCP_ACK, 9, 1, 0, 512);
	run(e);
	assert_int_equal(guest_last(&e->guest).ack, 10);
	guest_say(&e->guest, TCP_ACK, 9, 0, 0, 512);
	run(e);
	assert_int_equal(guest_last(&e->guest).ack, 10);
	assert_int_equal(e->received, 10);
	edge_free(e);
}

static void nothing_counts_behind_a_fin(void **)
{
	struct edge *e = established();

	guest_say(&e->guest, TCP_ACK | TCP_FIN, 10, 0, 0, 512);
	guest_say(&e->guest, TCP_ACK, 0, 100, 0, 512);
	run(e);
	assert_int_equal(e->received, 10);
	assert_int_equal(e->events[TCP_EVENT_FINISHED], 1);
	guest_say(&e->guest, TCP_ACK, 11, 100, 0, 512);
	run(e);
	assert_int_equal(e->received, 10);
	assert_int_equal(e->tcp.state, TCP_CLOSE_WAIT);
	edge_free(e);
}

static void a_fin_that_came_early_is_answered_at_once(void **)
{
	struct edge *e = established();

	guest_say(&e->guest, TCP_ACK | TCP_FIN, 10, 0, 0, 512);
	run(e);
	assert_int_equal(guest_last(&e->guest).ack, 0);
	edge_free(e);
}

/* The next answers say just that much is in order, and say it alike. */
static void assert_answers(struct edge *e, unsigned count, uint32_t ack)
{
	uint32_t window = 0;

	for (unsigned i = 0; i < count; i++) {
		struct heard heard = guest_next(&e->guest);

		assert_int_equal(heard.flags, TCP_ACK);
		assert_int_equal(heard.len, 0);
		assert_int_equal(heard.ack, ack);
		assert_true(!i || heard.window == window);
		window = heard.window;
	}
	guest_hears_nothing(&e->guest);
}

/* RFC 5681 3.2: who has no SACK counts answers, whether segments came in one batch or super-frame
 * or not. */
static void segments_behind_a_gap_are_answered_one_by_one(void **)
{
	struct edge *e = established();

	e->tcp.has_sack = false;
	e->guest.next = e->guest.heard_count;
	guest_say(&e->guest, TCP_ACK, 0, 100, 0, 512);
	for (unsigned i = 2; i < 7; i++)
		guest_say(&e->guest, TCP_ACK, i * 100, 100, 0, 512);
	run(e);
	assert_answers(e, 6, 100); /* the first tells of what is in order */
	guest_say(&e->guest, TCP_ACK, 700, 4 * 1460, 0, 512);
	run(e);
	assert_answers(e, 4, 100);
	guest_say(&e->guest, TCP_ACK, 700 + 4 * 1460, 100, 0, 512);
	guest_say(&e->guest, TCP_ACK, 100, 100, 0, 512);
	run(e);
	assert_answers(e, 1, 800 + 4 * 1460);
	edge_free(e);
}

static void a_peer_with_sack_is_told_of_a_gap_thrice_at_most(void **)
{
	struct edge *e = established();

	e->guest.next = e->guest.heard_count;
	for (unsigned i = 1; i < 7; i++)
		guest_say(&e->guest, TCP_ACK, i * 100, 100, 0, 512);
	run(e);
	assert_answers(e, 3, 0);
	edge_free(e);
}

/* Sending into small windows */

static void a_window_of_one_byte_carries_everything(void **)
{
	struct edge *e = established();

	owner_writes(e, 50);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 0);
	run(e);
	e->guest.heard_count = e->guest.next = 0;
	e->tcp.peer_scale = 0;
	for (uint32_t i = 0; i < 50; i++) {
		struct heard heard;

		guest_say(&e->guest, TCP_ACK, 0, 0, i, 1);
		run(e);
		heard = guest_last(&e->guest);
		assert_int_equal(heard.seq, i);
		assert_int_equal(heard.len, 1);
	}
	edge_free(e);
}

static struct edge *with_shut_window(uint32_t waiting)
{
	struct edge *e = established();

	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 0);
	owner_writes(e, waiting);
	run(e);
	guest_hears_nothing(&e->guest);
	return e;
}

static void a_shut_window_is_asked_about_for_ever(void **)
{
	struct edge *e = with_shut_window(100);

	for (unsigned i = 0; i < 200; i++) {
		wait_for(e, 60 * NSEC_PER_SEC);
		guest_last(&e->guest);
		guest_say(&e->guest, TCP_ACK, 0, 0, 0, 0);
	}
	assert_int_equal(e->tcp.state, TCP_ESTABLISHED);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	run(e);
	assert_int_equal(guest_last(&e->guest).len, 100);
	edge_free(e);
}

static void a_guest_that_is_gone_is_asked_in_vain_and_given_up(void **)
{
	struct edge *e = with_shut_window(100);

	wait_for(e, 3600 * NSEC_PER_SEC);
	assert_int_equal(e->events[TCP_EVENT_TIMEOUT], 1);
	edge_free(e);
}

static void what_is_lost_after_a_window_opened_comes_soon(void **)
{
	struct edge *e = with_shut_window(100);

	wait_for(e, 100 * NSEC_PER_SEC);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	run(e);
	assert_int_equal(guest_last(&e->guest).len, 100); /* and is lost */
	wait_for(e, 2 * NSEC_PER_SEC);
	assert_int_equal(guest_last(&e->guest).len, 100);
	edge_free(e);
}

/* A Linux guest short of memory takes its window back and drops what is in flight. */
static void a_window_taken_back_ends_nothing(void **)
{
	struct edge *e = established();

	owner_writes(e, 10000);
	run(e);
	for (unsigned i = 0; i < 600; i++) {
		guest_say(&e->guest, TCP_ACK, 0, 0, 0, 0);
		wait_for(e, 2 * NSEC_PER_SEC);
		e->guest.heard_count = e->guest.next = 0;
	}
	assert_int_equal(e->tcp.state, TCP_ESTABLISHED);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	wait_for(e, 61 * NSEC_PER_SEC);
	assert_true(e->guest.heard_count > 0);
	edge_free(e);
}

/* Opening */

static void a_syn_that_comes_again_beside_the_ack_resets_nothing(void **)
{
	struct edge *e = edge_new();

	call(e);
	assert_int_equal(guest_last(&e->guest).flags, TCP_SYN | TCP_ACK);
	guest_add_syn_options(&e->guest);
	guest_say(&e->guest, TCP_SYN, -1u, 0, 0, WINDOW_FULL);
	guest_say(&e->guest, TCP_ACK, 0, 5, 0, 512);
	wait_for(e, 10 * NSEC_PER_MSEC);
	assert_int_equal(e->tcp.state, TCP_ESTABLISHED);
	assert_int_equal(e->received, 5);
	assert_int_equal(guest_last(&e->guest).flags, TCP_ACK);
	edge_free(e);
}

static void a_syn_that_comes_again_is_answered_again(void **)
{
	struct edge *e = edge_new();

	call(e);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(guest_last(&e->guest).flags, TCP_SYN | TCP_ACK);
		guest_say(&e->guest, TCP_SYN, -1u, 0, 0, WINDOW_FULL);
		run(e);
	}
	assert_int_equal(guest_last(&e->guest).flags, TCP_SYN | TCP_ACK);
	edge_free(e);
}

/* RFC 9293 3.10.7.4: a reset of its own for what cannot be, and the connection stays. */
static void an_ack_of_what_was_never_said_does_not_end_the_handshake(void **)
{
	struct edge *e = edge_new();
	struct heard heard;

	call(e);
	guest_last(&e->guest);
	guest_say(&e->guest, TCP_ACK, 0, 0, 77, 512);
	run(e);
	heard = guest_last(&e->guest);
	assert_int_equal(heard.flags, TCP_RST);
	assert_int_equal(heard.seq, 77);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	run(e);
	assert_int_equal(e->tcp.state, TCP_ESTABLISHED);
	edge_free(e);
}

static void bytes_in_a_syn_are_left_for_later(void **)
{
	struct edge *e = edge_new();

	guest_add_syn_options(&e->guest);
	guest_say(&e->guest, TCP_SYN, -1u, 3, 0, WINDOW_FULL);
	tcp_accept(&e->tcp, e->now);
	run(e);
	assert_int_equal(guest_last(&e->guest).ack, 0);
	guest_say(&e->guest, TCP_ACK, 0, 3, 0, 512);
	assert_int_equal(e->received, 3);
	edge_free(e);
}

static void a_guest_that_starts_anew_gets_its_new_connection(void **)
{
	struct edge *e = established();
	struct heard heard;
	uint32_t old_iss = e->guest.iss;

	guest_say(&e->guest, TCP_ACK, 0, 10, 0, 512);
	wait_for(e, 10 * NSEC_PER_MSEC);
	e->guest.iss += 1000000;
	guest_say(&e->guest, TCP_SYN, -1u, 0, 0, WINDOW_FULL);
	run(e);
	heard = guest_last(&e->guest);
	assert_int_equal(heard.flags, TCP_ACK);
	e->guest.iss = old_iss;
	guest_say(&e->guest, TCP_RST, 10, 0, 0, 0);
	run(e);
	assert_int_equal(e->events[TCP_EVENT_RESET], 1);
	assert_int_equal(e->tcp.state, TCP_CLOSED);
	edge_free(e);
}

static void a_guest_without_any_option_is_served(void **)
{
	struct edge *e = edge_new();
	struct heard heard;

	guest_say(&e->guest, TCP_SYN, -1u, 0, 0, 1000);
	tcp_accept(&e->tcp, e->now);
	run(e);
	heard = guest_last(&e->guest);
	assert_int_equal(heard.window, 65535);
	assert_false(heard.options.has_window_scale || heard.options.has_sack_permitted);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 1000);
	owner_writes(e, 3000);
	run(e);
	assert_int_equal(guest_next(&e->guest).len, 1000);
	guest_hears_nothing(&e->guest);
	guest_say(&e->guest, TCP_ACK, 0, 0, 1000, 1000);
	run(e);
	assert_int_equal(guest_next(&e->guest).len, 1000);
	edge_free(e);
}

/* Our SYN finds what the guest has left of an older connection. */
static void an_old_connection_of_the_guest_is_reset_out_of_the_way(void **)
{
	struct edge *e = edge_new();
	struct heard heard;

	guest_say(&e->guest, TCP_SYN, -1u, 0, 0, 1000); /* the hub learns the MAC */
	tcp_done(&e->tcp);
	tcp_open_active(
		&e->tcp, &e->shared, &tcp_ops, &e->guest.peer, &e->guest.self, guest_mac, e->now);
	run(e);
	assert_int_equal(guest_last(&e->guest).flags, TCP_SYN);
	guest_say(&e->guest, TCP_ACK, 700, 0, 900, 512);
	run(e);
	heard = guest_last(&e->guest);
	assert_int_equal(heard.flags, TCP_RST);
	assert_int_equal(heard.seq, 900);
	assert_int_equal(e->tcp.state, TCP_SYN_SENT);
	edge_free(e);
}

/* Resets */

static void a_reset_counts_only_in_its_place(void **)
{
	struct edge *e = established();

	guest_say(&e->guest, TCP_RST, 100, 0, 0, 0);
	run(e);
	assert_int_equal(guest_last(&e->guest).flags, TCP_ACK);
	guest_say(&e->guest, TCP_RST, 10000000, 0, 0, 0);
	run(e);
	guest_hears_nothing(&e->guest);
	assert_int_equal(e->tcp.state, TCP_ESTABLISHED);
	guest_say(&e->guest, TCP_RST, 0, 0, 0, 0);
	assert_int_equal(e->tcp.state, TCP_CLOSED);
	edge_free(e);
}

/* Loss */

static void go_silent(struct edge *e)
{
	e->guest.heard_count = e->guest.next = 0;
}

/* Fast retransmit, RFC 5681 3.2: whatever the halved window says, the first segment goes. */
static void three_duplicates_bring_the_first_segment_again(void **)
{
	struct edge *e = edge_new();
	struct heard heard;

	guest_say(&e->guest, TCP_SYN, -1u, 0, 0, WINDOW_FULL);
	tcp_accept(&e->tcp, e->now);
	run(e);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, WINDOW_FULL);
	for (unsigned i = 0; i < 10; i++) {
		owner_writes(e, 536);
		run(e);
		e->now += 1000;
	}
	go_silent(e);
	for (unsigned i = 0; i < 3; i++)
		guest_say(&e->guest, TCP_ACK, 0, 0, 0, WINDOW_FULL);
	run(e);
	heard = guest_next(&e->guest);
	assert_int_equal(heard.seq, 0);
	assert_int_equal(heard.len, 536);
	guest_say(&e->guest, TCP_ACK, 0, 0, 536, WINDOW_FULL); /* RFC 6582: the next one */
	run(e);
	heard = guest_last(&e->guest);
	assert_int_equal(heard.seq, 536);
	edge_free(e);
}

/* RFC 6675 5 (4.3): likewise with SACK. */
static void a_hole_is_filled_before_half_the_window_has_arrived(void **)
{
	struct edge *e = established();
	struct heard heard;

	for (unsigned i = 0; i < 10; i++) {
		owner_writes(e, 1460);
		run(e);
		e->now += 1000;
	}
	go_silent(e);
	e->now += 10 * NSEC_PER_MSEC;
	guest_add_sack(&e->guest, 1460, 2920);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	run(e);
	wait_for(e, 5 * NSEC_PER_MSEC); /* the reordering window */
	heard = guest_next(&e->guest);
	assert_int_equal(heard.seq, 0);
	assert_int_equal(heard.len, 1460);
	edge_free(e);
}

/* What is counted as lost comes to nothing again, whatever timers did to it meanwhile. */
static void probes_and_timeouts_leave_the_sums_right(void **)
{
	struct edge *e = established();

	owner_writes(e, 1460);
	run(e);
	e->now += 200 * NSEC_PER_USEC;
	guest_say(&e->guest, TCP_ACK, 0, 0, 1460, 512);
	owner_writes(e, 14600);
	run(e);
	wait_for(e, 260 * NSEC_PER_MSEC);
	for (uint32_t at = 2920; at <= 16060; at += 1460) {
		guest_say(&e->guest, TCP_ACK, 0, 0, at, 512);
		wait_for(e, 25 * NSEC_PER_MSEC);
		assert_true(
			e->tcp.sent.lost_len + e->tcp.sent.sacked_len <= e->tcp.nxt - e->tcp.una);
	}
	assert_int_equal(tcp_unacknowledged(&e->tcp), 0);
	owner_writes(e, 100);
	go_silent(e);
	run(e);
	assert_int_equal(guest_next(&e->guest).len, 100);
	edge_free(e);
}

/* A guest that names every other byte, until the scoreboard takes no more. */
static void a_full_scoreboard_still_ends(void **)
{
	struct edge *e = established();
	uint32_t una = 0;

	owner_writes(e, 14600);
	run(e);
	e->now += NSEC_PER_MSEC;
	for (uint32_t at = 3000; at < 3000 + 2 * 5000; at += 2) {
		guest_add_sack(&e->guest, at, at + 1);
		guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	}
	for (unsigned i = 0; i < 1000 && una < 14600; i++) {
		go_silent(e);
		wait_for(e, 400 * NSEC_PER_MSEC);
		for (struct heard heard = guest_next(&e->guest); heard.flags;
			heard = guest_next(&e->guest))
			if (heard.seq <= una)
				una = MAX(una, heard.seq + heard.len);
		guest_say(&e->guest, TCP_ACK, 0, 0, una, 512);
	}
	assert_int_equal(una, 14600);
	edge_free(e);
}

/* Ends */

static void both_may_finish_at_once(void **)
{
	struct edge *e = established();

	tcp_finish(&e->tcp);
	run(e);
	assert_int_equal(guest_last(&e->guest).flags, TCP_ACK | TCP_FIN);
	guest_say(&e->guest, TCP_ACK | TCP_FIN, 0, 0, 0, 512);
	run(e);
	assert_int_equal(e->tcp.state, TCP_CLOSING);
	guest_say(&e->guest, TCP_ACK, 1, 0, 1, 512);
	run(e);
	assert_int_equal(e->tcp.state, TCP_TIME_WAIT);
	assert_int_equal(e->events[TCP_EVENT_CLOSED], 1);
	assert_int_equal(tcp_unacknowledged(&e->tcp), 0);
	wait_for(e, 31 * NSEC_PER_SEC);
	assert_int_equal(e->tcp.state, TCP_CLOSED);
	edge_free(e);
}

static void a_window_is_no_news_behind_the_fin(void **)
{
	struct edge *e = established();

	e->may_take = 1;
	guest_say(&e->guest, TCP_ACK | TCP_FIN, fill_window(e, 1021), 0, 0, 512);
	run(e);
	guest_last(&e->guest);
	owner_reads(e, UINT64_MAX);
	run(e);
	assert_int_equal(e->events[TCP_EVENT_FINISHED], 1);
	guest_hears_nothing(&e->guest);
	edge_free(e);
}

static void a_reset_after_both_finished_takes_nothing_back(void **)
{
	struct edge *e = established();

	e->may_take = 1;
	tcp_finish(&e->tcp);
	run(e);
	guest_say(&e->guest, TCP_ACK | TCP_FIN, 0, 1000, 1, 512);
	run(e);
	assert_int_equal(e->tcp.state, TCP_TIME_WAIT);
	guest_say(&e->guest, TCP_RST, 1001, 0, 0, 0);
	assert_int_equal(e->tcp.state, TCP_CLOSED);
	assert_int_equal(e->events[TCP_EVENT_RESET], 0);
	owner_reads(e, UINT64_MAX);
	assert_int_equal(e->received, 1000);
	assert_int_equal(e->events[TCP_EVENT_FINISHED], 1);
	edge_free(e);
}

/* Sequence numbers go around */

static void numbers_go_around(void **)
{
	struct edge *e = edge_new();
	uint32_t in = 0, out = 0;

	e->guest.iss = UINT32_MAX - 30000;
	guest_add_syn_options(&e->guest);
	guest_say(&e->guest, TCP_SYN, -1u, 0, 0, WINDOW_FULL);
	e->tcp.iss = e->tcp.una = e->tcp.nxt = e->tcp.recover = UINT32_MAX - 20000;
	e->tcp.end = e->tcp.round_una = e->tcp.iss + 1;
	tcp_accept(&e->tcp, e->now);
	run(e);
	guest_last(&e->guest);
	guest_say(&e->guest, TCP_ACK, 0, 0, 0, 512);
	for (unsigned i = 0; i < 100; i++) {
		guest_say(&e->guest, TCP_ACK, in + 700, 300, out, 512);
		guest_say(&e->guest, TCP_ACK, in, 700, out, 512);
		in += 1000;
		owner_writes(e, 1000);
		run(e);
		assert_int_equal(guest_last(&e->guest).ack, in);
		out += 1000;
		guest_say(&e->guest, TCP_ACK, in, 0, out, 512);
	}
	assert_int_equal(e->received, in);
	assert_int_equal(tcp_unacknowledged(&e->tcp), 0);
	assert_int_equal(e->shared.retransmitted_bytes, 0);
	edge_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_window_opens_without_being_asked),
		cmocka_unit_test(a_full_window_still_hears_acknowledgements),
		cmocka_unit_test(a_fin_behind_a_full_window_is_taken),
		cmocka_unit_test(the_right_edge_never_moves_left),
		cmocka_unit_test(what_exceeds_the_window_is_cut),
		cmocka_unit_test(a_probe_with_a_garbage_byte_is_answered),
		cmocka_unit_test(nothing_counts_behind_a_fin),
		cmocka_unit_test(a_fin_that_came_early_is_answered_at_once),
		cmocka_unit_test(segments_behind_a_gap_are_answered_one_by_one),
		cmocka_unit_test(a_peer_with_sack_is_told_of_a_gap_thrice_at_most),
		cmocka_unit_test(a_window_of_one_byte_carries_everything),
		cmocka_unit_test(a_shut_window_is_asked_about_for_ever),
		cmocka_unit_test(a_guest_that_is_gone_is_asked_in_vain_and_given_up),
		cmocka_unit_test(what_is_lost_after_a_window_opened_comes_soon),
		cmocka_unit_test(a_window_taken_back_ends_nothing),
		cmocka_unit_test(a_syn_that_comes_again_beside_the_ack_resets_nothing),
		cmocka_unit_test(a_syn_that_comes_again_is_answered_again),
		cmocka_unit_test(an_ack_of_what_was_never_said_does_not_end_the_handshake),
		cmocka_unit_test(bytes_in_a_syn_are_left_for_later),
		cmocka_unit_test(a_guest_that_starts_anew_gets_its_new_connection),
		cmocka_unit_test(a_guest_without_any_option_is_served),
		cmocka_unit_test(an_old_connection_of_the_guest_is_reset_out_of_the_way),
		cmocka_unit_test(a_reset_counts_only_in_its_place),
		cmocka_unit_test(three_duplicates_bring_the_first_segment_again),
		cmocka_unit_test(a_hole_is_filled_before_half_the_window_has_arrived),
		cmocka_unit_test(probes_and_timeouts_leave_the_sums_right),
		cmocka_unit_test(a_full_scoreboard_still_ends),
		cmocka_unit_test(both_may_finish_at_once),
		cmocka_unit_test(a_window_is_no_news_behind_the_fin),
		cmocka_unit_test(a_reset_after_both_finished_takes_nothing_back),
		cmocka_unit_test(numbers_go_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
