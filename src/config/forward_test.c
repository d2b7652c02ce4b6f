/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/test_support.h"

#define LONGEST "[fd00:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:10000-10001"

static void reads_what_it_writes(void **)
{
	static const char *const lines[] = {
		"tcp 127.0.0.1:2222 192.168.120.10:22",
		"udp 0.0.0.0:8000-8010 192.168.120.10:9000-9010",
		"tcp [::1]:80 [fd00:8::a]:8080",
		"tcp [::]:1-65535 192.168.120.10:1-65535",
		"udp " LONGEST " " LONGEST,
	};
	struct forward_config forward;
	struct error error = {};
	char text[160];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(config_read_forward(lines[i], &forward, &error), 0);
		assert_string_equal(forward_format(&forward, text), lines[i]);
	}
}

static void fills_the_fields(void **)
{
	struct forward_config forward;

	assert_int_equal(
		config_read_forward("  udp  [::1]:10-12   10.0.0.5:20-22 ", &forward, NULL), 0);
	assert_true(forward.is_udp);
	assert_int_equal(forward.outside.port, 10);
	assert_int_equal(forward.guest.port, 20);
	assert_int_equal(forward.count, 3);
	assert_true(ip_is_loopback(forward.outside.ip));
	assert_int_equal(ip4_number(ip_to_v4(forward.guest.ip)), 0x0a000005);
}

static void refuses_the_rest(void **)
{
	static const struct refusal refusals[] = {
		{"", "'' is not a forward, such as 'tcp 127.0.0.1:2222 192.168.120.10:22'"},
		{"tcp 1.2.3.4:1", "'tcp 1.2.3.4:1' is not a forward, such as "
				  "'tcp 127.0.0.1:2222 192.168.120.10:22'"},
		{"tcp 1.2.3.4:1 1.2.3.4:1 x",
			"'tcp 1.2.3.4:1 1.2.3.4:1 x' is not a forward, such as "
			"'tcp 127.0.0.1:2222 192.168.120.10:22'"},
		{"sctp 1.2.3.4:1 1.2.3.4:1", "'sctp' is not tcp or udp"},
		{"tcp 8080 1.2.3.4:1", "'8080' is not an address and port, such as 127.0.0.1:2222, "
				       "0.0.0.0:8000-8010 or [::1]:80"},
		{"tcp 1.2.3.4:0 1.2.3.4:1",
			"'1.2.3.4:0' is not an address and port, such as 127.0.0.1:2222, "
			"0.0.0.0:8000-8010 or [::1]:80"},
		{"tcp 1.2.3.4:1 ::1:80",
			"'::1:80' is not an address and port, such as 127.0.0.1:2222, "
			"0.0.0.0:8000-8010 or [::1]:80"},
		{"tcp 1.2.3.4:1-65536 1.2.3.4:1-65536",
			"'1.2.3.4:1-65536' is not an address and port, such as 127.0.0.1:2222, "
			"0.0.0.0:8000-8010 or [::1]:80"},
		{"tcp 1.2.3.4:9-8 1.2.3.4:8-9", "'1.2.3.4:9-8' has its ports the wrong way round"},
		{"tcp 1.2.3.4:8-9 1.2.3.4:8",
			"2 ports outside but 1 at the guest; as many are needed"},
		{"tcp 224.0.0.1:8 1.2.3.4:8", "'224.0.0.1:8' is not one host's"},
		{"tcp 1.2.3.4:8 0.0.0.0:8", "the guest needs an address of its own, not any"},
		{"tcp 1.2.3.4:8 [::]:8", "the guest needs an address of its own, not any"},
	};
	struct forward_config forward;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct error error = {};

		assert_int_equal(config_read_forward(refusals[i].text, &forward, &error), -22);
		assert_string_equal(error.text, refusals[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(fills_the_fields),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
