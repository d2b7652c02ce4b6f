/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/test_support.h"

#include <stdio.h>

static bool hubs_equal(const struct hub_config *a, const struct hub_config *b)
{
	if (!hub_config_equal_but_ports(a, b) || a->port_count != b->port_count)
		return false;
	for (size_t i = 0; i < a->port_count; i++)
		if (!port_config_equal(&a->ports[i], &b->ports[i]))
			return false;
	return true;
}

static bool configs_equal(const struct config *a, const struct config *b)
{
	if (a->hub_count != b->hub_count)
		return false;
	for (size_t i = 0; i < a->hub_count; i++)
		if (!hubs_equal(&a->hubs[i], &b->hubs[i]))
			return false;
	return true;
}

static void assert_written(const char *text, const char *expected)
{
	struct config *config = read_text(text), *again;
	char *written = config_write(config);

	assert_string_equal(written, expected);
	again = read_text(written);
	assert_true(configs_equal(config, again));
	free(written);
	config_free(config);
	config_free(again);
}

static void leaves_defaults_out(void **)
{
	assert_written("{\"hubs\": {}}", "hubs: {}\n");
	assert_written(
		"hubs: {hub5: {mtu: 1500}}", "hubs:\n  hub5:\n    mtu: 1500\n    ports: []\n");
	assert_written("hubs: {hub8: {subnet: 10.0.0.0/24, ports: [{kind: nat, forwards: []},"
		       "{kind: dhcp, pool: 10.0.0.128-10.0.0.253, lease: 1800s, router: 10.0.0.2,"
		       "dns: 10.0.0.2, domain: localdomain}, {kind: host, dev: lan8}]}}",
		"hubs:\n"
		"  hub8:\n"
		"    subnet: 10.0.0.0/24\n"
		"    ports:\n"
		"      - kind: nat\n"
		"      - kind: dhcp\n"
		"      - kind: host\n");
}

static void writes_everything_else(void **)
{
	static const char all[] =
		"hubs:\n"
		"  hub0:\n"
		"    mtu: 9000\n"
		"    ports:\n"
		"      - kind: netns\n"
		"        name: guest\n"
		"        mac: \"02:00:00:00:00:01\"\n"
		"        mtu: 1400\n"
		"        link: down\n"
		"        isolated: true\n"
		"        rate: 100mbit\n"
		"        impair: \"delay 50ms loss 1%\"\n"
		"        impair-in: \"rate 10mbit\"\n"
		"        impair-out: \"loss 0.5%\"\n"
		"        netns: \"/run/netns/a \\\"b\\\\\"\n"
		"        dev: eth1\n"
		"  hub8:\n"
		"    subnet: 192.168.120.0/24\n"
		"    subnet6: \"fd00:8::/64\"\n"
		"    ports:\n"
		"      - kind: nat\n"
		"        forwards:\n"
		"          - \"tcp 127.0.0.1:2222 192.168.120.10:22\"\n"
		"          - \"udp [::]:53-54 [fd00:8::a]:53-54\"\n"
		"        host-loopback: true\n"
		"        dns:\n"
		"          - 9.9.9.9\n"
		"          - \"[fd00::1]:5353\"\n"
		"      - kind: dhcp\n"
		"        pool: 192.168.120.100-192.168.120.110\n"
		"        lease: 2h\n"
		"        reservations:\n"
		"          - {mac: \"00:0c:29:1b:85:3d\", ip: 192.168.120.10}\n"
		"          - {mac: \"00:0c:29:1b:85:3e\", ip: 192.168.120.11, name: redhat}\n"
		"        router: none\n"
		"        dns: []\n"
		"        domain: \"\"\n"
		"        search: \"a.org b.org\"\n"
		"        boot-server: 192.168.120.9\n"
		"        boot-file: \"http://boot.example/menu.ipxe\"\n"
		"      - kind: host\n"
		"        dev: \"-x\"\n";

	assert_written(all, all);
}

static void every_key_makes_a_difference(void **)
{
	static const char *const ports[] = {
		"kind: nat",
		"kind: nat, name: a",
		"kind: nat, mac: 02:00:00:00:00:01",
		"kind: nat, mtu: 1500",
		"kind: nat, host-loopback: true",
		"kind: nat, dns: 9.9.9.9",
		"kind: nat, dns: 9.9.9.9:54",
		"kind: nat, dns: [9.9.9.9, 9.9.9.9, 9.9.9.9]",
		"kind: nat, forwards: tcp 0.0.0.0:1 10.0.0.5:1",
		"kind: nat, forwards: udp 0.0.0.0:1 10.0.0.5:1",
		"kind: nat, forwards: tcp 0.0.0.0:1-2 10.0.0.5:1-2",
		"kind: dhcp",
		"kind: dhcp, pool: 10.0.0.5-10.0.0.6",
		"kind: dhcp, pool: 10.0.0.5-10.0.0.7",
		"kind: dhcp, lease: 1h",
		"kind: dhcp, router: 10.0.0.9",
		"kind: dhcp, dns: 10.0.0.9",
		"kind: dhcp, domain: a",
		"kind: dhcp, search: a",
		"kind: dhcp, boot-server: 10.0.0.9",
		"kind: dhcp, boot-file: a",
		"kind: dhcp, reservations: [{mac: 02:00:00:00:00:01, ip: 10.0.0.5}]",
		"kind: dhcp, reservations: [{mac: 02:00:00:00:00:01, ip: 10.0.0.5, name: a}]",
		"kind: link, listen: 4000",
		"kind: link, listen: 4000, forge-mtu: false",
		"kind: host",
		"kind: host, link: down",
		"kind: host, isolated: true",
		"kind: host, rate: 1mbit",
		"kind: host, impair: loss 1%",
		"kind: host, impair-in: loss 1%",
		"kind: host, impair-out: loss 1%",
		"kind: host, dev: a",
		"kind: netns, netns: a",
		"kind: netns, netns: b",
		"kind: netns, netns: a, dev: b",
	};
	struct config *configs[ARRAY_SIZE(ports)];
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		snprintf(text, sizeof(text), "hubs: {hub8: {subnet: 10.0.0.0/24, ports: [{%s}]}}",
			ports[i]);
		configs[i] = read_text(text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		for (size_t j = 0; j < ARRAY_SIZE(ports); j++)
			assert_int_equal(configs_equal(configs[i], configs[j]), i == j);
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		config_free(configs[i]);
}

static void hubs_differ(void **)
{
	static const char *const hubs[] = {"hub1: {}", "hub2: {}", "hub1: {subnet: 10.0.0.0/24}",
		"hub1: {subnet: 10.0.0.0/25}", "hub1: {subnet6: 'fd00::/64'}", "hub1: {mtu: 1400}"};
	struct config *configs[ARRAY_SIZE(hubs)];
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(hubs); i++) {
		snprintf(text, sizeof(text), "hubs: {%s}", hubs[i]);
		configs[i] = read_text(text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(hubs); i++)
		for (size_t j = 0; j < ARRAY_SIZE(hubs); j++)
			assert_int_equal(hub_config_equal_but_ports(
						 &configs[i]->hubs[0], &configs[j]->hubs[0]),
				i == j);
	for (size_t i = 0; i < ARRAY_SIZE(hubs); i++)
		config_free(configs[i]);
}

static void the_example_is_the_default(void **)
{
	struct config *config = config_default(), *example = NULL;
	struct error error = {};

	if (config_read_file(EXAMPLE_FILE, &example, &error))
		fail_msg("%s", error.text);
	assert_true(configs_equal(config, example));
	config_free(config);
	config_free(example);
}

static void copies_outlive_the_original(void **)
{
	static const char text[] =
		"hubs: {hub8: {subnet: 10.0.0.0/24, ports: [{kind: nat, dns: 9.9.9.9, forwards: "
		"tcp 0.0.0.0:1 10.0.0.5:1}, {kind: dhcp, reservations: [{mac: 02:00:00:00:00:01, "
		"ip: 10.0.0.5}]}]}}";
	struct config *config = read_text(text);
	struct port_config nat, dhcp;

	assert_int_equal(port_config_copy(&config->hubs[0].ports[0], &nat), 0);
	assert_int_equal(port_config_copy(&config->hubs[0].ports[1], &dhcp), 0);
	assert_true(port_config_equal(&config->hubs[0].ports[0], &nat));
	assert_true(port_config_equal(&config->hubs[0].ports[1], &dhcp));
	config_free(config);
	assert_int_equal(nat.nat.forwards[0].guest.port, 1);
	assert_int_equal(dhcp.dhcp.reservations[0].mac.bytes[5], 1);
	port_config_done(&nat);
	port_config_done(&dhcp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_defaults_out),
		cmocka_unit_test(writes_everything_else),
		cmocka_unit_test(every_key_makes_a_difference),
		cmocka_unit_test(hubs_differ),
		cmocka_unit_test(the_example_is_the_default),
		cmocka_unit_test(copies_outlive_the_original),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
