/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hub with the way to a link and a station that hears what comes from there. */
#include "port/link/forge.h"

#include "hub/hub.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MTU 1380
#define NOW (5 * NSEC_PER_SEC)

static const struct mac NEAR = {{0x02, 0, 0, 0, 0, 0x01}}, FAR = {{0x02, 0, 0, 0, 0, 0x02}};

static struct loop *loop;
static struct hub *hub;
static struct port way, station;
static struct forge forge;
static uint8_t got[2000], sent[2000];
static uint32_t got_len;
static unsigned got_count;

static void keep(struct port *, const struct frame *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		got_len = frame_copy(&frames[i], 0, got, sizeof(got));
		got_count++;
	}
}

static void ignore(struct port *, const struct frame *, unsigned)
{
}

static void let_go(struct port *)
{
}

static const struct port_ops way_ops = {.kind = "way", .send = ignore, .free = let_go};
static const struct port_ops station_ops = {.kind = "station", .send = keep, .free = let_go};

static int set_up(void **)
{
	static const struct hash_key key = {1, 2};

	loop = loop_new();
	hub = hub_new("hub0", &key);
	way = (struct port){.ops = &way_ops, .takes = TAKES_ALL};
	station = (struct port){.ops = &station_ops, .takes = TAKES_ALL};
	forge_init(&forge, &way, loop);
	got_count = 0;
	return hub_attach(hub, &way, NOW) || hub_attach(hub, &station, NOW);
}

static int tear_down(void **)
{
	forge_done(&forge);
	hub_free(hub);
	loop_free(loop);
	return 0;
}

static void stop(struct task *)
{
	loop_stop(loop);
}

static void turn(void)
{
	struct task task = {.run = stop};

	loop_defer(loop, &task);
	assert_int_equal(loop_run(loop), 0);
}

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

struct sample {
	const char *from, *to;
	struct mac to_mac;
	uint32_t len;		 /* of the IP packet */
	uint8_t protocol, first; /* byte behind the IP header */
	bool may_fragment, has_tag;
	uint16_t fragment;
};

static const struct sample usual = {.from = "10.5.0.1",
	.to = "10.5.0.2",
	.to_mac = {{0x02, 0, 0, 0, 0, 0x02}},
	.len = 1500,
	.protocol = IP_PROTOCOL_UDP};

static struct frame frame_of(const struct sample *sample)
{
	struct ip_fields ip = {.from = ip_of(sample->from),
		.to = ip_of(sample->to),
		.protocol = sample->protocol,
		.ttl = 64,
		.may_not_fragment = !sample->may_fragment,
		.fragment = sample->fragment};
	struct writer w = writer_on(sent, sizeof(sent));
	uint32_t header_len = ip_header_len(ip.to), at;

	memset(sent, 0, sizeof(sent));
	write_bytes(&w, &sample->to_mac, sizeof(struct mac));
	write_bytes(&w, &NEAR, sizeof(struct mac));
	if (sample->has_tag)
		write_be32(&w, (uint32_t)ETHERTYPE_VLAN << 16 | 7);
	write_be16(&w, header_len == IP4_HEADER_LEN ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	ip.payload_len = sample->len - header_len;
	write_ip(&w, &ip);
	at = (uint32_t)writer_len(&w);
	sent[at] = sample->first;
	if (sample->protocol == IP_PROTOCOL_UDP)
		store_be16(sent + at + 4, (uint16_t)ip.payload_len);
	return frame_linear(sent, at + ip.payload_len);
}

static void send(const struct sample *sample, nsec now)
{
	struct frame frame = frame_of(sample);

	forge_too_big(&forge, MTU, &frame, now);
}

/* From whom the packet was for, to whom it was from, about it. */
static void expect_told(const struct sample *sample, uint32_t len, uint8_t type, uint8_t code)
{
	const uint32_t l3 = ETH_HEADER_LEN + (sample->has_tag ? ETH_VLAN_LEN : 0);
	const bool is_v4 = type == ICMP_UNREACHABLE;
	struct packet packet;
	uint32_t sum = 0;

	assert_int_equal(got_count, 1);
	assert_int_equal(got_len, l3 + len);
	assert_memory_equal(got, &NEAR, sizeof(NEAR));
	assert_memory_equal(got + 6, &FAR, sizeof(FAR));
	assert_memory_equal(got + 12, sent + 12, l3 - 12);
	assert_int_equal(packet_parse(got, got_len, got_len, &packet), PACKET_OK);
	assert_true(ip_equal(packet.from, ip_of(sample->to)));
	assert_true(ip_equal(packet.to, ip_of(sample->from)));
	assert_int_equal(got[packet.l4], type);
	assert_int_equal(got[packet.l4 + 1], code);
	assert_int_equal(load_be32(got + packet.l4 + 4), MTU);
	assert_memory_equal(got + packet.l4 + ICMP_HEADER_LEN, sent + l3,
		got_len - packet.l4 - ICMP_HEADER_LEN);
	if (!is_v4)
		sum = checksum_pseudo(
			packet.from, packet.to, IP_PROTOCOL_ICMP6, got_len - packet.l4);
	assert_int_equal(checksum_fold(checksum_add(sum, got + packet.l4, got_len - packet.l4)), 0);
}

static void tells_of_ip4(void **)
{
	struct sample tagged = usual;

	send(&usual, NOW);
	assert_int_equal(got_count, 0); /* not from within a port's send() */
	turn();
	expect_told(&usual, 576, ICMP_UNREACHABLE, ICMP_TOO_BIG);
	got_count = 0;
	tagged.has_tag = true;
	send(&tagged, NOW);
	turn();
	expect_told(&tagged, 576, ICMP_UNREACHABLE, ICMP_TOO_BIG);
}

static void tells_of_ip6(void **)
{
	struct sample sample = usual;

	sample.from = "fd00::1";
	sample.to = "fd00::2";
	send(&sample, NOW);
	turn();
	expect_told(&sample, IP6_MTU_MIN, ICMP6_TOO_BIG, 0);
}

static void is_silent_about_the_rest(void **)
{
	struct sample samples[10];
	struct frame frame;

	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++)
		samples[i] = usual;
	samples[0].may_fragment = true;
	samples[1].len = MTU;
	samples[2].to_mac = (struct mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	samples[3].to = "224.0.0.251";
	samples[4].to = "255.255.255.255";
	samples[5].from = "0.0.0.0";
	samples[6].from = "127.0.0.1";
	samples[7].protocol = IP_PROTOCOL_ICMP;
	samples[7].first = ICMP_UNREACHABLE;
	samples[8].fragment = 185; /* a later piece */
	samples[9].from = "fd00::1";
	samples[9].to = "fd00::2";
	samples[9].protocol = IP_PROTOCOL_ICMP6;
	samples[9].first = ICMP6_TOO_BIG;
	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++)
		send(&samples[i], NOW);
	frame = frame_of(&usual);
	sent[12] = 0x88; /* not IP */
	forge_too_big(&forge, MTU, &frame, NOW);
	frame = frame_of(&usual);
	frame.len = frame.head_len = 20;
	forge_too_big(&forge, MTU, &frame, NOW);
	turn();
	assert_int_equal(got_count, 0);
}

/* An MTU that IPv6 does not go below would be taken for an attack. */
static void is_silent_below_what_ip6_takes(void **)
{
	struct sample sample = usual;
	struct frame frame;

	sample.from = "fd00::1";
	sample.to = "fd00::2";
	frame = frame_of(&sample);
	forge_too_big(&forge, 1279, &frame, NOW);
	turn();
	assert_int_equal(got_count, 0);
}

static void tells_so_often(void **)
{
	struct sample other = usual;

	other.to = "10.5.0.3";
	for (unsigned i = 0; i < 50; i++) {
		send(&usual, NOW); /* one super-frame */
		send(&other, NOW);
	}
	turn();
	assert_int_equal(got_count, 2);
	for (unsigned i = 0; i < 300; i++) {
		send(&usual, NOW);
		turn();
	}
	assert_int_equal(got_count, 100);
	for (unsigned i = 0; i < 300; i++) {
		send(&usual, NOW + NSEC_PER_SEC / 2);
		turn();
	}
	assert_int_equal(got_count, 150);
}

static void leaves_nothing(void **)
{
	send(&usual, NOW);
	forge_done(&forge);
	turn();
	assert_int_equal(got_count, 0);
}

#define FORGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORGE_TEST(tells_of_ip4),
		FORGE_TEST(tells_of_ip6),
		FORGE_TEST(is_silent_about_the_rest),
		FORGE_TEST(is_silent_below_what_ip6_takes),
		FORGE_TEST(tells_so_often),
		FORGE_TEST(leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
