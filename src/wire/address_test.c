/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct ip ip_of(const char *text)
{
	struct ip ip = {{0}};

	assert_true(ip_parse(text, &ip));
	return ip;
}

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix = {0};

	assert_true(prefix_parse(text, &prefix));
	return prefix;
}

static void test_mac(void **)
{
	static const char *const bad[] = {"", "02:00:00:00:00", "02:00:00:00:00:01:02",
		"02:00:00:00:00:0g", "02-00-00-00-00-01", "2:0:0:0:0:1", "02:00:00:00:00:01 "};
	struct mac mac;
	char text[MAC_TEXT_SIZE];

	assert_true(mac_parse("00:0c:29:1B:85:3d", &mac));
	assert_memory_equal(&mac, "\x00\x0c\x29\x1b\x85\x3d", 6);
	assert_string_equal(mac_format(mac, text), "00:0c:29:1b:85:3d");
	assert_false(mac_is_group(mac));
	assert_true(mac_is_group(MAC_BROADCAST));
	assert_true(mac_is_zero((struct mac){{0}}));
	assert_false(mac_is_zero((struct mac){{[5] = 1}}));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(mac_parse(bad[i], &mac));
	assert_string_equal(mac_format(mac, text), "00:0c:29:1b:85:3d"); /* left alone */
}

static void test_ip_text(void **)
{
	static const char *const good[] = {"192.168.120.2", "::", "fd00:8::2", "fe80::1"};
	static const char *const bad[] = {"", "1.2.3", "1.2.3.256", "1.2.3.4 ", "fd00:::1", "x"};
	char text[IP_TEXT_SIZE];
	struct ip ip;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_string_equal(ip_format(ip_of(good[i]), text), good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(ip_parse(bad[i], &ip));
	assert_true(ip_is_v4(ip_of("1.2.3.4")));
	assert_false(ip_is_v4(ip_of("::1.2.3.4")));
	assert_int_equal(ip4_number(ip_to_v4(ip_of("192.168.0.1"))), 0xc0a80001);
	assert_true(ip_equal(ip_from_v4(ip4_from_number(0xc0a80001)), ip_of("192.168.0.1")));
}

static void test_ip_kinds(void **)
{
	assert_true(ip_is_loopback(ip_of("127.8.9.1")) && ip_is_loopback(ip_of("::1")));
	assert_false(ip_is_loopback(ip_of("128.0.0.1")) || ip_is_loopback(ip_of("::2")));
	assert_true(ip_is_multicast(ip_of("239.1.1.1")) && ip_is_multicast(ip_of("ff02::1")));
	assert_false(ip_is_multicast(ip_of("240.0.0.1")) || ip_is_multicast(ip_of("fe80::1")));
	assert_true(ip_is_broadcast(ip_of("255.255.255.255")));
	assert_false(ip_is_broadcast(ip_of("255.255.255.254")));
	assert_true(ip_is_link_local(ip_of("169.254.1.1")) && ip_is_link_local(ip_of("febf::1")));
	assert_false(ip_is_link_local(ip_of("169.253.1.1")) || ip_is_link_local(ip_of("fec0::1")));
	assert_true(ip_is_none(ip_of("::")));
	assert_false(ip_is_none(ip_of("0.0.0.0")));
}

static void test_prefix_text(void **)
{
	static const char *const bad[] = {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8x", "fd00::/129", "/8"};
	struct ip_prefix prefix = prefix_of("192.168.120.7/24");
	char text[PREFIX_TEXT_SIZE];

	assert_string_equal(prefix_format(&prefix, text), "192.168.120.7/24");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(prefix_parse(bad[i], &prefix));
}

static void test_prefix_contains(void **)
{
	static const struct {
		const char *prefix, *ip;
		bool is_in;
	} cases[] = {
		{"192.168.120.0/24", "192.168.120.255", true},
		{"192.168.120.0/24", "192.168.121.0", false},
		{"192.168.120.0/23", "192.168.121.0", true},
		{"10.0.0.1/32", "10.0.0.1", true},
		{"10.0.0.1/32", "10.0.0.0", false},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "fd00::1", false},
		{"::/0", "8.8.8.8", false},
		{"fd00:8::/64", "fd00:8::ffff", true},
		{"fd00:8::/64", "fd00:8:0:1::", false},
		{"fd00:8::1/128", "fd00:8::1", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_prefix prefix = prefix_of(cases[i].prefix);

		assert_int_equal(prefix_contains(&prefix, ip_of(cases[i].ip)), cases[i].is_in);
	}
}

static void test_prefix_arithmetic(void **)
{
	struct ip_prefix v4 = prefix_of("192.168.121.77/23"), v6 = prefix_of("fd00:8::5/64");
	struct ip_prefix all = prefix_of("1.2.3.4/0");

	assert_int_equal(ip4_number(prefix_mask4(&v4)), 0xfffffe00);
	assert_int_equal(ip4_number(prefix_mask4(&all)), 0);
	assert_true(ip_equal(prefix_nth(&v4, 2), ip_of("192.168.120.2")));
	assert_true(ip_equal(prefix_nth(&v4, 257), ip_of("192.168.121.1")));
	assert_true(ip_equal(prefix_last(&v4), ip_of("192.168.121.255")));
	assert_true(ip_equal(prefix_nth(&v6, 2), ip_of("fd00:8::2")));
	assert_true(ip_equal(prefix_last(&v6), ip_of("fd00:8::ffff:ffff:ffff:ffff")));
}

static void test_endpoint(void **)
{
	static const char *const bad[] = {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1",
		"fd00::1:80", "[1.2.3.4]:80", "[fd00::1]", "[fd00::1:80", "[]:80", "[:80", ":80",
		"1.2.3.4:80x", "[fd00::1]x:80"};
	struct endpoint a, b;
	char text[ENDPOINT_TEXT_SIZE];

	assert_true(endpoint_parse("1.2.3.4:80", &a));
	assert_string_equal(endpoint_format(&a, text), "1.2.3.4:80");
	assert_true(endpoint_parse("[fd00::1]:65535", &b));
	assert_string_equal(endpoint_format(&b, text), "[fd00::1]:65535");
	assert_false(endpoint_equal(&a, &b));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(endpoint_parse(bad[i], &a));
	assert_true(endpoint_parse("1.2.3.4:80", &b));
	assert_true(endpoint_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_ip_text),
		cmocka_unit_test(test_ip_kinds),
		cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_prefix_contains),
		cmocka_unit_test(test_prefix_arithmetic),
		cmocka_unit_test(test_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
