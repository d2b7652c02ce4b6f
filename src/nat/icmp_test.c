/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/gateway_fixture.h"

#include <errno.h>

#define GUEST  ip_of_text("192.168.120.10")
#define SERVER ip_of_text("198.51.100.10")

/* Identifier 0x1234, sequence number 7. */
static const uint8_t request[] = {ICMP_ECHO_REQUEST, 0, 0, 0, 0x12, 0x34, 0, 7, 'd', 'a', 't', 'a'};

/* As the outside gives it: the identifier is its own. */
static void make_reply(struct fixture *f, uint8_t type, uint8_t ret[sizeof(request)])
{
	memcpy(ret, request, sizeof(request));
	ret[0] = type;
	store_be16(ret + 4, fake_socket(&f->outside, 0)->socket->echo_id);
}

static void replies_come_back_as_they_were_asked_for(void **state)
{
	struct fixture *f = *state;
	struct outside_datagram about = {.peer = {SERVER, 0}, .ttl = 60};
	uint8_t reply[sizeof(request)];
	const struct heard *last;

	f->ttl = 9;
	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	assert_int_equal(fake_socket(&f->outside, 0)->asked_port, 0x1234);
	assert_int_equal(fake_socket(&f->outside, 0)->sent[0].about.ttl, 8);
	assert_int_equal(fake_socket(&f->outside, 0)->sent[0].len, sizeof(request));
	make_reply(f, ICMP_ECHO_REPLY, reply);
	fake_arrives(fake_socket(&f->outside, 0), &about, reply, sizeof(reply));
	run(f);
	last = heard(f, 0);
	assert_int_equal(last->packet.ttl, 59);
	assert_int_equal(last->bytes[last->packet.l4], ICMP_ECHO_REPLY);
	assert_memory_equal(last->bytes + last->packet.l4 + 4, request + 4, sizeof(request) - 4);
	assert_true(ip_equal(last->packet.from, SERVER));
}

static void it_speaks_ipv6(void **state)
{
	struct fixture *f = *state;
	struct ip guest = ip_of_text("fd00:8::10"), server = ip_of_text("2001:db8::10");
	struct outside_datagram about = {.peer = {server, 0}};
	uint8_t message[sizeof(request)];

	memcpy(message, request, sizeof(request));
	message[0] = ICMP6_ECHO_REQUEST;
	say_icmp(f, guest, server, message, sizeof(message));
	make_reply(f, ICMP6_ECHO_REPLY, message);
	fake_arrives(fake_socket(&f->outside, 0), &about, message, sizeof(message));
	run(f);
	assert_int_equal(heard(f, 0)->bytes[heard(f, 0)->packet.l4], ICMP6_ECHO_REPLY);
	assert_memory_equal(heard(f, 0)->bytes + heard(f, 0)->packet.l4 + 4, request + 4, 4);
}

static void one_identifier_has_one_socket(void **state)
{
	struct fixture *f = *state;
	uint8_t other[sizeof(request)];

	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	say_icmp(f, GUEST, ip_of_text("198.51.100.11"), request, sizeof(request));
	assert_int_equal(f->outside.count, 1);
	memcpy(other, request, sizeof(other));
	other[5]++;
	say_icmp(f, GUEST, SERVER, other, sizeof(other));
	say_icmp(f, ip_of_text("192.168.120.11"), SERVER, request, sizeof(request));
	assert_int_equal(f->outside.count, 3);
	assert_int_equal(f->gateway.counters.icmp_flows, 3);
}

static void strangers_are_not_heard(void **state)
{
	struct fixture *f = *state;
	struct outside_datagram about = {.peer = {ip_of_text("198.51.100.11"), 0}};
	uint8_t reply[sizeof(request)];

	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	make_reply(f, ICMP_ECHO_REPLY, reply);
	fake_arrives(fake_socket(&f->outside, 0), &about, reply, sizeof(reply));
	about.peer.ip = SERVER;
	reply[0] = ICMP_ECHO_REQUEST;
	fake_arrives(fake_socket(&f->outside, 0), &about, reply, sizeof(reply));
	fake_arrives(fake_socket(&f->outside, 0), &about, reply, 7);
	run(f);
	assert_int_equal(f->heard_count, 0);
	assert_int_equal(drops(f, DROP_POLICY), 1);
	assert_int_equal(drops(f, DROP_UNWANTED), 2);
}

static void fail_with(struct fixture *f, uint16_t id)
{
	struct fake_error error = {.failure = {.code = EHOSTUNREACH,
					   .has_icmp = true,
					   .type = ICMP_TIME_EXCEEDED,
					   .offender = ip_of_text("198.51.100.254")},
		.peer = {SERVER, 0},
		.len = sizeof(request)};

	memcpy(error.quoted, f->out + ETH_HEADER_LEN + IP4_HEADER_LEN, sizeof(request));
	store_be16(error.quoted + 4, id);
	fake_fails(fake_socket(&f->outside, 0), &error);
	run(f);
}

/* So that traceroute -I works. */
static void routers_on_the_way_are_named(void **state)
{
	struct fixture *f = *state;
	const struct heard *last;
	const uint8_t *quoted;

	f->ttl = 2;
	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	fail_with(f, fake_socket(&f->outside, 0)->socket->echo_id);
	last = heard(f, 0);
	assert_ip(last->packet.from, "198.51.100.254");
	assert_int_equal(last->bytes[last->packet.l4], ICMP_TIME_EXCEEDED);
	quoted = last->bytes + last->packet.payload + IP4_HEADER_LEN;
	assert_int_equal(quoted[0], ICMP_ECHO_REQUEST);
	assert_memory_equal(quoted + 4, request + 4, sizeof(request) - 4);
}

/* A raw socket is told of everybody's. */
static void errors_of_others_are_not_told(void **state)
{
	struct fixture *f = *state;

	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	fail_with(f, (uint16_t)(fake_socket(&f->outside, 0)->socket->echo_id + 1));
	assert_int_equal(f->heard_count, 0);
}

static void hosts_that_forbid_it_are_no_secret(void **state)
{
	struct fixture *f = *state;
	struct ip guest = ip_of_text("fd00:8::10"), server = ip_of_text("2001:db8::10");
	uint8_t message[sizeof(request)];

	f->outside.open_fails = EACCES;
	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	assert_error(f, ICMP_UNREACHABLE, ICMP_PROHIBITED, 0, ICMP_ECHO_REQUEST << 8,
		load_be16(heard(f, 0)->bytes + heard(f, 0)->packet.payload + IP4_HEADER_LEN + 2));
	memcpy(message, request, sizeof(request));
	message[0] = ICMP6_ECHO_REQUEST;
	say_icmp(f, guest, server, message, sizeof(message));
	assert_int_equal(heard(f, 0)->bytes[heard(f, 0)->packet.l4], ICMP6_UNREACHABLE);
	assert_int_equal(heard(f, 0)->bytes[heard(f, 0)->packet.l4 + 1], ICMP6_PROHIBITED);
	assert_int_equal(drops(f, DROP_UNREACHABLE), 2);
	assert_int_equal(f->gateway.counters.icmp_flows, 0);
}

static void the_gateway_is_a_hop(void **state)
{
	struct fixture *f = *state;

	f->ttl = 1;
	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	assert_int_equal(f->outside.count, 0);
	assert_ip(heard(f, 0)->packet.from, "192.168.120.2");
	assert_int_equal(heard(f, 0)->bytes[heard(f, 0)->packet.l4], ICMP_TIME_EXCEEDED);
	assert_int_equal(drops(f, DROP_TTL), 1);
}

static void errors_that_guests_report_end_here(void **state)
{
	struct fixture *f = *state;
	uint8_t message[ICMP_HEADER_LEN + 28] = {ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE};

	say_icmp(f, GUEST, SERVER, message, sizeof(message));
	assert_int_equal(f->outside.count, 0);
	assert_int_equal(drops(f, DROP_UNWANTED), 1);
}

static void flows_end_after_a_minute_of_silence(void **state)
{
	struct fixture *f = *state;

	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	pass(f, 59 * NSEC_PER_SEC);
	say_icmp(f, GUEST, SERVER, request, sizeof(request));
	pass(f, 59 * NSEC_PER_SEC);
	assert_int_equal(f->gateway.counters.icmp_flows, 1);
	pass(f, 2 * NSEC_PER_SEC);
	assert_int_equal(f->gateway.counters.icmp_flows, 0);
	assert_int_equal(f->next, NSEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(replies_come_back_as_they_were_asked_for),
		FIXTURE_TEST(it_speaks_ipv6),
		FIXTURE_TEST(one_identifier_has_one_socket),
		FIXTURE_TEST(strangers_are_not_heard),
		FIXTURE_TEST(routers_on_the_way_are_named),
		FIXTURE_TEST(errors_of_others_are_not_told),
		FIXTURE_TEST(hosts_that_forbid_it_are_no_secret),
		FIXTURE_TEST(the_gateway_is_a_hop),
		FIXTURE_TEST(errors_that_guests_report_end_here),
		FIXTURE_TEST(flows_end_after_a_minute_of_silence),
	};

	return cmocka_run_group_tests_name("icmp", tests, NULL, NULL);
}
