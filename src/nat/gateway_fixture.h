/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: a gateway on a real hub, a guest beside it that says what it is told to and keeps what
 * it hears, and an outside without descriptors. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ip/checksum.h"
#include "nat/fake_outside.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/udp.h"

#define HEARD_MAX 64

struct heard {
	uint8_t *bytes;
	struct frame frame; /* linear, on bytes */
	struct packet packet;
};

struct fixture {
	struct hub *hub;
	struct gateway gateway;
	struct fake_outside outside;
	struct port guest;
	struct heard heard[HEARD_MAX];
	unsigned heard_count;
	bool is_woken;
	nsec next; /* what the last run said */
	uint8_t out[65600];
	struct writer w;
	struct offload offload; /* of the next frame said, once */
	uint8_t ttl, tos;	/* likewise; 0: 64, and none */
	bool may_not_fragment;
};

static const struct mac gateway_mac = {{2, 0, 0, 0, 0, 2}}, guest_mac = {{2, 0, 0, 0, 0, 0x10}};

static inline struct ip ip_of_text(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

static inline struct endpoint at(const char *ip, uint16_t port)
{
	return (struct endpoint){ip_of_text(ip), port};
}

static inline void guest_hears(struct port *port, const struct frame *frames, unsigned count)
{
	struct fixture *f = CONTAINER_OF(port, struct fixture, guest);

	for (unsigned i = 0; i < count; i++) {
		struct heard *heard = &f->heard[f->heard_count++];

		assert_true(f->heard_count <= HEARD_MAX);
		heard->bytes = malloc(frames[i].len);
		assert_int_equal(
			frame_copy(&frames[i], 0, heard->bytes, frames[i].len), frames[i].len);
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

static const struct port_ops guest_ops = {"guest", guest_hears, nothing_to_free};
static const struct port_ops gateway_ops = {"nat", gateway_receive, nothing_to_free};

static inline void on_wake(struct machine *machine)
{
	CONTAINER_OF(machine, struct fixture, gateway.machine)->is_woken = true;
}

static inline struct fixture *fixture_new(uint32_t flows_max, bool may_reach_host)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct gateway_settings settings = {.name = "nat0",
		.mac = gateway_mac,
		.mtu = 1500,
		.flows_max = flows_max,
		.may_reach_host = may_reach_host,
		.memory_max = 1 << 20,
		.key = {1, 2}};

	assert_true(prefix_parse("192.168.120.2/24", &settings.address));
	assert_true(prefix_parse("fd00:8::2/64", &settings.address6));
	fake_outside_init(&f->outside);
	f->outside.now = 1000 * NSEC_PER_SEC;
	assert_int_equal(gateway_init(&f->gateway, &settings, &f->outside.outside, NULL), 0);
	f->gateway.machine.wake = on_wake;
	f->gateway.host.port.ops = &gateway_ops;
	f->hub = hub_new("hub8", &settings.key);
	f->guest.ops = &guest_ops;
	f->guest.takes = TAKES_ALL;
	assert_int_equal(hub_attach(f->hub, &f->gateway.host.port, f->outside.now), 0);
	assert_int_equal(hub_attach(f->hub, &f->guest, f->outside.now), 0);
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
	gateway_done(&f->gateway);
	assert_int_equal(fake_open_count(&f->outside), 0);
	fake_outside_done(&f->outside);
	free(f);
}

static inline void run(struct fixture *f)
{
	while (f->is_woken) {
		f->is_woken = false;
		f->next = f->gateway.machine.run(&f->gateway.machine, f->outside.now);
	}
}

/* Time passes in steps, so that every deadline on the way is kept. */
static inline void pass(struct fixture *f, nsec time)
{
	nsec end = f->outside.now + time;

	while (f->next <= end && f->next != NSEC_NEVER) {
		f->outside.now = MAX(f->next, f->outside.now);
		f->is_woken = true;
		run(f);
	}
	f->outside.now = end;
}

static inline void say(struct fixture *f)
{
	struct frame frame = frame_linear(f->out, (uint32_t)writer_len(&f->w));

	assert_false(f->w.failed);
	frame.offload = f->offload;
	f->offload = (struct offload){0};
	f->ttl = f->tos = 0;
	f->may_not_fragment = false;
	hub_receive(&f->guest, &frame, 1, f->outside.now);
	run(f);
}

static inline size_t begin_ip(
	struct fixture *f, struct ip from, struct ip to, uint8_t protocol, uint32_t len)
{
	struct ip_fields ip = {.from = from,
		.to = to,
		.protocol = protocol,
		.ttl = f->ttl ? f->ttl : 64,
		.tos = f->tos,
		.may_not_fragment = f->may_not_fragment,
		.payload_len = len};

	f->w = writer_on(f->out, sizeof(f->out));
	write_eth(&f->w, gateway_mac, guest_mac, ip_is_v4(to) ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&f->w, &ip);
	return writer_len(&f->w);
}

static inline void say_udp(
	struct fixture *f, struct endpoint from, struct endpoint to, const void *data, uint32_t len)
{
	begin_ip(f, from.ip, to.ip, IP_PROTOCOL_UDP, UDP_HEADER_LEN + len);
	write_udp(&f->w, &from, &to, data, len);
	write_bytes(&f->w, data, len);
	say(f);
}

static inline void say_icmp(
	struct fixture *f, struct ip from, struct ip to, const uint8_t *message, uint32_t len)
{
	uint8_t protocol = ip_is_v4(to) ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6;
	size_t l4 = begin_ip(f, from, to, protocol, len);
	uint32_t sum = ip_is_v4(to) ? 0 : checksum_pseudo(from, to, protocol, len);
	uint16_t checksum;

	write_bytes(&f->w, message, len);
	checksum = checksum_fold(checksum_add(sum, f->out + l4, len));
	memcpy(f->out + l4 + 2, &checksum, sizeof(checksum));
	say(f);
}

/* What was heard last, or n before it. */
static inline const struct heard *heard(const struct fixture *f, unsigned n)
{
	assert_true(n < f->heard_count);
	return &f->heard[f->heard_count - 1 - n];
}

static inline void assert_ip(struct ip ip, const char *text)
{
	char shown[IP_TEXT_SIZE];

	assert_string_equal(ip_format(ip, shown), text);
}

static inline uint64_t drops(const struct fixture *f, enum drop reason)
{
	return f->gateway.host.port.out.drops[reason] + f->gateway.host.port.in.drops[reason];
}

/* Whether the last thing heard is this ICMP error, about a packet from port `from` to port `to`. */
static inline void assert_error(const struct fixture *f, uint8_t type, uint8_t code, uint32_t rest,
	uint16_t from, uint16_t to)
{
	const struct heard *last = heard(f, 0);
	const uint8_t *icmp = last->bytes + last->packet.l4;
	uint32_t l4 = ICMP_HEADER_LEN + ip_header_len(last->packet.to);

	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], code);
	assert_int_equal(load_be32(icmp + 4), rest);
	assert_int_equal(load_be16(icmp + l4), from);
	assert_int_equal(load_be16(icmp + l4 + 2), to);
}

static inline int set_up(void **state)
{
	*state = fixture_new(32, false);
	return 0;
}

static inline int tear_down(void **state)
{
	fixture_free(*state);
	return 0;
}

#define FIXTURE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
