/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legs on threads of their own: packets cross, and what changes meanwhile loses none of them. */
#include "service/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/udp.h"

#define LEGS 3

/* A hub, a leg and a peer that answers ARP; all of it its worker's. */
struct place {
	unsigned number;
	struct worker *worker;
	struct hub *hub;
	struct router_leg *leg;
	struct port peer;
	struct task answer; /* to the one who asked */
	struct arp asked;
	atomic_uint heard;
	uint32_t last; /* the number that the last datagram carried */
	unsigned out_of_order;
	uint32_t said;
	atomic_bool is_slow;
};

static struct mac mac_of(unsigned i, uint8_t last)
{
	return (struct mac){{2, 0, 0, 0, (uint8_t)i, last}};
}

static struct ip ip_of(unsigned i, unsigned host)
{
	return ip_from_v4(ip4_from_number(0x0a000000 | i << 8 | host));
}

static void on_answer(struct task *task)
{
	struct place *place = CONTAINER_OF(task, struct place, answer);
	struct arp reply = {.operation = ARP_REPLY,
		.from_mac = mac_of(place->number, 0x10),
		.from = place->asked.to,
		.to_mac = place->asked.from_mac,
		.to = place->asked.from};
	uint8_t bytes[64];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct frame frame;

	write_eth(&w, reply.to_mac, reply.from_mac, ETHERTYPE_ARP);
	write_arp(&w, &reply);
	frame = frame_linear(bytes, (uint32_t)writer_len(&w));
	hub_receive(&place->peer, &frame, 1, loop_now(worker_loop(place->worker)));
}

static void peer_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct place *place = CONTAINER_OF(port, struct place, peer);

	for (unsigned i = 0; i < count; i++) {
		const uint8_t *bytes = frames[i].head;
		uint32_t number;

		if (arp_parse(bytes + ETH_HEADER_LEN, frames[i].len - ETH_HEADER_LEN,
			    &place->asked) &&
			load_be16(bytes + 12) == ETHERTYPE_ARP) {
			loop_defer(worker_loop(place->worker), &place->answer);
			continue;
		}
		if (place->is_slow)
			usleep(50);
		number = load_be32(bytes + ETH_HEADER_LEN + 28);
		place->out_of_order += number != place->last + 1;
		place->last = number;
		atomic_fetch_add(&place->heard, 1);
	}
}

static void nothing_to_free(struct port *)
{
}

static const struct port_ops peer_ops = {"peer", peer_send, nothing_to_free};

static struct ip_prefix subnet_of(unsigned i)
{
	return (struct ip_prefix){ip_of(i, 3), 24};
}

static void make(void *argument)
{
	struct place *place = argument;
	struct hash_key key = {1, 2};
	struct leg_settings settings = {.mac = mac_of(place->number, 3),
		.address = subnet_of(place->number),
		.mtu = 1500,
		.key = key};
	nsec now = loop_now(worker_loop(place->worker));
	struct error error = {0};

	place->hub = hub_new("hub", &key);
	assert_int_equal(
		router_leg_new(worker_loop(place->worker), &settings, &place->leg, &error), 0);
	place->peer.ops = &peer_ops;
	place->answer.run = on_answer;
	assert_int_equal(hub_attach(place->hub, router_leg_port(place->leg), now), 0);
	assert_int_equal(hub_attach(place->hub, &place->peer, now), 0);
}

static void end(void *argument)
{
	struct place *place = argument;

	loop_undefer(worker_loop(place->worker), &place->answer);
	hub_free(place->hub);
}

static struct router_member member_of(struct place *place)
{
	return (struct router_member){place->leg, place->worker,
		{.subnet = subnet_of(place->number),
			.info = {.address = ip_of(place->number, 3), .mtu = 1500}}};
}

static void begin(struct place places[LEGS], struct router_member members[LEGS])
{
	for (unsigned i = 0; i < LEGS; i++) {
		places[i] = (struct place){.number = i, .worker = worker_start("hub")};
		worker_call(places[i].worker, make, &places[i]);
		members[i] = member_of(&places[i]);
	}
}

/* Ten datagrams from the peer on hub 0 to somebody on hub 1. */
static void say(void *argument)
{
	struct place *place = argument;

	for (unsigned i = 0; i < 10; i++) {
		struct endpoint from = {ip_of(0, 16), 1}, to = {ip_of(1, 16), 2};
		struct ip_fields ip = {.from = from.ip,
			.to = to.ip,
			.protocol = IP_PROTOCOL_UDP,
			.ttl = 9,
			.payload_len = UDP_HEADER_LEN + 4};
		uint8_t bytes[64], data[4];
		struct writer w = writer_on(bytes, sizeof(bytes));
		struct frame frame;

		store_be32(data, ++place->said);
		write_eth(&w, mac_of(0, 3), mac_of(0, 0x10), ETHERTYPE_IP4);
		write_ip(&w, &ip);
		write_udp(&w, &from, &to, data, sizeof(data));
		write_bytes(&w, data, sizeof(data));
		frame = frame_linear(bytes, (uint32_t)writer_len(&w));
		hub_receive(&place->peer, &frame, 1, loop_now(worker_loop(place->worker)));
	}
}

static void wait_for(struct place *place, unsigned count)
{
	for (unsigned i = 0; i < 5000 && atomic_load(&place->heard) < count; i++)
		usleep(1000);
	assert_int_equal(atomic_load(&place->heard), count);
}

static void finish(struct place places[LEGS], struct router_member members[LEGS])
{
	for (unsigned i = 0; i < LEGS; i++)
		assert_int_equal(router_join(&members[i + 1], LEGS - i - 1, &members[i]), 0);
	for (unsigned i = 0; i < LEGS; i++) {
		worker_call(places[i].worker, end, &places[i]);
		worker_stop(places[i].worker);
	}
}

static void test_crossing(void **)
{
	struct router_member members[LEGS];
	struct place places[LEGS];

	begin(places, members);
	assert_int_equal(router_join(members, LEGS, NULL), 0);
	worker_call(places[0].worker, say, &places[0]);
	wait_for(&places[1], 10);
	for (unsigned i = 0; i < 500; i++)
		worker_call(places[0].worker, say, &places[0]);
	wait_for(&places[1], 5010);
	assert_int_equal(places[1].out_of_order, 0);
	finish(places, members);
}

/* The third leg comes and goes, and nobody on the other two hears of it. */
static void test_joining_anew(void **)
{
	struct router_member members[LEGS];
	struct place places[LEGS];

	begin(places, members);
	assert_int_equal(router_join(members, 2, NULL), 0);
	worker_call(places[0].worker, say, &places[0]);
	wait_for(&places[1], 10);
	for (unsigned i = 0; i < 100; i++) {
		worker_call(places[0].worker, say, &places[0]);
		assert_int_equal(router_join(members, LEGS, NULL), 0);
		worker_call(places[0].worker, say, &places[0]);
		assert_int_equal(router_join(members, 2, &members[2]), 0);
	}
	wait_for(&places[1], 2010);
	assert_int_equal(places[1].out_of_order, 0);
	finish(places, members);
}

/* A reader that has fallen behind by more than it takes in a turn when the rings change. */
static void test_joining_anew_with_full_rings(void **)
{
	struct router_member members[LEGS];
	struct place places[LEGS];

	begin(places, members);
	assert_int_equal(router_join(members, 2, NULL), 0);
	worker_call(places[0].worker, say, &places[0]);
	wait_for(&places[1], 10);
	places[1].is_slow = true;
	for (unsigned i = 0; i < 300; i++)
		worker_call(places[0].worker, say, &places[0]);
	assert_int_equal(router_join(members, LEGS, NULL), 0);
	wait_for(&places[1], 3010);
	assert_int_equal(places[1].out_of_order, 0);
	finish(places, members);
}

static void test_leaving(void **)
{
	struct router_member members[LEGS];
	struct place places[LEGS];

	begin(places, members);
	assert_int_equal(router_join(members, LEGS, NULL), 0);
	worker_call(places[0].worker, say, &places[0]);
	wait_for(&places[1], 10);
	assert_int_equal(router_join(members, 1, &members[1]), 0);
	worker_call(places[0].worker, say, &places[0]);
	usleep(20000);
	wait_for(&places[1], 10);
	finish(places, members);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crossing),
		cmocka_unit_test(test_joining_anew),
		cmocka_unit_test(test_joining_anew_with_full_rings),
		cmocka_unit_test(test_leaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
