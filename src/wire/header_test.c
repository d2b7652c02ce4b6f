/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers we write against golden frames, and those too small for a test file of their own:
 * Ethernet, ARP, IP, UDP, TCP options. */
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/golden.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct mac mac_1 = {{2, 0, 0, 0, 0, 1}}, mac_2 = {{2, 0, 0, 0, 0, 2}};

static struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint = {.port = 0};

	assert_true(endpoint_parse(text, &endpoint));
	return endpoint;
}

static void test_write_arp(void **)
{
	struct arp arp = {.operation = ARP_REQUEST,
		.from_mac = mac_1,
		.from = ip4_from_number(0x0a000001),
		.to = ip4_from_number(0x0a000002)};
	uint8_t frame[sizeof(golden_arp)];
	struct writer w = writer_on(frame, sizeof(frame));

	write_eth(&w, mac_2, mac_1, ETHERTYPE_ARP);
	write_arp(&w, &arp);
	assert_false(w.failed);
	assert_int_equal(writer_len(&w), sizeof(frame));
	assert_memory_equal(frame, golden_arp, sizeof(frame));
}

static void test_parse_arp(void **)
{
	uint8_t bytes[ARP_LEN + 18] = {0}; /* padded */
	struct arp arp;

	memcpy(bytes, golden_arp + 14, ARP_LEN);
	assert_true(arp_parse(bytes, sizeof(bytes), &arp));
	assert_int_equal(arp.operation, ARP_REQUEST);
	assert_true(mac_equal(arp.from_mac, mac_1) && mac_is_zero(arp.to_mac));
	assert_int_equal(ip4_number(arp.from), 0x0a000001);
	assert_int_equal(ip4_number(arp.to), 0x0a000002);
	assert_false(arp_parse(bytes, ARP_LEN - 1, &arp));
	for (unsigned i = 0; i < 6; i++) {
		bytes[i] ^= 1; /* another kind or length of address */
		assert_false(arp_parse(bytes, sizeof(bytes), &arp));
		bytes[i] ^= 1;
	}
}

static void test_write_ip4(void **)
{
	struct ip_fields fields = {.from = endpoint_of("10.0.0.1:0").ip,
		.to = endpoint_of("10.0.0.2:0").ip,
		.protocol = IP_PROTOCOL_TCP,
		.ttl = 64,
		.tos = 0x10,
		.may_not_fragment = true,
		.id = 0x1234,
		.payload_len = 37};
	uint8_t header[IP4_HEADER_LEN];
	struct writer w = writer_on(header, sizeof(header));

	write_ip(&w, &fields);
	assert_false(w.failed);
	assert_memory_equal(header, golden_tcp4 + 14, sizeof(header));
	w = writer_on(header, sizeof(header));
	fields.may_not_fragment = false;
	fields.fragment = 0x2005;
	write_ip(&w, &fields);
	assert_int_equal(load_be16(header + 6), 0x2005);
}

static void test_write_udp6(void **)
{
	struct endpoint from = endpoint_of("[fd00::1]:1000"), to = endpoint_of("[fd00::2]:53");
	struct ip_fields fields = {.from = from.ip,
		.to = to.ip,
		.protocol = IP_PROTOCOL_UDP,
		.ttl = 64,
		.payload_len = 13};
	uint8_t frame[sizeof(golden_udp6)];
	struct writer w = writer_on(frame, sizeof(frame));

	write_eth(&w, mac_2, mac_1, ETHERTYPE_IP6);
	write_ip(&w, &fields);
	write_udp(&w, &from, &to, "query", 5);
	write_bytes(&w, "query", 5);
	assert_false(w.failed);
	assert_memory_equal(frame, golden_udp6, sizeof(frame));
	fields.tos = 3;
	w = writer_on(frame, sizeof(frame));
	write_ip(&w, &fields);
	assert_memory_equal(frame, "\x60\x30\x00\x00", 4);
}

/* RFC 768: a sum of zero is sent as all ones, zero being "none". */
static void test_udp_checksum_is_never_none(void **)
{
	struct endpoint from = endpoint_of("10.0.0.1:1"), to = endpoint_of("10.0.0.2:2");
	uint8_t header[UDP_HEADER_LEN], payload[2] = {0};
	struct writer w = writer_on(header, sizeof(header));

	write_udp(&w, &from, &to, payload, sizeof(payload));
	memcpy(payload, header + UDP_CHECKSUM_OFFSET, 2);
	w = writer_on(header, sizeof(header));
	write_udp(&w, &from, &to, payload, sizeof(payload));
	assert_memory_equal(header + UDP_CHECKSUM_OFFSET, "\xff\xff", 2);
}

static void test_sequence_goes_around(void **)
{
	assert_true(seq_before(1, 2) && !seq_before(2, 2) && !seq_before(3, 2));
	assert_true(seq_before(0xffffffff, 0) && seq_after(0, 0xffffffff));
	assert_true(seq_at_most(2, 2) && seq_at_most(0xfffffff0, 5) && !seq_at_most(5, 0xfffffff0));
	assert_true(seq_at_least(2, 2) && seq_at_least(5, 0xfffffff0));
}

static void test_tcp_options_of_a_syn(void **)
{
	/* as Linux sends them */
	static const uint8_t bytes[] = {
		2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};
	struct tcp_options options;

	tcp_options_parse(bytes, sizeof(bytes), &options);
	assert_int_equal(options.mss, 1460);
	assert_true(
		options.has_sack_permitted && options.has_window_scale && options.has_timestamps);
	assert_int_equal(options.window_scale, 7);
	assert_int_equal(options.timestamp, 0x01020304);
	assert_int_equal(options.sack_count, 0);
}

static void test_tcp_sack(void **)
{
	uint8_t bytes[2 + 4 * 8] = {5, sizeof(bytes)};
	struct tcp_options options;

	for (unsigned i = 0; i < 8; i++)
		store_be32(bytes + 2 + 4 * i, 100 + i);
	tcp_options_parse(bytes, sizeof(bytes), &options);
	assert_int_equal(options.sack_count, 4);
	assert_int_equal(options.sack[0].start, 100);
	assert_int_equal(options.sack[3].end, 107);
	bytes[1] = 2 + 12; /* not whole blocks */
	tcp_options_parse(bytes, 2 + 12, &options);
	assert_int_equal(options.sack_count, 0);
}

static void test_tcp_options_that_are_wrong(void **)
{
	static const uint8_t wrong_length[] = {2, 3, 5, 3, 3, 200, 99, 4, 1, 2, 2, 4, 5, 0xb4};
	static const uint8_t past_the_end[] = {3, 3, 9, 2, 4, 5};
	static const uint8_t zero_length[] = {3, 3, 9, 99, 0, 2, 4, 5, 0xb4};
	static const uint8_t behind_the_end[] = {0, 2, 4, 5, 0xb4};
	struct tcp_options options;

	tcp_options_parse(wrong_length, sizeof(wrong_length), &options);
	assert_int_equal(options.mss, 1460); /* those around it count */
	assert_int_equal(options.window_scale, TCP_WINDOW_SCALE_MAX);
	tcp_options_parse(past_the_end, sizeof(past_the_end), &options);
	assert_int_equal(options.mss, 0);
	assert_int_equal(options.window_scale, 9);
	tcp_options_parse(zero_length, sizeof(zero_length), &options);
	assert_int_equal(options.mss, 0);
	assert_true(options.has_window_scale);
	tcp_options_parse(behind_the_end, sizeof(behind_the_end), &options);
	assert_int_equal(options.mss, 0);
	tcp_options_parse(zero_length + 3, 1, &options); /* a kind and nothing behind it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_arp),
		cmocka_unit_test(test_parse_arp),
		cmocka_unit_test(test_write_ip4),
		cmocka_unit_test(test_write_udp6),
		cmocka_unit_test(test_udp_checksum_is_never_none),
		cmocka_unit_test(test_sequence_goes_around),
		cmocka_unit_test(test_tcp_options_of_a_syn),
		cmocka_unit_test(test_tcp_sack),
		cmocka_unit_test(test_tcp_options_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
