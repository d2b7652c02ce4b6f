/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One port given to plug. */
#include "config/test_support.h"

#define SETTINGS(...)                                                                              \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static size_t count_of(const char *const *settings)
{
	size_t count = 0;

	while (settings[count])
		count++;
	return count;
}

static struct hub_config hub1 = {.name = "hub1", .has_subnet = true, .mtu = 1500};

static int setup(void **)
{
	if (!prefix_parse("192.168.56.0/24", &hub1.subnet))
		return -1;
	return 0;
}

static struct port_config plug(
	const struct hub_config *hub, const char *kind, const char *const *settings)
{
	struct port_config port;
	struct error error = {};

	if (config_read_port(hub, kind, settings, count_of(settings), &port, &error))
		fail_msg("refused: %s", error.text);
	return port;
}

static void takes_words_as_they_stand(void **)
{
	struct port_config port = plug(&hub1, "netns",
		SETTINGS("netns=/run/netns/a=b # c", "mtu=9000", "mac=02:00:00:00:00:01",
			"name=guest"));

	assert_int_equal(port.kind, PORT_KIND_NETNS);
	assert_string_equal(port.netns.netns, "/run/netns/a=b # c");
	assert_string_equal(port.netns.dev, "eth0");
	assert_int_equal(port.mtu, 9000);
	assert_int_equal(port.mac.bytes[0], 2);
	assert_string_equal(port.name, "guest");
	assert_int_equal(port.place.line, 0);
	port_config_done(&port);
}

static void takes_quotes_and_lists(void **)
{
	struct port_config port = plug(&hub1, "nat",
		SETTINGS("name=\"a\\x62c\"", "dns=[::1]:5353", "host-loopback='true'",
			"forwards=[tcp 0.0.0.0:1 192.168.56.5:1, \"udp [::]:1 192.168.56.5:1\"]"));

	assert_string_equal(port.name, "abc");
	assert_true(port.nat.may_reach_host);
	assert_int_equal(port.nat.dns_count, 1);
	assert_int_equal(port.nat.dns[0].port, 5353);
	assert_int_equal(port.nat.forward_count, 2);
	assert_true(port.nat.forwards[1].is_udp);
	port_config_done(&port);

	port = plug(&hub1, "nat", SETTINGS("forwards=tcp [::1]:1 192.168.56.5:1"));
	assert_int_equal(port.nat.forward_count, 1);
	port_config_done(&port);
	port = plug(&hub1, "dhcp",
		SETTINGS(
			"reservations=[{\"mac\": \"02:00:00:00:00:01\", \"ip\": \"192.168.56.5\"}]"));
	assert_int_equal(port.dhcp.reservation_count, 1);
	port_config_done(&port);
}

static void fits_the_hub(void **)
{
	struct port_config gateway = {.kind = PORT_KIND_NAT}, port;
	struct hub_config with_gateway = hub1;

	with_gateway.ports = &gateway;
	with_gateway.port_count = 1;
	port = plug(&with_gateway, "dhcp", SETTINGS("lease=1h"));
	assert_true(port.dhcp.has_routers);
	assert_int_equal(port.dhcp.dns_count, 1);
	port_config_done(&port);

	port = plug(&hub1, "dhcp", SETTINGS("lease=1h"));
	assert_false(port.dhcp.has_routers);
	port_config_done(&port);

	port = plug(&hub1, "host", SETTINGS("mtu=1400"));
	assert_string_equal(port.host.dev, "lan1");
	port_config_done(&port);

	port = plug(NULL, "host", SETTINGS("dev=tap0"));
	assert_string_equal(port.host.dev, "tap0");
	port_config_done(&port);
}

static void refuses_the_rest(void **)
{
	static struct port_config gateway = {.kind = PORT_KIND_NAT, .name = "gateway"};
	const struct {
		const char *kind, *setting, *message;
	} refusals[] = {
		{"tap", "dev=eth0",
			"kind: 'tap' is not a kind of port; kinds are host, netns, nat, dhcp, vm, vhost-user, vde, nic, router, link"},
		{"dhpc", "lease=1h",
			"kind: 'dhpc' is not a kind of port; kinds are host, netns, nat, "
			"dhcp, vm, vhost-user, vde, nic, router, link; did you mean dhcp?"},
		{"host", "dev", "host: 'dev' is not a setting; key=value would be"},
		{"host", "=dev", "host: '=dev' is not a setting; key=value would be"},
		{"host", "dve=tap0",
			"host.dve: unknown key; keys here are kind, name, mac, mtu, link, isolated, spared, guard, storm, loop-guard, "
			"rate, impair, impair-in, impair-out, dev; did you mean dev?"},
		{"host", "kind=nat", "host.kind: key given twice"},
		{"host", "mtu=1", "host.mtu: '1' is not an MTU, a number from 576 to 65520"},
		{"host", "name=\"a",
			"host.name: '\"a' is not a port's name: a letter, then letters, "
			"digits, - and _, at most 31 in all"},
		{"host", "name=gateway",
			"host.name: 'gateway' is the name of hub1.ports[0] already"},
		{"host", "name=\xff\xfe",
			"host.name: '?\?' is not a port's name: a letter, then letters, "
			"digits, - and _, at most 31 in all"},
		{"netns", "dev=eth1", "netns: key 'netns' is missing"},
		{"nat", "dns=9.9.9.9", "nat: hub1 has a nat port already, ports[0]"},
		{"nat", "forwards=[}]",
			"nat.forwards: not YAML: did not find expected node content"},
		{"dhcp", "dns=[9.9.9.9, {}]",
			"dhcp.dns[1]: a value is expected, not a mapping of keys to values"},
		{"dhcp", "pool=192.168.56.3-192.168.57.9",
			"dhcp.pool: 192.168.57.9 is outside 192.168.56.0/24"},
	};
	struct hub_config hub = hub1;

	hub.ports = &gateway;
	hub.port_count = 1;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct port_config port;
		struct error error = {};

		assert_int_equal(config_read_port(&hub, refusals[i].kind, &refusals[i].setting, 1,
					 &port, &error),
			-22);
		assert_string_equal(error.text, refusals[i].message);
	}
}

static struct port_config change(const struct port_config *from, const char *const *settings)
{
	struct port_config port;
	struct error error = {};

	if (config_change_port(from, settings, count_of(settings), &port, &error))
		fail_msg("refused: %s", error.text);
	return port;
}

static void changes_what_can_change(void **)
{
	struct port_config nat, next;

	nat = plug(&hub1, "nat", SETTINGS("forwards=tcp [::1]:1 192.168.56.5:1"));
	next = change(&nat, SETTINGS("link=down", "rate=10mbit", "impair=delay 5ms loss 1%",
				    "mac=02:00:00:00:00:01"));
	assert_true(next.policy.is_down && next.has_mac);
	assert_int_equal(next.policy.rate, 10000000);
	assert_int_equal(next.policy.impair.delay, 5 * NSEC_PER_MSEC);
	assert_int_equal(next.policy.impair.loss, 10000);
	assert_int_equal(next.nat.forward_count, 1);
	assert_false(port_config_equal(&nat, &next));
	assert_false(port_config_equal_but_policy(&nat, &next)); /* has another mac */
	next.has_mac = false;
	assert_true(port_config_equal_but_policy(&nat, &next));
	port_config_done(&nat);
	nat = change(&next, SETTINGS("impair=none", "link=up"));
	assert_int_equal(nat.policy.impair.delay, 0);
	assert_int_equal(nat.policy.rate, 10000000);
	port_config_done(&next);
	port_config_done(&nat);
}

static void changes_nothing_else(void **)
{
	static const struct {
		const char *setting, *message;
	} refusals[] = {
		{"link", "'link' is not a setting; key=value would be"},
		{"link=off", "link: 'off' is not up or down"},
		{"rate=fast", "rate: 'fast' is not a rate from 8kbit to 1000gbit, such as 100mbit "
			      "or 1.5mbit; or none"},
		{"impair-in=loss", "impair-in: 'loss': 'loss' has no value behind it"},
		{"mtu=1400",
			"'mtu=1400' is not what can change while a port is there: link, "
			"isolated, guard, storm, loop-guard, rate, impair, impair-in, impair-out; of a VM also mac"},
		{"forwards=a",
			"'forwards=a' is not what can change while a port is there: link, "
			"isolated, guard, storm, loop-guard, rate, impair, impair-in, impair-out; of a VM also mac"},
		{"=", "'=' is not what can change while a port is there: link, "
		      "isolated, guard, storm, loop-guard, rate, impair, impair-in, impair-out; of a VM also mac"},
	};
	struct port_config nat = plug(&hub1, "nat", SETTINGS("mtu=1400")), next;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct error error = {};

		assert_int_equal(
			config_change_port(&nat, &refusals[i].setting, 1, &next, &error), -22);
		assert_string_equal(error.text, refusals[i].message);
	}
	port_config_done(&nat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_words_as_they_stand),
		cmocka_unit_test(takes_quotes_and_lists),
		cmocka_unit_test(fits_the_hub),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(changes_what_can_change),
		cmocka_unit_test(changes_nothing_else),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
