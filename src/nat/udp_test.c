/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/contacts.h"
#include "nat/gateway_fixture.h"

#include "wire/arp.h"

#include <errno.h>

#define GUEST  at("192.168.120.10", 4000)
#define SERVER at("198.51.100.10", 7)
#define OTHER  at("198.51.100.11", 7)

static struct outside_datagram from(struct endpoint peer)
{
	return (struct outside_datagram){.peer = peer, .ttl = 60};
}

static void arrives(struct fixture *f, unsigned n, struct endpoint peer, const char *text)
{
	struct outside_datagram about = from(peer);

	fake_arrives(fake_socket(&f->outside, n), &about, text, strlen(text));
	run(f);
}

static void assert_heard(
	const struct fixture *f, unsigned n, struct endpoint peer, const char *text)
{
	const struct heard *last = heard(f, n);

	assert_true(ip_equal(last->packet.from, peer.ip));
	assert_int_equal(last->packet.from_port, peer.port);
	assert_int_equal(last->packet.end - last->packet.payload, strlen(text));
	assert_memory_equal(last->bytes + last->packet.payload, text, strlen(text));
}

static void datagrams_go_out_and_answers_come_back(void **state)
{
	struct fixture *f = *state;
	const struct fake_datagram *sent;

	f->ttl = 17;
	f->tos = 0xb8;
	say_udp(f, GUEST, SERVER, "hello", 5);
	sent = &fake_socket(&f->outside, 0)->sent[0];
	assert_int_equal(fake_socket(&f->outside, 0)->asked_port, 4000);
	assert_ip(sent->about.peer.ip, "198.51.100.10");
	assert_int_equal(sent->about.peer.port, 7);
	assert_int_equal(sent->about.ttl, 16);
	assert_int_equal(sent->about.tos, 0xb8);
	assert_false(sent->about.may_not_fragment);
	assert_memory_equal(sent->bytes, "hello", sent->len);

	arrives(f, 0, SERVER, "and hello");
	assert_heard(f, 0, SERVER, "and hello");
	assert_int_equal(heard(f, 0)->packet.ttl, 59);
	assert_int_equal(heard(f, 0)->packet.to_port, 4000);
	assert_memory_equal(heard(f, 0)->bytes, &guest_mac, sizeof(guest_mac));
}

/* Behind a router on the hub: answers go to the MAC address that the question came from. */
static void guests_beyond_are_served_when_they_are_known(void **state)
{
	struct fixture *f = *state;
	const struct endpoint guest = at("10.2.0.10", 4000);
	struct ip_prefix prefix;

	say_udp(f, guest, SERVER, "hello", 5);
	assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), 1);
	assert_true(prefix_parse("10.2.0.0/24", &prefix));
	assert_int_equal(gateway_set_beyond(&f->gateway, &prefix, 1), 0);
	say_udp(f, guest, SERVER, "hello", 5);
	arrives(f, 0, SERVER, "and hello");
	assert_heard(f, 0, SERVER, "and hello");
	assert_true(ip_equal(heard(f, 0)->packet.to, guest.ip));
	assert_memory_equal(heard(f, 0)->bytes, &guest_mac, sizeof(guest_mac));
	say_udp(f, at("10.3.0.10", 4000), SERVER, "hello", 5);
	assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), 2);
	assert_int_equal(gateway_set_beyond(&f->gateway, NULL, 0), 0);
	say_udp(f, guest, SERVER, "hello", 5);
	assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), 3);
}

static void it_speaks_ipv6(void **state)
{
	struct fixture *f = *state;
	struct endpoint guest = at("fd00:8::10", 4000), server = at("2001:db8::10", 7);

	say_udp(f, guest, server, "hello", 5);
	assert_false(fake_socket(&f->outside, 0)->is_v4);
	assert_true(fake_socket(&f->outside, 0)->sent[0].about.may_not_fragment);
	arrives(f, 0, server, "six");
	assert_heard(f, 0, server, "six");
}

static void empty_datagrams_pass(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, SERVER, "", 0);
	assert_int_equal(fake_socket(&f->outside, 0)->sent_count, 1);
	assert_int_equal(fake_socket(&f->outside, 0)->sent[0].len, 0);
	arrives(f, 0, SERVER, "");
	assert_heard(f, 0, SERVER, "");
}

/* RFC 4787 REQ-1. */
static void one_socket_serves_an_endpoint(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, SERVER, "a", 1);
	say_udp(f, GUEST, OTHER, "b", 1);
	assert_int_equal(f->outside.count, 1);
	say_udp(f, at("192.168.120.10", 4001), SERVER, "c", 1);
	say_udp(f, at("192.168.120.11", 4000), SERVER, "d", 1);
	assert_int_equal(f->outside.count, 3);
	assert_int_equal(f->gateway.counters.udp_flows, 3);
}

/* RFC 4787 REQ-8: address-dependent. */
static void only_those_spoken_to_may_answer(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, SERVER, "a", 1);
	arrives(f, 0, OTHER, "who?");
	assert_int_equal(f->heard_count, 0);
	assert_int_equal(drops(f, DROP_POLICY), 1);
	arrives(f, 0, at("198.51.100.10", 9999), "another port");
	assert_heard(f, 0, at("198.51.100.10", 9999), "another port");
	say_udp(f, GUEST, OTHER, "b", 1);
	arrives(f, 0, OTHER, "me");
	assert_heard(f, 0, OTHER, "me");
}

static void many_may_be_spoken_to(void **)
{
	struct contacts contacts = {0};
	struct ip first = ip_of_text("10.0.0.0"), last;

	for (unsigned i = 0; i < CONTACTS_MAX; i++) {
		last = first;
		last.bytes[14] = (uint8_t)(i / 200);
		last.bytes[15] = (uint8_t)(i % 200);
		contacts_add(&contacts, last);
		assert_true(contacts_has(&contacts, last));
	}
	assert_true(contacts_has(&contacts, first));
	assert_int_equal(contacts.count, CONTACTS_MAX);
	/* The first has just been heard of: another one goes. */
	contacts_add(&contacts, ip_of_text("10.9.9.9"));
	assert_int_equal(contacts.count, CONTACTS_MAX);
	assert_true(contacts_has(&contacts, first));
	assert_true(contacts_has(&contacts, last));
	assert_false(contacts_has(&contacts, ip_of_text("10.0.0.1")));
	contacts_done(&contacts);
}

static void unanswered_flows_end_early(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, SERVER, "a", 1);
	pass(f, 29 * NSEC_PER_SEC);
	assert_int_equal(fake_open_count(&f->outside), 1);
	pass(f, 2 * NSEC_PER_SEC);
	assert_int_equal(fake_open_count(&f->outside), 0);
	assert_int_equal(f->gateway.counters.udp_flows, 0);
	assert_int_equal(f->next, NSEC_NEVER);
}

static void answered_flows_live_long(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, SERVER, "a", 1);
	arrives(f, 0, SERVER, "b");
	pass(f, 299 * NSEC_PER_SEC);
	assert_int_equal(fake_open_count(&f->outside), 1);
	say_udp(f, GUEST, SERVER, "c", 1);
	pass(f, 299 * NSEC_PER_SEC);
	assert_int_equal(fake_open_count(&f->outside), 1);
	pass(f, 2 * NSEC_PER_SEC);
	assert_int_equal(fake_open_count(&f->outside), 0);
}

static void answered_names_are_soon_forgotten(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, at("198.51.100.10", 53), "name?", 5);
	arrives(f, 0, at("198.51.100.10", 53), "that one");
	pass(f, 11 * NSEC_PER_SEC);
	assert_int_equal(fake_open_count(&f->outside), 0);
}

static void runs_pass_whole(void **state)
{
	struct fixture *f = *state;
	uint8_t data[4200] = {1, 2, 3};
	struct outside_datagram about = from(SERVER);
	struct endpoint guest = GUEST, server = SERVER;
	uint16_t sum;

	begin_ip(f, guest.ip, server.ip, IP_PROTOCOL_UDP, UDP_HEADER_LEN + sizeof(data));
	write_be16(&f->w, guest.port);
	write_be16(&f->w, server.port);
	write_be16(&f->w, UDP_HEADER_LEN + sizeof(data));
	sum = (uint16_t)~checksum_fold(checksum_pseudo(
		guest.ip, server.ip, IP_PROTOCOL_UDP, UDP_HEADER_LEN + sizeof(data)));
	write_bytes(&f->w, &sum, sizeof(sum));
	write_bytes(&f->w, data, sizeof(data));
	f->offload = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_UDP,
		.segment_size = 1400,
		.header_len = 42,
		.checksum_start = 34,
		.checksum_offset = UDP_CHECKSUM_OFFSET};
	say(f);
	assert_int_equal(fake_socket(&f->outside, 0)->sent_count, 1);
	assert_int_equal(fake_socket(&f->outside, 0)->sent[0].about.segment_size, 1400);
	assert_int_equal(fake_socket(&f->outside, 0)->sent[0].len, sizeof(data));

	about.segment_size = 1400;
	fake_arrives(fake_socket(&f->outside, 0), &about, data, sizeof(data));
	run(f);
	assert_int_equal(f->heard_count, 1);
	assert_int_equal(heard(f, 0)->frame.offload.kind, SEGMENT_UDP);
	assert_int_equal(heard(f, 0)->frame.offload.segment_size, 1400);
	assert_memory_equal(heard(f, 0)->bytes + heard(f, 0)->packet.payload, data, sizeof(data));
}

static void large_datagrams_reach_the_guest_in_fragments(void **state)
{
	struct fixture *f = *state;
	uint8_t data[4000] = {0};
	struct outside_datagram about = from(SERVER);

	say_udp(f, GUEST, SERVER, "a", 1);
	fake_arrives(fake_socket(&f->outside, 0), &about, data, sizeof(data));
	run(f);
	assert_int_equal(f->heard_count, 3);
	assert_true(heard(f, 2)->packet.has_more_fragments);
	assert_false(heard(f, 0)->packet.has_more_fragments);
	assert_int_equal(heard(f, 0)->packet.end - heard(f, 0)->packet.l4, 4008 - 2 * 1480);
}

/* More than a turn's worth, and more than the host's batch and our buffer take at once. */
static void bursts_arrive_whole_and_in_order(void **state)
{
	struct fixture *f = *state;
	static uint8_t data[60000];
	struct outside_datagram about = from(SERVER);
	struct fake_socket *socket;

	say_udp(f, GUEST, SERVER, "a", 1);
	socket = fake_socket(&f->outside, 0);
	about.segment_size = 1400;
	for (unsigned i = 0; i < FAKE_DATAGRAMS; i++) {
		memset(data, (int)i + 1, sizeof(data));
		fake_arrives(socket, &about, data, sizeof(data));
	}
	run(f);
	assert_int_equal(f->heard_count, FAKE_DATAGRAMS);
	for (unsigned i = 0; i < FAKE_DATAGRAMS; i++) {
		const struct heard *one = &f->heard[i];

		assert_int_equal(one->packet.end - one->packet.payload, sizeof(data));
		assert_int_equal(one->bytes[one->packet.payload], i + 1);
		assert_int_equal(one->bytes[one->packet.end - 1], i + 1);
	}
}

static void errors_are_told_to_the_guest(void **state)
{
	struct fixture *f = *state;
	struct fake_error error = {.failure = {.code = ECONNREFUSED,
					   .has_icmp = true,
					   .type = ICMP_UNREACHABLE,
					   .code_icmp = ICMP_PORT_UNREACHABLE,
					   .offender = ip_of_text("198.51.100.10")},
		.peer = SERVER,
		.quoted = "hello",
		.len = 5};
	const struct heard *last;

	say_udp(f, GUEST, SERVER, "hello", 5);
	fake_fails(fake_socket(&f->outside, 0), &error);
	run(f);
	assert_error(f, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0, 4000, 7);
	last = heard(f, 0);
	assert_ip(last->packet.from, "198.51.100.10");
	assert_memory_equal(last->bytes + last->packet.end - 5, "hello", 5);
}

static void routers_on_the_way_are_named(void **state)
{
	struct fixture *f = *state;
	struct endpoint guest = at("fd00:8::10", 4000), server = at("2001:db8::10", 33434);
	struct fake_error error = {.failure = {.code = EHOSTUNREACH,
					   .has_icmp = true,
					   .type = ICMP6_TIME_EXCEEDED,
					   .offender = ip_of_text("2001:db8::1")},
		.peer = server};

	f->ttl = 3;
	say_udp(f, guest, server, "", 0);
	fake_fails(fake_socket(&f->outside, 0), &error);
	run(f);
	assert_error(f, ICMP6_TIME_EXCEEDED, 0, 0, 4000, 33434);
	assert_ip(heard(f, 0)->packet.from, "2001:db8::1");
}

static void the_gateway_is_a_hop(void **state)
{
	struct fixture *f = *state;

	f->ttl = 1;
	say_udp(f, GUEST, SERVER, "a", 1);
	assert_int_equal(f->outside.count, 0);
	assert_error(f, ICMP_TIME_EXCEEDED, ICMP_TTL_EXCEEDED, 0, 4000, 7);
	assert_ip(heard(f, 0)->packet.from, "192.168.120.2");
	assert_int_equal(drops(f, DROP_TTL), 1);
}

/* RFC 4787 REQ-13. */
static void too_big_is_said_with_the_mtu(void **state)
{
	struct fixture *f = *state;
	struct fake_error error = {.failure = {.code = EMSGSIZE, .mtu = 1400}, .peer = SERVER};
	uint8_t data[1450] = {0};
	struct fake_socket *socket;

	say_udp(f, GUEST, SERVER, "a", 1);
	socket = fake_socket(&f->outside, 0);
	socket->send_fails = EMSGSIZE;
	socket->errors[socket->error_count++] = error;
	f->may_not_fragment = true;
	say_udp(f, GUEST, SERVER, data, sizeof(data));
	assert_error(f, ICMP_UNREACHABLE, ICMP_TOO_BIG, 1400, 4000, 7);
	assert_int_equal(drops(f, DROP_GIANT), 1);
}

static void an_old_error_costs_no_datagram(void **state)
{
	struct fixture *f = *state;
	struct fake_socket *socket;

	say_udp(f, GUEST, SERVER, "a", 1);
	socket = fake_socket(&f->outside, 0);
	socket->send_fails = ECONNREFUSED;
	say_udp(f, GUEST, SERVER, "b", 1);
	assert_int_equal(socket->sent_count, 2);
	assert_int_equal(drops(f, DROP_UNREACHABLE), 0);
}

static void no_room_is_counted(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, SERVER, "a", 1);
	fake_socket(&f->outside, 0)->send_fails = EAGAIN;
	say_udp(f, GUEST, SERVER, "b", 1);
	assert_int_equal(drops(f, DROP_QUEUE_FULL), 1);
	assert_int_equal(f->heard_count, 0);
}

static void forbidden_places_are_said_to_be(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, at("192.168.120.77", 7), "a", 1);
	assert_error(f, ICMP_UNREACHABLE, ICMP_PROHIBITED, 0, 4000, 7);
	say_udp(f, GUEST, at("240.0.0.1", 7), "a", 1);
	assert_int_equal(drops(f, DROP_UNREACHABLE), 2);
	assert_int_equal(f->outside.count, 0);
}

static void groups_go_nowhere(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, at("224.0.0.251", 5353), "a", 1);
	say_udp(f, GUEST, at("255.255.255.255", 7), "a", 1);
	say_udp(f, GUEST, at("192.168.120.255", 7), "a", 1);
	assert_int_equal(f->outside.count, 0);
	assert_int_equal(f->heard_count, 0);
	assert_int_equal(drops(f, DROP_UNWANTED), 3);
}

static void wrong_checksums_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct endpoint guest = GUEST, server = SERVER;

	begin_ip(f, guest.ip, server.ip, IP_PROTOCOL_UDP, UDP_HEADER_LEN + 1);
	write_udp(&f->w, &guest, &server, "a", 1);
	write_bytes(&f->w, "b", 1);
	say(f);
	assert_int_equal(drops(f, DROP_CHECKSUM), 1);
	assert_int_equal(f->outside.count, 0);
}

static void the_longest_quiet_makes_room(void **)
{
	struct fixture *f = fixture_new(3, false);

	for (uint16_t i = 0; i < 3; i++)
		say_udp(f, at("192.168.120.10", 4000 + i), SERVER, "a", 1);
	say_udp(f, at("192.168.120.10", 4000), SERVER, "again", 5);
	say_udp(f, at("192.168.120.10", 4003), SERVER, "a", 1);
	assert_int_equal(f->gateway.counters.udp_flows, 3);
	assert_int_equal(fake_socket(&f->outside, 0)->kind, FAKE_UDP);
	assert_int_equal(fake_socket(&f->outside, 1)->kind, FAKE_CLOSED);
	assert_int_equal(fake_socket(&f->outside, 3)->kind, FAKE_UDP);
	fixture_free(f);
}

static void descriptors_are_taken_from_the_longest_quiet(void **state)
{
	struct fixture *f = *state;

	say_udp(f, at("192.168.120.10", 4000), SERVER, "a", 1);
	f->outside.open_fails = EMFILE;
	f->outside.open_fails_times = 1;
	say_udp(f, at("192.168.120.10", 4001), SERVER, "a", 1);
	assert_int_equal(fake_socket(&f->outside, 0)->kind, FAKE_CLOSED);
	assert_int_equal(fake_socket(&f->outside, 1)->sent_count, 1);
	assert_int_equal(f->gateway.counters.udp_flows, 1);
}

static void without_a_socket_nothing_leaks(void **state)
{
	struct fixture *f = *state;

	f->outside.open_fails = EMFILE;
	say_udp(f, GUEST, SERVER, "a", 1);
	assert_int_equal(drops(f, DROP_FLOW_LIMIT), 1);
	assert_int_equal(f->gateway.counters.udp_flows, 0);
	assert_int_equal(f->gateway.counters.connect_no_socket, 1);
}

static void the_hosts_loopback_is_behind_our_address(void **)
{
	struct fixture *f = fixture_new(32, true);

	f->ttl = 1;
	say_udp(f, GUEST, at("192.168.120.2", 7), "a", 1);
	assert_ip(fake_socket(&f->outside, 0)->sent[0].about.peer.ip, "127.0.0.1");
	arrives(f, 0, at("127.0.0.1", 7), "home");
	assert_heard(f, 0, at("192.168.120.2", 7), "home");
	fixture_free(f);
}

static void our_address_is_ours_alone(void **state)
{
	struct fixture *f = *state;

	say_udp(f, GUEST, at("192.168.120.2", 7), "a", 1);
	assert_int_equal(f->outside.count, 0);
	assert_error(f, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0, 4000, 7);
}

/* Forwards. */

/* The guest asks who the gateway is. */
static void make_known(struct fixture *f)
{
	struct arp arp = {.operation = ARP_REQUEST,
		.from_mac = guest_mac,
		.from = ip_to_v4(ip_of_text("192.168.120.10")),
		.to = ip_to_v4(ip_of_text("192.168.120.2"))};

	f->w = writer_on(f->out, sizeof(f->out));
	write_eth(&f->w, MAC_BROADCAST, guest_mac, ETHERTYPE_ARP);
	write_arp(&f->w, &arp);
	say(f);
}

static void forward_to_guest(struct fixture *f)
{
	struct forward forward = {true, at("198.51.100.1", 5000), GUEST};

	assert_int_equal(gateway_forward_add(&f->gateway, &forward, 5), 0);
	make_known(f);
	forget_heard(f);
}

static void clients_reach_the_guest_and_are_answered(void **state)
{
	struct fixture *f = *state;
	struct endpoint client = at("203.0.113.5", 999);
	struct outside_datagram about = from(client);
	const struct fake_datagram *sent;

	forward_to_guest(f);
	about.local = ip_of_text("198.51.100.1");
	fake_arrives(fake_socket(&f->outside, 0), &about, "knock", 5);
	run(f);
	assert_heard(f, 0, client, "knock");
	assert_int_equal(heard(f, 0)->packet.to_port, 4000);
	say_udp(f, GUEST, client, "come in", 7);
	assert_int_equal(f->outside.count, 1);
	sent = &fake_socket(&f->outside, 0)->sent[0];
	assert_true(endpoint_equal(&sent->about.peer, &client));
	assert_ip(sent->about.local, "198.51.100.1");
	assert_memory_equal(sent->bytes, "come in", 7);
	/* To others the guest's port speaks through a mapping of its own. */
	say_udp(f, GUEST, SERVER, "a", 1);
	assert_int_equal(f->outside.count, 2);
	assert_int_equal(f->gateway.counters.udp_flows, 2);
}

static void clients_nearby_are_seen_at_our_address(void **state)
{
	struct fixture *f = *state;
	struct outside_datagram about = from(at("127.0.0.1", 5555));

	forward_to_guest(f);
	fake_arrives(fake_socket(&f->outside, 0), &about, "knock", 5);
	run(f);
	assert_heard(f, 0, at("192.168.120.2", 5555), "knock");
	say_udp(f, GUEST, at("192.168.120.2", 5555), "come in", 7);
	assert_ip(fake_socket(&f->outside, 0)->sent[0].about.peer.ip, "127.0.0.1");

	/* Another one with the same port is somebody else. */
	about.peer = at("127.0.0.2", 5555);
	fake_arrives(fake_socket(&f->outside, 0), &about, "hello", 5);
	run(f);
	assert_ip(heard(f, 0)->packet.from, "192.168.120.2");
	assert_int_not_equal(heard(f, 0)->packet.from_port, 5555);
	say_udp(f, GUEST,
		(struct endpoint){heard(f, 0)->packet.from, heard(f, 0)->packet.from_port},
		"you too", 7);
	assert_ip(fake_socket(&f->outside, 0)->sent[1].about.peer.ip, "127.0.0.2");
}

static void guests_not_known_yet_are_looked_for(void **state)
{
	struct fixture *f = *state;
	struct forward forward = {true, at("198.51.100.1", 5000), GUEST};
	struct outside_datagram about = from(SERVER);

	assert_int_equal(gateway_forward_add(&f->gateway, &forward, 5), 0);
	fake_arrives(fake_socket(&f->outside, 0), &about, "knock", 5);
	run(f);
	assert_int_equal(heard(f, 0)->packet.ethertype, ETHERTYPE_ARP);
	pass(f, 5 * NSEC_PER_SEC);
	assert_int_equal(drops(f, DROP_UNREACHABLE), 1);
}

static void forwards_end_with_their_clients(void **state)
{
	struct fixture *f = *state;
	struct outside_datagram about = from(SERVER);
	struct endpoint outside = at("198.51.100.1", 5000);

	forward_to_guest(f);
	fake_arrives(fake_socket(&f->outside, 0), &about, "knock", 5);
	run(f);
	assert_int_equal(f->gateway.counters.udp_flows, 1);
	assert_int_equal(gateway_forward_remove(&f->gateway, true, &outside), 0);
	run(f);
	assert_int_equal(f->gateway.counters.udp_flows, 0);
	assert_int_equal(fake_open_count(&f->outside), 0);
	assert_int_equal(gateway_forward_remove(&f->gateway, true, &outside), -ENOENT);
}

static void clients_are_forgotten_in_time(void **state)
{
	struct fixture *f = *state;
	struct outside_datagram about = from(SERVER);

	forward_to_guest(f);
	fake_arrives(fake_socket(&f->outside, 0), &about, "knock", 5);
	run(f);
	pass(f, 31 * NSEC_PER_SEC);
	assert_int_equal(f->gateway.counters.udp_flows, 0);
	fake_arrives(fake_socket(&f->outside, 0), &about, "knock", 5);
	run(f);
	assert_int_equal(f->gateway.counters.udp_flows, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(datagrams_go_out_and_answers_come_back),
		FIXTURE_TEST(guests_beyond_are_served_when_they_are_known),
		FIXTURE_TEST(it_speaks_ipv6),
		FIXTURE_TEST(empty_datagrams_pass),
		FIXTURE_TEST(one_socket_serves_an_endpoint),
		FIXTURE_TEST(only_those_spoken_to_may_answer),
		cmocka_unit_test(many_may_be_spoken_to),
		FIXTURE_TEST(unanswered_flows_end_early),
		FIXTURE_TEST(answered_flows_live_long),
		FIXTURE_TEST(answered_names_are_soon_forgotten),
		FIXTURE_TEST(runs_pass_whole),
		FIXTURE_TEST(large_datagrams_reach_the_guest_in_fragments),
		FIXTURE_TEST(bursts_arrive_whole_and_in_order),
		FIXTURE_TEST(errors_are_told_to_the_guest),
		FIXTURE_TEST(routers_on_the_way_are_named),
		FIXTURE_TEST(the_gateway_is_a_hop),
		FIXTURE_TEST(too_big_is_said_with_the_mtu),
		FIXTURE_TEST(an_old_error_costs_no_datagram),
		FIXTURE_TEST(no_room_is_counted),
		FIXTURE_TEST(forbidden_places_are_said_to_be),
		FIXTURE_TEST(groups_go_nowhere),
		FIXTURE_TEST(wrong_checksums_are_dropped),
		cmocka_unit_test(the_longest_quiet_makes_room),
		FIXTURE_TEST(descriptors_are_taken_from_the_longest_quiet),
		FIXTURE_TEST(without_a_socket_nothing_leaks),
		cmocka_unit_test(the_hosts_loopback_is_behind_our_address),
		FIXTURE_TEST(our_address_is_ours_alone),
		FIXTURE_TEST(clients_reach_the_guest_and_are_answered),
		FIXTURE_TEST(clients_nearby_are_seen_at_our_address),
		FIXTURE_TEST(guests_not_known_yet_are_looked_for),
		FIXTURE_TEST(forwards_end_with_their_clients),
		FIXTURE_TEST(clients_are_forgotten_in_time),
	};

	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
