/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests: a router with legs on three hubs, and on each hub a peer that says what it is told to
 * and keeps what it hears.
 *
 *   .3, ::3 of 10.0.I.0/24 and fd00:I::/64 on hub I; MTU 1500, 1380 and 1500
 *   leg 0: 172.16.0.0/12 via 10.0.0.9, fd77::/16 via fd00:0::9; 10.7.0.0/24 and fd07::/64 on hub 0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hub/segment.h"
#include "ip/checksum.h"
#include "ip/router/leg.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define LEGS	  3
#define HEARD_MAX 400

struct heard {
	uint8_t *bytes;
	struct frame frame; /* linear, on bytes */
	struct packet packet;
};

struct place {
	struct hub *hub;
	struct leg leg;
	struct port peer;
	bool is_woken;
	nsec next;
	struct heard heard[HEARD_MAX];
	unsigned heard_count;
	bool is_mute; /* the peer does not answer ARP and ND */
};

struct fixture {
	struct place places[LEGS];
	nsec now;
	uint8_t out[ETH_FRAME_MAX];
	struct writer w;
};

static inline struct ip ip_of_text(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

static inline struct ip_prefix prefix_of_text(const char *text)
{
	struct ip_prefix prefix;

	assert_true(prefix_parse(text, &prefix));
	return prefix;
}

static inline struct mac leg_mac(unsigned i)
{
	return (struct mac){{2, 0, 0, 0, (uint8_t)i, 3}};
}

static inline struct mac peer_mac(unsigned i)
{
	return (struct mac){{2, 0, 0, 0, (uint8_t)i, 0x10}};
}

static inline struct mac to_of(const struct frame *frame)
{
	struct mac mac;

	memcpy(&mac, frame->head, sizeof(mac));
	return mac;
}

static inline void peer_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct place *place = CONTAINER_OF(port, struct place, peer);

	for (unsigned i = 0; i < count; i++) {
		struct heard *heard = &place->heard[place->heard_count++];

		assert_true(place->heard_count <= HEARD_MAX);
		heard->bytes = malloc(frames[i].len);
		assert_int_equal(
			frame_copy(&frames[i], 0, heard->bytes, frames[i].len), frames[i].len);
		assert_true(frames[i].head_len >= MIN(frames[i].len, FRAME_HEAD_MIN));
		heard->frame = frame_linear(heard->bytes, frames[i].len);
		heard->frame.offload = frames[i].offload;
		assert_int_equal(
			packet_parse(heard->bytes, frames[i].len, frames[i].len, &heard->packet),
			PACKET_OK);
		if (heard->packet.version && !heard->packet.is_fragment)
			assert_true(host_checksum_is_right(&heard->frame, &heard->packet));
	}
}

static inline void nothing_to_free(struct port *)
{
}

static inline void on_wake(struct machine *machine)
{
	CONTAINER_OF(machine, struct place, leg.machine)->is_woken = true;
}

static inline unsigned number_of(const struct fixture *f, const struct place *place)
{
	return (unsigned)(place - f->places);
}

/* Says what is in f->out through the hub's peer; the legs have not had their turns yet. */
static inline void say_only(struct fixture *f, unsigned i, const struct offload *offload)
{
	struct frame frame = frame_linear(f->out, (uint32_t)writer_len(&f->w));

	assert_false(f->w.failed);
	if (offload)
		frame.offload = *offload;
	hub_receive(&f->places[i].peer, &frame, 1, f->now);
}

static inline bool turn(struct fixture *f)
{
	bool was_busy = false;

	for (unsigned i = 0; i < LEGS; i++) {
		struct leg *leg = &f->places[i].leg;

		for (unsigned j = 0; leg->map && j < leg->map->leg_count; j++)
			if (j != leg->map->self)
				while (!leg_drain(leg, leg->map->in[j], f->now))
					;
		if (!f->places[i].is_woken)
			continue;
		f->places[i].is_woken = false;
		was_busy = true;
		f->places[i].next = leg->machine.run(&leg->machine, f->now);
	}
	return was_busy;
}

static inline void answer_questions(struct fixture *f, unsigned i, unsigned from);

/* Until nobody has anything to say. The peers answer ARP and ND for any address. */
static inline void settle(struct fixture *f)
{
	bool was_busy = true;

	for (unsigned round = 0; was_busy && round < 20; round++) {
		unsigned before[LEGS];

		for (unsigned i = 0; i < LEGS; i++)
			before[i] = f->places[i].heard_count;
		was_busy = turn(f);
		for (unsigned i = 0; i < LEGS; i++)
			answer_questions(f, i, before[i]);
	}
}

static inline void forget_heard(struct fixture *f)
{
	for (unsigned i = 0; i < LEGS; i++) {
		for (unsigned j = 0; j < f->places[i].heard_count; j++)
			free(f->places[i].heard[j].bytes);
		f->places[i].heard_count = 0;
	}
}

static inline void begin(struct fixture *f, struct mac to, struct mac from, uint16_t type)
{
	f->w = writer_on(f->out, sizeof(f->out));
	write_eth(&f->w, to, from, type);
}

/* Leaves f->out as it is. */
static inline void say_aside(struct fixture *f, unsigned i, const struct writer *w)
{
	struct frame frame = frame_linear(w->start, (uint32_t)writer_len(w));

	assert_false(w->failed);
	hub_receive(&f->places[i].peer, &frame, 1, f->now);
}

static inline void answer_arp(struct fixture *f, unsigned i, const struct heard *asked)
{
	uint8_t out[100];
	struct writer w = writer_on(out, sizeof(out));
	struct arp arp;

	assert_true(
		arp_parse(asked->bytes + ETH_HEADER_LEN, asked->frame.len - ETH_HEADER_LEN, &arp));
	assert_true(arp.from.be); /* it asks as a neighbour, not as one who probes */
	write_eth(&w, leg_mac(i), peer_mac(i), ETHERTYPE_ARP);
	write_arp(&w, &(struct arp){.operation = ARP_REPLY,
			      .from_mac = peer_mac(i),
			      .from = arp.to,
			      .to_mac = leg_mac(i),
			      .to = arp.from});
	say_aside(f, i, &w);
}

static inline void answer_solicit(struct fixture *f, unsigned i, const struct heard *asked)
{
	uint8_t body[ND_NEIGHBOUR_LEN + 8] = {
		ICMP6_NEIGHBOUR_ADVERT, 0, 0, 0, ND_SOLICITED | ND_OVERRIDE};
	struct mac mac = peer_mac(i);
	struct ip_fields ip = {.to = asked->packet.from,
		.protocol = IP_PROTOCOL_ICMP6,
		.ttl = ND_HOP_LIMIT,
		.payload_len = sizeof(body)};
	uint8_t out[100];
	struct writer w = writer_on(out, sizeof(out));
	uint16_t checksum;

	memcpy(&ip.from, asked->bytes + asked->packet.l4 + 8, sizeof(ip.from));
	memcpy(body + 8, &ip.from, sizeof(ip.from));
	body[24] = ND_OPTION_TARGET_MAC;
	body[25] = 1;
	memcpy(body + 26, &mac, sizeof(mac));
	checksum = checksum_fold(
		checksum_add(checksum_pseudo(ip.from, ip.to, IP_PROTOCOL_ICMP6, sizeof(body)), body,
			sizeof(body)));
	memcpy(body + 2, &checksum, sizeof(checksum));
	write_eth(&w, leg_mac(i), mac, ETHERTYPE_IP6);
	write_ip(&w, &ip);
	write_bytes(&w, body, sizeof(body));
	say_aside(f, i, &w);
}

static inline bool is_solicit(const struct heard *heard)
{
	return heard->packet.version == 6 && heard->packet.protocol == IP_PROTOCOL_ICMP6 &&
	       heard->bytes[heard->packet.l4] == ICMP6_NEIGHBOUR_SOLICIT;
}

/* The questions are forgotten: what is heard is what was forwarded. */
static inline void answer_questions(struct fixture *f, unsigned i, unsigned from)
{
	struct place *place = &f->places[i];
	unsigned kept = from;

	for (unsigned j = from; j < place->heard_count; j++) {
		struct heard *heard = &place->heard[j];

		if (heard->packet.ethertype != ETHERTYPE_ARP && !is_solicit(heard)) {
			place->heard[kept++] = *heard;
			continue;
		}
		if (!place->is_mute && heard->packet.ethertype == ETHERTYPE_ARP)
			answer_arp(f, i, heard);
		else if (!place->is_mute)
			answer_solicit(f, i, heard);
		free(heard->bytes);
	}
	place->heard_count = kept;
}

static const struct port_ops peer_ops = {"peer", peer_send, nothing_to_free};
static const struct port_ops leg_ops = {"router", leg_receive, nothing_to_free};

static inline void add_place(struct fixture *f, unsigned i, struct router_site *ret_site)
{
	static const uint32_t mtu[LEGS] = {1500, 1380, 1500};
	struct place *place = &f->places[i];
	struct hash_key key = {1, 2};
	struct leg_settings settings = {.mac = leg_mac(i), .mtu = mtu[i], .key = key};
	char text[64];

	snprintf(text, sizeof(text), "10.0.%u.3/24", i);
	settings.address = prefix_of_text(text);
	snprintf(text, sizeof(text), "fd00:%u::3/64", i);
	settings.address6 = prefix_of_text(text);
	place->hub = hub_new("hub", &key);
	assert_int_equal(leg_init(&place->leg, &settings), 0);
	place->leg.machine.wake = on_wake;
	place->leg.host.port.ops = &leg_ops;
	place->peer.ops = &peer_ops;
	place->peer.takes = TAKES_ALL;
	assert_int_equal(hub_attach(place->hub, &place->leg.host.port, f->now), 0);
	assert_int_equal(hub_attach(place->hub, &place->peer, f->now), 0);
	*ret_site = (struct router_site){.subnet = settings.address,
		.subnet6 = settings.address6,
		.info = {.address = settings.address.address,
			.address6 = settings.address6.address,
			.mtu = mtu[i]}};
	snprintf(ret_site->info.hub, sizeof(ret_site->info.hub), "hub%u", i);
}

static inline struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct router_site sites[LEGS];
	struct router_map *maps[LEGS];
	struct ip_route routes[] = {
		{.to = prefix_of_text("172.16.0.0/12"), .via = ip_of_text("10.0.0.9")},
		{.to = prefix_of_text("fd77::/16"), .via = ip_of_text("fd00:0::9")},
		{.to = prefix_of_text("10.7.0.0/24")},
		{.to = prefix_of_text("fd07::/64")},
	};

	f->now = 1000 * NSEC_PER_SEC;
	for (unsigned i = 0; i < LEGS; i++)
		add_place(f, i, &sites[i]);
	sites[0].routes = routes;
	sites[0].route_count = ARRAY_SIZE(routes);
	assert_int_equal(router_maps_new(sites, LEGS, (size_t)1 << 20, maps), 0);
	for (unsigned i = 0; i < LEGS; i++)
		assert_null(leg_set_map(&f->places[i].leg, maps[i]));
	return f;
}

static inline void fixture_free(struct fixture *f)
{
	forget_heard(f);
	for (unsigned i = 0; i < LEGS; i++) {
		hub_free(f->places[i].hub);
		leg_done(&f->places[i].leg);
		router_map_free(f->places[i].leg.map);
	}
	free(f);
}

static inline void pass(struct fixture *f, nsec time)
{
	f->now += time;
	for (unsigned i = 0; i < LEGS; i++)
		f->places[i].is_woken = true;
	settle(f);
}

static inline void say(struct fixture *f, unsigned i)
{
	say_only(f, i, NULL);
	settle(f);
}

/* A datagram to the leg's MAC address, with an IP header as told. */
static inline void begin_udp(
	struct fixture *f, unsigned i, const struct ip_fields *ip, const void *data, uint32_t len)
{
	struct ip_fields fields = *ip;
	struct endpoint from = {ip->from, 1000}, to = {ip->to, 2000};

	fields.protocol = IP_PROTOCOL_UDP;
	fields.payload_len = UDP_HEADER_LEN + len;
	fields.ttl = ip->ttl ? ip->ttl : 64;
	begin(f, leg_mac(i), peer_mac(i), ip_is_v4(ip->to) ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&f->w, &fields);
	write_udp(&f->w, &from, &to, data, len);
	write_bytes(&f->w, data, len);
}

static inline void say_udp(
	struct fixture *f, unsigned i, const struct ip_fields *ip, const void *data, uint32_t len)
{
	begin_udp(f, i, ip, data, len);
	say(f, i);
}

static inline struct ip_fields between(const char *from, const char *to)
{
	return (struct ip_fields){.from = ip_of_text(from), .to = ip_of_text(to)};
}

static inline const struct heard *only_heard(const struct fixture *f, unsigned i)
{
	for (unsigned j = 0; j < LEGS; j++)
		assert_int_equal(f->places[j].heard_count, j == i);
	return &f->places[i].heard[0];
}

static inline void assert_silence(const struct fixture *f)
{
	for (unsigned j = 0; j < LEGS; j++)
		assert_int_equal(f->places[j].heard_count, 0);
}

static inline uint64_t drops(const struct fixture *f, unsigned i, enum drop reason)
{
	return f->places[i].leg.host.port.out.drops[reason];
}

static inline void assert_ip_equal(struct ip ip, const char *text)
{
	char own[IP_TEXT_SIZE];

	assert_string_equal(ip_format(ip, own), text);
}

/* An ICMP error of the type and code, from and to, that quotes what was said last. */
static inline void assert_error(const struct fixture *f, const struct heard *heard, uint8_t type,
	uint8_t code, const char *from, const char *to)
{
	const uint8_t *icmp = heard->bytes + heard->packet.l4;

	assert_int_equal(heard->packet.protocol,
		heard->packet.version == 4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6);
	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], code);
	assert_ip_equal(heard->packet.from, from);
	assert_ip_equal(heard->packet.to, to);
	/* TTL and what depends on it may have changed since: the addresses have not. */
	assert_memory_equal(icmp + ICMP_HEADER_LEN + 12, f->out + ETH_HEADER_LEN + 12, 8);
}

static inline int set_up(void **state)
{
	*state = fixture_new();
	return 0;
}

static inline int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

#define FIXTURE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
