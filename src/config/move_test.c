/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/test_support.h"

static void takes_what_is_within_along(void **)
{
	struct config *config = read_text(
		"hubs: {hub8: {subnet: 192.168.120.0/24, subnet6: 'fd00:8::/64', ports: ["
		"{kind: nat, forwards: [tcp 127.0.0.1:1 192.168.120.10:1, "
		"'tcp 127.0.0.1:2 [fd00:8::a]:1']},"
		"{kind: dhcp, dns: [192.168.120.2, 9.9.9.9], boot-server: 192.168.120.9, "
		"reservations: [{mac: 02:00:00:00:00:01, ip: 192.168.120.10}]},"
		"{kind: router, router: r1, address: 192.168.120.4, address6: 'fd00:8::4', "
		"routes: [10.0.0.0/16 via 192.168.120.5, '::/0 via fd00:8::5']}]}}");
	struct config *expected = read_text(
		"hubs: {hub8: {subnet: 10.9.7.0/24, subnet6: 'fd00:8::/64', ports: ["
		"{kind: nat, forwards: [tcp 127.0.0.1:1 10.9.7.10:1, "
		"'tcp 127.0.0.1:2 [fd00:8::a]:1']},"
		"{kind: dhcp, dns: [10.9.7.2, 9.9.9.9], boot-server: 10.9.7.9, "
		"reservations: [{mac: 02:00:00:00:00:01, ip: 10.9.7.10}]},"
		"{kind: router, router: r1, address: 10.9.7.4, address6: 'fd00:8::4', "
		"routes: [10.0.0.0/16 via 10.9.7.5, '::/0 via fd00:8::5']}]}}");

	hub_config_move(&config->hubs[0], expected->hubs[0].subnet.address);
	assert_true(hub_config_equal_but_ports(&config->hubs[0], &expected->hubs[0]));
	for (size_t i = 0; i < 3; i++)
		assert_true(
			port_config_equal(&config->hubs[0].ports[i], &expected->hubs[0].ports[i]));
	assert_int_equal(config_check(config, NULL), 0);
	config_free(config);
	config_free(expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_within_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
