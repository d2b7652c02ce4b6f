/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/packet.h"

#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/golden.h"
#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct ip ip_of(const char *text)
{
	struct ip ip = {{0}};

	assert_true(ip_parse(text, &ip));
	return ip;
}

static struct packet parse(const uint8_t *frame, size_t len)
{
	struct packet packet;

	assert_int_equal(packet_parse(frame, (uint32_t)len, (uint32_t)len, &packet), PACKET_OK);
	return packet;
}

static enum packet_result result_of(const uint8_t *frame, size_t len)
{
	struct packet packet;

	return packet_parse(frame, (uint32_t)len, (uint32_t)len, &packet);
}

/* A changed IPv4 header with a checksum that is right again. */
static void sum_ip4(uint8_t *frame)
{
	uint16_t checksum = 0;

	memcpy(frame + 24, &checksum, 2);
	checksum = checksum_fold(checksum_add(0, frame + 14, (frame[14] & 15u) * 4));
	memcpy(frame + 24, &checksum, 2);
}

static void test_tcp4(void **)
{
	struct packet p = parse(golden_tcp4, sizeof(golden_tcp4));

	assert_int_equal(p.ethertype, ETHERTYPE_IP4);
	assert_false(p.has_vlan);
	assert_int_equal(p.version, 4);
	assert_int_equal(p.protocol, IP_PROTOCOL_TCP);
	assert_int_equal(p.ttl, 64);
	assert_int_equal(p.tos, 0x10);
	assert_true(p.may_not_fragment);
	assert_false(p.is_fragment);
	assert_int_equal(p.fragment_id, 0x1234);
	assert_int_equal(p.l3, 14);
	assert_int_equal(p.l4, 34);
	assert_int_equal(p.payload, 66);
	assert_int_equal(p.end, sizeof(golden_tcp4));
	assert_true(ip_equal(p.from, ip_of("10.0.0.1")) && ip_equal(p.to, ip_of("10.0.0.2")));
	assert_int_equal(p.from_port, 40000);
	assert_int_equal(p.to_port, 443);
	assert_int_equal(p.tcp_flags, TCP_PSH | TCP_ACK);
}

static void test_udp4_tagged_and_padded(void **)
{
	struct packet p = parse(golden_udp4_tagged, sizeof(golden_udp4_tagged));

	assert_true(p.has_vlan);
	assert_int_equal(p.vlan, 5);
	assert_int_equal(p.ethertype, ETHERTYPE_IP4);
	assert_int_equal(p.ttl, 3);
	assert_int_equal(p.l3, 18);
	assert_int_equal(p.payload, 46);
	assert_int_equal(p.end, 49);
	assert_int_equal(p.from_port, 68);
	assert_int_equal(p.to_port, 67);
}

static void test_two_tags(void **)
{
	uint8_t frame[sizeof(golden_udp4_tagged) + 4];
	struct packet p;

	memcpy(frame, golden_udp4_tagged, 12);
	memcpy(frame + 12, "\x88\xa8\x20\x07", 4);
	memcpy(frame + 16, golden_udp4_tagged + 12, sizeof(golden_udp4_tagged) - 12);
	p = parse(frame, sizeof(frame));
	assert_int_equal(p.vlan, 7); /* the outer one */
	assert_int_equal(p.ethertype, ETHERTYPE_IP4);
	assert_int_equal(p.l3, 22);
	assert_int_equal(p.to_port, 67);
}

static void test_udp6_extended(void **)
{
	struct packet p = parse(golden_udp6_extended, sizeof(golden_udp6_extended));

	assert_int_equal(p.version, 6);
	assert_int_equal(p.protocol, IP_PROTOCOL_UDP);
	assert_int_equal(p.tos, 3);
	assert_int_equal(p.ttl, 7);
	assert_int_equal(p.l4, 14 + 40 + 16);
	assert_int_equal(p.payload, p.l4 + 8);
	assert_int_equal(p.end, sizeof(golden_udp6_extended));
	assert_true(ip_equal(p.from, ip_of("fd00::1")) && ip_equal(p.to, ip_of("fd00::2")));
	assert_int_equal(p.from_port, 1000);
	assert_int_equal(p.to_port, 53);
}

static void test_fragment6(void **)
{
	uint8_t frame[sizeof(golden_fragment6)];
	struct packet p = parse(golden_fragment6, sizeof(golden_fragment6));

	assert_true(p.is_fragment && p.has_more_fragments);
	assert_int_equal(p.fragment_offset, 1448);
	assert_int_equal(p.fragment_id, 0x11223344);
	assert_int_equal(p.protocol, IP_PROTOCOL_UDP);
	assert_int_equal(p.from_port, 0);
	assert_int_equal(p.l4, 62);
	assert_int_equal(p.payload, 62);

	memcpy(frame, golden_fragment6, sizeof(frame));
	store_be16(frame + 56, 0); /* RFC 6946: a fragment that is the whole */
	store_be16(frame + 66, 8);
	p = parse(frame, sizeof(frame));
	assert_false(p.is_fragment);
	assert_int_equal(p.from_port, 0x3132);
	assert_int_equal(p.payload, 70);
}

static void test_fragment4(void **)
{
	uint8_t frame[sizeof(golden_tcp4)];
	struct packet p;

	memcpy(frame, golden_tcp4, sizeof(frame));
	store_be16(frame + 20, 0x2000);
	sum_ip4(frame);
	p = parse(frame, sizeof(frame));
	assert_true(p.is_fragment && p.has_more_fragments && !p.fragment_offset);
	assert_int_equal(p.to_port, 443);

	store_be16(frame + 16, 28); /* ends within the TCP header */
	sum_ip4(frame);
	p = parse(frame, sizeof(frame));
	assert_true(p.is_fragment);
	assert_int_equal(p.to_port, 0);
	assert_int_equal(p.payload, p.l4);

	store_be16(frame + 20, 0x0002);
	sum_ip4(frame);
	p = parse(frame, sizeof(frame));
	assert_true(p.is_fragment && !p.has_more_fragments);
	assert_int_equal(p.fragment_offset, 16);
	assert_int_equal(p.to_port, 0);
}

static void test_not_ip(void **)
{
	struct packet p = parse(golden_arp, sizeof(golden_arp));

	assert_int_equal(p.ethertype, ETHERTYPE_ARP);
	assert_int_equal(p.version, 0);
	assert_int_equal(p.l3, 14);
}

static void test_echo(void **)
{
	struct packet p = parse(golden_echo4, sizeof(golden_echo4));

	assert_int_equal(p.protocol, IP_PROTOCOL_ICMP);
	assert_int_equal(p.payload, 42);
	assert_int_equal(result_of(golden_echo4, 41), PACKET_MALFORMED);
}

/* UDP ends where it says, which may be before the IP packet does. */
static void test_udp_length(void **)
{
	uint8_t frame[sizeof(golden_udp6)];

	memcpy(frame, golden_udp6, sizeof(frame));
	store_be16(frame + 58, 10);
	assert_int_equal(parse(frame, sizeof(frame)).end, 64);
	store_be16(frame + 58, 7);
	assert_int_equal(result_of(frame, sizeof(frame)), PACKET_MALFORMED);
	store_be16(frame + 58, 14);
	assert_int_equal(result_of(frame, sizeof(frame)), PACKET_MALFORMED);
}

/* One byte of each golden frame set so that it contradicts the rest. */
static void test_contradictions(void **)
{
	static const struct {
		const uint8_t *frame;
		size_t len, at;
		uint8_t value;
		bool sums_again; /* so that it is not the checksum that gives it away */
		enum packet_result result;
	} cases[] = {
		{golden_tcp4, sizeof(golden_tcp4), 25, 0, false, PACKET_CHECKSUM},
		{golden_tcp4, sizeof(golden_tcp4), 14, 0x65, true, PACKET_MALFORMED}, /* version */
		{golden_tcp4, sizeof(golden_tcp4), 14, 0x44, true, PACKET_MALFORMED}, /* 16 bytes */
		{golden_tcp4, sizeof(golden_tcp4), 17, 19, true, PACKET_MALFORMED},   /* length */
		{golden_tcp4, sizeof(golden_tcp4), 17, 0x3a, true,
			PACKET_MALFORMED}, /* one too long */
		{golden_tcp4, sizeof(golden_tcp4), 46, 0x40, false,
			PACKET_MALFORMED}, /* 16 bytes */
		{golden_tcp4, sizeof(golden_tcp4), 46, 0xf0, false,
			PACKET_MALFORMED}, /* past the end */
		{golden_udp6, sizeof(golden_udp6), 14, 0x40, false, PACKET_MALFORMED},
		{golden_udp6, sizeof(golden_udp6), 19, 14, false, PACKET_MALFORMED},
		{golden_udp6_extended, sizeof(golden_udp6_extended), 54, 0, false,
			PACKET_MALFORMED},
		{golden_udp6_extended, sizeof(golden_udp6_extended), 55, 9, false,
			PACKET_MALFORMED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t frame[128];

		memcpy(frame, cases[i].frame, cases[i].len);
		frame[cases[i].at] = cases[i].value;
		if (cases[i].sums_again)
			sum_ip4(frame);
		assert_int_equal(result_of(frame, cases[i].len), cases[i].result);
	}
}

/* In an IPv6 header such addresses would be taken for IPv4 ones behind it. */
static void test_mapped_addresses(void **)
{
	uint8_t frame[sizeof(golden_udp6)];
	struct ip mapped = ip_of("10.0.0.1");

	memcpy(frame, golden_udp6, sizeof(frame));
	memcpy(frame + 22, &mapped, 16);
	assert_int_equal(result_of(frame, sizeof(frame)), PACKET_MALFORMED);
	memcpy(frame + 22, golden_udp6 + 22, 16);
	memcpy(frame + 38, &mapped, 16);
	assert_int_equal(result_of(frame, sizeof(frame)), PACKET_MALFORMED);
}

static void test_too_many_extensions(void **)
{
	uint8_t frame[14 + 40 + 9 * 8 + 8] = {[12] = 0x86, 0xdd, 0x60, [19] = 80, 60};

	frame[22] = frame[38] = 0xfd;
	for (unsigned i = 0; i < 9; i++)
		frame[54 + i * 8] = 60;
	frame[54 + 7 * 8] = 59;
	assert_int_equal(parse(frame, sizeof(frame)).protocol, IP_PROTOCOL_NONE);
	frame[54 + 7 * 8] = 60;
	frame[54 + 8 * 8] = 59;
	assert_int_equal(result_of(frame, sizeof(frame)), PACKET_MALFORMED);
}

/* A frame cut anywhere, and one whose head ends anywhere: never read past it, never take what is
 * not there for a whole. Exact copies, so that the address sanitizer sees. */
static void cut_anywhere(const uint8_t *frame, size_t len, size_t headers)
{
	struct packet p;

	for (uint32_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		enum packet_result result;

		memcpy(copy, frame, cut);
		assert_int_not_equal(packet_parse(copy, cut, cut, &p), PACKET_OK);
		result = packet_parse(copy, cut, (uint32_t)len, &p);
		assert_int_equal(result == PACKET_OK, cut >= headers);
		assert_int_equal(result == PACKET_RUNT, cut < 14);
		free(copy);
	}
}

static void test_cut_anywhere(void **)
{
	cut_anywhere(golden_tcp4, sizeof(golden_tcp4), 66);
	cut_anywhere(golden_udp4_tagged, 49, 46);
	cut_anywhere(golden_udp6_extended, sizeof(golden_udp6_extended), 78);
	cut_anywhere(golden_fragment6, sizeof(golden_fragment6), 62);
	cut_anywhere(golden_echo4, sizeof(golden_echo4), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp4),
		cmocka_unit_test(test_udp4_tagged_and_padded),
		cmocka_unit_test(test_two_tags),
		cmocka_unit_test(test_udp6_extended),
		cmocka_unit_test(test_fragment6),
		cmocka_unit_test(test_fragment4),
		cmocka_unit_test(test_not_ip),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_udp_length),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_mapped_addresses),
		cmocka_unit_test(test_too_many_extensions),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
