/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: a host on a real hub, and a port beside it that says what it is told to and keeps
 * what it hears. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ip/checksum.h"
#include "ip/host.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/udp.h"

#define HEARD_MAX 200

struct heard {
	uint8_t *bytes;
	struct frame frame; /* linear, on bytes */
	struct packet packet;
};

struct fixture {
	struct hub *hub;
	struct host host;
	struct machine machine;
	unsigned wakes;
	nsec now;
	nsec next; /* what the last host_run() said */
	struct port peer;
	struct heard heard[HEARD_MAX];
	unsigned heard_count;
	unsigned transits, conflicts;
	struct packet transit;
	uint8_t transit_bytes[ETH_FRAME_MAX];
	uint32_t transit_len;
	struct ip conflict_ip;
	struct mac conflict_mac;
	uint8_t out[ETH_FRAME_MAX]; /* the frame to be said */
	struct writer w;
};

static const struct mac host_mac = {{2, 0, 0, 0, 0, 2}}, peer_mac = {{2, 0, 0, 0, 0, 0x10}},
			other_mac = {{2, 0, 0, 0, 0, 0x11}};

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

static inline struct endpoint at(const char *ip, uint16_t port)
{
	return (struct endpoint){ip_of_text(ip), port};
}

static inline void peer_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct fixture *f = CONTAINER_OF(port, struct fixture, peer);

	for (unsigned i = 0; i < count; i++) {
		struct heard *heard = &f->heard[f->heard_count++];

		assert_true(f->heard_count <= HEARD_MAX);
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

static inline void on_transit(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec)
{
	struct fixture *f = CONTAINER_OF(host, struct fixture, host);

	f->transits++;
	f->transit = *packet;
	f->transit_len = frame_copy(frame, 0, f->transit_bytes, frame->len);
}

static inline void on_conflict(struct host *host, struct ip ip, struct mac mac)
{
	struct fixture *f = CONTAINER_OF(host, struct fixture, host);

	f->conflicts++;
	f->conflict_ip = ip;
	f->conflict_mac = mac;
}

static inline void on_wake(struct machine *machine)
{
	CONTAINER_OF(machine, struct fixture, machine)->wakes++;
}

static const struct port_ops peer_ops = {"peer", peer_send, nothing_to_free};
static const struct port_ops host_port_ops = {"host", host_receive, nothing_to_free};
static const struct host_ops fixture_ops = {on_transit, on_conflict};

static inline struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct hash_key key = {1, 2};
	struct ip_prefix four = prefix_of_text("192.168.120.2/24");
	struct ip_prefix six = prefix_of_text("fd00:8::2/64");

	f->now = 1000 * NSEC_PER_SEC;
	f->machine.wake = on_wake;
	f->hub = hub_new("hub8", &key);
	assert_int_equal(host_init(&f->host, &fixture_ops, &f->machine, host_mac, &key), 0);
	f->host.port.ops = &host_port_ops;
	f->host.port.mtu = 1500;
	assert_int_equal(host_add_address(&f->host, &four), 0);
	assert_int_equal(host_add_address(&f->host, &six), 0);
	f->peer.ops = &peer_ops;
	assert_int_equal(hub_attach(f->hub, &f->host.port, f->now), 0);
	assert_int_equal(hub_attach(f->hub, &f->peer, f->now), 0);
	return f;
}

static inline void forget_heard(struct fixture *f)
{
	for (unsigned i = 0; i < f->heard_count; i++)
		free(f->heard[i].bytes);
	f->heard_count = 0;
}

static inline void fixture_free(struct fixture *f)
{
	forget_heard(f);
	hub_free(f->hub);
	host_done(&f->host);
	free(f);
}

static inline void run(struct fixture *f)
{
	f->wakes = 0;
	f->next = host_run(&f->host, f->now);
}

static inline void pass(struct fixture *f, nsec time)
{
	f->now += time;
	run(f);
}

/* Says a frame as it is; the host runs when it asked for it. */
static inline void say_frame(struct fixture *f, const struct frame *frame)
{
	hub_receive(&f->peer, frame, 1, f->now);
	if (f->wakes)
		run(f);
}

static inline void say(struct fixture *f)
{
	struct frame frame = frame_linear(f->out, (uint32_t)writer_len(&f->w));

	assert_false(f->w.failed);
	say_frame(f, &frame);
}

static inline void begin(struct fixture *f, struct mac to, uint16_t type)
{
	f->w = writer_on(f->out, sizeof(f->out));
	write_eth(&f->w, to, peer_mac, type);
}

static inline void begin_ip(struct fixture *f, struct mac to_mac, const struct ip_fields *ip)
{
	struct ip_fields fields = *ip;

	if (!fields.ttl)
		fields.ttl = 64;
	begin(f, to_mac, ip_is_v4(ip->to) ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&f->w, &fields);
}

static inline void say_udp(struct fixture *f, struct mac to_mac, struct endpoint from,
	struct endpoint to, const void *data, uint32_t len)
{
	struct ip_fields ip = {.from = from.ip,
		.to = to.ip,
		.protocol = IP_PROTOCOL_UDP,
		.payload_len = UDP_HEADER_LEN + len};

	begin_ip(f, to_mac, &ip);
	write_udp(&f->w, &from, &to, data, len);
	write_bytes(&f->w, data, len);
	say(f);
}

/* Fills the checksum of what begins at l4 and is the rest of the frame. */
static inline void fill_checksum(
	struct fixture *f, size_t l4, size_t offset, struct ip from, struct ip to, uint8_t protocol)
{
	size_t len = writer_len(&f->w) - l4;
	uint32_t sum = protocol == IP_PROTOCOL_ICMP
			       ? 0
			       : checksum_pseudo(from, to, protocol, (uint32_t)len);
	uint16_t checksum = checksum_fold(checksum_add(sum, f->out + l4, len));

	memcpy(f->out + l4 + offset, &checksum, sizeof(checksum));
}

static inline void begin_icmp(struct fixture *f, struct mac to_mac, struct ip from, struct ip to,
	uint8_t ttl, const void *message, uint32_t len)
{
	uint8_t protocol = ip_is_v4(to) ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6;
	struct ip_fields ip = {
		.from = from, .to = to, .protocol = protocol, .ttl = ttl, .payload_len = len};
	size_t l4;

	begin_ip(f, to_mac, &ip);
	l4 = writer_len(&f->w);
	write_bytes(&f->w, message, len);
	fill_checksum(f, l4, 2, from, to, protocol);
}

static inline void say_arp(struct fixture *f, struct mac to, uint16_t operation,
	struct mac from_mac, const char *from_ip, const char *to_ip)
{
	struct arp arp = {.operation = operation,
		.from_mac = from_mac,
		.from = ip_to_v4(ip_of_text(from_ip)),
		.to = ip_to_v4(ip_of_text(to_ip))};

	begin(f, to, ETHERTYPE_ARP);
	write_arp(&f->w, &arp);
	say(f);
}

static inline struct arp heard_arp(const struct fixture *f, unsigned i)
{
	struct arp arp;

	assert_true(i < f->heard_count);
	assert_int_equal(f->heard[i].packet.ethertype, ETHERTYPE_ARP);
	assert_true(arp_parse(
		f->heard[i].bytes + ETH_HEADER_LEN, f->heard[i].frame.len - ETH_HEADER_LEN, &arp));
	return arp;
}

static inline struct mac heard_to(const struct fixture *f, unsigned i)
{
	struct mac mac;

	assert_true(i < f->heard_count);
	memcpy(&mac, f->heard[i].bytes, sizeof(mac));
	return mac;
}

static inline uint64_t drops(const struct fixture *f, enum drop reason)
{
	return f->host.port.out.drops[reason];
}

static inline uint64_t drops_in(const struct fixture *f, enum drop reason)
{
	return f->host.port.in.drops[reason];
}

/* The host lost exactly this one frame since the fixture was made, and for this reason. */
static inline void assert_only_drop(const struct fixture *f, enum drop reason)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_int_equal(f->host.port.out.drops[i], i == reason);
}

static inline void assert_no_drops(const struct fixture *f)
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		assert_int_equal(f->host.port.out.drops[i], 0);
		assert_int_equal(f->host.port.in.drops[i], 0);
	}
}

/* A cmocka test of a function of a fixture. */
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
