/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/test_support.h"

#include <stdio.h>
#include <unistd.h>

static uint32_t number(struct ip ip)
{
	assert_true(ip_is_v4(ip));
	return ip4_number(ip_to_v4(ip));
}

static const char example[] =
	"# a comment\n"
	"hubs:\n"
	"  hub0:\n"
	"    mtu: 9000\n"
	"    ports:\n"
	"      - {kind: netns, netns: guest, dev: eth1, mtu: 1400}\n"
	"  hub1:\n"
	"    ports:\n"
	"      - {kind: host}\n"
	"      - {kind: dhcp}\n"
	"    subnet: 192.168.56.0/24\n"
	"  hub8:\n"
	"    subnet: 192.168.120.0/24\n"
	"    subnet6: fd00:8::/64\n"
	"    ports:\n"
	"      - kind: dhcp\n"
	"        pool: 192.168.120.100-192.168.120.110\n"
	"        lease: 2h\n"
	"        domain: lab.example.org\n"
	"        search: a.org b.org\n"
	"        reservations: [{mac: \"00:0c:29:1b:85:3d\", ip: 192.168.120.10, name: redhat}]\n"
	"      - kind: nat\n"
	"        name: gateway\n"
	"        mac: 02:00:00:00:00:02\n"
	"        host-loopback: true\n"
	"        dns: [9.9.9.9, \"[fd00::1]:5353\"]\n"
	"        forwards:\n"
	"          - tcp 127.0.0.1:2222 192.168.120.10:22\n"
	"          - udp [::1]:53-54 192.168.120.10:53-54\n";

static void fills_the_model(void **)
{
	struct config *config = read_text(example);
	const struct hub_config *hub0 = config_find_hub(config, "hub0");
	const struct hub_config *hub8 = config_find_hub(config, "hub8");
	const struct dhcp_config *dhcp = &hub8->ports[0].dhcp;
	const struct nat_config *nat = &hub8->ports[1].nat;

	assert_int_equal(config->hub_count, 3);
	assert_null(config_find_hub(config, "hub2"));
	assert_int_equal(hub0->mtu, 9000);
	assert_int_equal(hub0->place.line, 3);
	assert_int_equal(hub0->place.column, 3);
	assert_false(hub0->has_subnet);
	assert_int_equal(hub0->ports[0].kind, PORT_KIND_NETNS);
	assert_int_equal(hub0->ports[0].mtu, 1400);
	assert_string_equal(hub0->ports[0].netns.netns, "guest");
	assert_string_equal(hub0->ports[0].netns.dev, "eth1");

	assert_true(hub8->has_subnet && hub8->has_subnet6);
	assert_int_equal(hub8->subnet6.len, 64);
	assert_int_equal(dhcp->lease_seconds, 7200);
	assert_int_equal(number(dhcp->pool_first), 0xc0a87864);
	assert_int_equal(number(dhcp->pool_last), 0xc0a8786e);
	assert_string_equal(dhcp->domain, "lab.example.org");
	assert_string_equal(dhcp->search, "a.org b.org");
	assert_int_equal(dhcp->reservation_count, 1);
	assert_int_equal(dhcp->reservations[0].mac.bytes[5], 0x3d);
	assert_int_equal(number(dhcp->reservations[0].ip), 0xc0a8780a);
	assert_string_equal(dhcp->reservations[0].name, "redhat");
	assert_int_equal(dhcp->reservations[0].place.line, 21);
	assert_int_equal(dhcp->reservations[0].place.column, 24);

	assert_string_equal(hub8->ports[1].name, "gateway");
	assert_true(hub8->ports[1].has_mac);
	assert_int_equal(hub8->ports[1].place.line, 22);
	assert_true(nat->may_reach_host);
	assert_int_equal(nat->dns_count, 2);
	assert_int_equal(nat->dns[0].port, 53);
	assert_int_equal(nat->dns[1].port, 5353);
	assert_int_equal(nat->forward_count, 2);
	assert_true(nat->forwards[1].is_udp);
	assert_int_equal(nat->forwards[1].count, 2);
	assert_int_equal(nat->forwards[1].place.line, 29);
	config_free(config);
}

static void fills_the_defaults(void **)
{
	struct config *config = read_text(example);
	const struct port_config *host = &config->hubs[1].ports[0],
				 *dhcp1 = &config->hubs[1].ports[1];
	const struct port_config *dhcp8 = &config->hubs[2].ports[0];

	assert_int_equal(config->hubs[1].mtu, 1500);
	assert_string_equal(host->host.dev, "lan1");
	assert_int_equal(host->mtu, 0);
	assert_false(host->has_mac);
	assert_int_equal(dhcp1->dhcp.lease_seconds, 1800);
	assert_int_equal(number(dhcp1->dhcp.pool_first), 0xc0a83880);
	assert_int_equal(number(dhcp1->dhcp.pool_last), 0xc0a838fd);
	assert_string_equal(dhcp1->dhcp.domain, "localdomain");
	assert_false(dhcp1->dhcp.has_routers);
	assert_int_equal(dhcp1->dhcp.dns_count, 0);

	/* The gateway comes after it in the file. */
	assert_true(dhcp8->dhcp.has_routers);
	assert_int_equal(number(dhcp8->dhcp.router), 0xc0a87802);
	assert_int_equal(dhcp8->dhcp.dns_count, 1);
	assert_int_equal(number(dhcp8->dhcp.dns[0]), 0xc0a87802);
	config_free(config);
}

static void pools_fit_any_subnet(void **)
{
	static const struct {
		const char *subnet;
		uint32_t first, last, server;
	} sizes[] = {
		{"10.1.2.0/24", 0x0a010280, 0x0a0102fd, 0x0a0102fe},
		{"10.1.2.8/29", 0x0a01020c, 0x0a01020d, 0x0a01020e},
		{"10.1.0.0/16", 0x0a018000, 0x0a01fffd, 0x0a01fffe},
		{"10.0.0.0/8", 0x0afefffe, 0x0afffffd, 0x0afffffe},
	};
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(text, sizeof(text), "hubs: {hub1: {subnet: %s, ports: [{kind: dhcp}]}}",
			sizes[i].subnet);
		struct config *config = read_text(text);

		assert_int_equal(number(config->hubs[0].ports[0].dhcp.pool_first), sizes[i].first);
		assert_int_equal(number(config->hubs[0].ports[0].dhcp.pool_last), sizes[i].last);
		assert_int_equal(number(hub_config_dhcp_server(&config->hubs[0])), sizes[i].server);
		config_free(config);
	}
}

static void built_in_default(void **)
{
	struct config *config = config_default();
	const struct hub_config *hub = config_find_hub(config, "hub8");
	char text[PREFIX_TEXT_SIZE];

	assert_string_equal(prefix_format(&hub->subnet, text), "192.168.120.0/24");
	assert_string_equal(prefix_format(&hub->subnet6, text), "fd00:8::/64");
	assert_int_equal(hub->port_count, 3);
	assert_int_equal(hub->ports[0].kind, PORT_KIND_NAT);
	assert_int_equal(hub->ports[1].kind, PORT_KIND_DHCP);
	assert_int_equal(hub->ports[2].kind, PORT_KIND_VM);
	assert_int_equal(number(hub_config_host(hub)), 0xc0a87801);
	assert_int_equal(number(hub_config_gateway(hub)), 0xc0a87802);
	assert_int_equal(number(hub_config_dhcp_server(hub)), 0xc0a878fe);
	config_free(config);
}

static void nothing_stands_for_an_empty_thing(void **)
{
	static const char *const texts[] = {
		"hubs:\n",
		"hubs: {}\n",
		"hubs: ~\n",
		"{\"hubs\": null}",
		"hubs:\n  hub8:\n",
		"hubs:\n  hub8:\n    ports:\n",
		"hubs: {hub8: {subnet: 10.0.0.0/24, ports: [{kind: nat, forwards: , dns: []}]}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		config_free(read_text(texts[i]));
}

#define PORT(text) "hubs:\n  hub8:\n    subnet: 10.0.0.0/24\n    ports:\n      - " text "\n"

static void refuses_wrong_shapes(void **)
{
	static const struct refusal refusals[] = {
		{"[]", "f:1:1: a mapping of keys to values is expected, not a list"},
		{"hello", "f:1:1: a mapping of keys to values is expected, not a value"},
		{"{}", "f:1:1: key 'hubs' is missing"},
		{"hub: {}", "f:1:1: hub: unknown key; keys here are hubs; did you mean hubs?"},
		{"hubs: []", "f:1:1: hubs: a mapping of keys to values is expected, not a list"},
		{"hubs: {vmnet8: {}}",
			"f:1:8: hubs.vmnet8: 'vmnet8' is not a hub's name: hub0 to hub9999"},
		{"hubs: {hub8: yes}",
			"f:1:8: hubs.hub8: a mapping of keys to values is expected, not a value"},
		{"hubs: {hub8: {ports: {}}}",
			"f:1:15: hubs.hub8.ports: a list is expected, not a mapping of keys to values"},
		{"hubs: {hub8: {subnet: []}}",
			"f:1:15: hubs.hub8.subnet: a value is expected, not a list"},
		{"hubs: {hub8: {mtu: }}",
			"f:1:15: hubs.hub8.mtu: '' is not an MTU, a number from 576 to 65520"},
		{"hubs: {hub8: {sunbet: 10.0.0.0/24}}",
			"f:1:15: hubs.hub8.sunbet: unknown key; keys here are subnet, subnet6, mtu, "
			"ports; did you mean subnet?"},
		{PORT("host"),
			"f:5:9: hubs.hub8.ports[0]: a mapping of keys to values is expected, not "
			"a value"},
		{PORT(""),
			"f:5:8: hubs.hub8.ports[0]: key 'kind' is missing; kinds are host, netns, "
			"nat, dhcp, vm, vhost-user, vde, nic, router, link"},
		{PORT("{dev: lan1}"),
			"f:5:9: hubs.hub8.ports[0]: key 'kind' is missing; kinds are host, "
			"netns, nat, dhcp, vm, vhost-user, vde, nic, router, link"},
		{PORT("{kind: [nat]}"),
			"f:5:10: hubs.hub8.ports[0].kind: a value is expected, not a list"},
		{PORT("{dev: a, kind: vxlan}"),
			"f:5:18: hubs.hub8.ports[0].kind: 'vxlan' is not a kind of port; kinds are "
			"host, netns, nat, dhcp, vm, vhost-user, vde, nic, router, link"},
		{PORT("{kind: dchp}"),
			"f:5:10: hubs.hub8.ports[0].kind: 'dchp' is not a kind of port; kinds are host, "
			"netns, nat, dhcp, vm, vhost-user, vde, nic, router, link; did you mean dhcp?"},
		{PORT("{kind: }"),
			"f:5:10: hubs.hub8.ports[0].kind: '' is not a kind of port; kinds are "
			"host, netns, nat, dhcp, vm, vhost-user, vde, nic, router, link"},
		{PORT("{kind: nat, forward: []}"),
			"f:5:21: hubs.hub8.ports[0].nat.forward: unknown key; keys here are kind, name, "
			"mac, mtu, link, isolated, spared, guard, storm, loop-guard, rate, impair, impair-in, impair-out, forwards, "
			"host-loopback, dns; did you mean forwards?"},
		{PORT("{kind: nat, rate: 7bit}"),
			"f:5:21: hubs.hub8.ports[0].nat.rate: '7bit' is not a rate from 8kbit to "
			"1000gbit, such as 100mbit or 1.5mbit; or none"},
		{PORT("{kind: nat, impair: delay 5ms jitter 1}"),
			"f:5:21: hubs.hub8.ports[0].nat.impair: 'delay 5ms jitter 1': '1' is not a "
			"time of at most 60s, such as 50ms, 0.5s or 200us"},
		{PORT("{kind: netns}"), "f:5:9: hubs.hub8.ports[0].netns: key 'netns' is missing"},
		{PORT("{kind: host, dev: a123456789012345}"),
			"f:5:22: hubs.hub8.ports[0].host.dev: 'a123456789012345' is not an interface's "
			"name: 1 to 15 characters, no space, /, : or %"},
		{PORT("{kind: nat, dns: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]}"),
			"f:5:21: hubs.hub8.ports[0].nat.dns: has 4 items; at most 3 are allowed"},
		{PORT("{kind: nat, dns: [1.1.1.1, [1.1.1.2]]}"),
			"f:5:36: hubs.hub8.ports[0].nat.dns[1]: a value is expected, not a list"},
		{PORT("{kind: dhcp, dns: [1.1.1.1, one]}"),
			"f:5:37: hubs.hub8.ports[0].dhcp.dns[1]: 'one' is not a host's IPv4 address, "
			"such as 192.168.120.10"},
		{PORT("{kind: dhcp, reservations: [{mac: 02:00:00:00:00:01}]}"),
			"f:5:37: hubs.hub8.ports[0].dhcp.reservations[0]: key 'ip' is missing"},
		{PORT("{kind: dhcp, reservations: [{mac: 01:00:00:00:00:01}]}"),
			"f:5:38: hubs.hub8.ports[0].dhcp.reservations[0].mac: '01:00:00:00:00:01' is a "
			"group address; a station's has an even first byte, as 02:00:00:00:00:01"},
		{PORT("{kind: dhcp, reservations: [{mac: 02:00:00:00:00:01, ipv4: 10.0.0.5}]}"),
			"f:5:62: hubs.hub8.ports[0].dhcp.reservations[0].ipv4: unknown key; keys here "
			"are mac, ip, name"},
		{PORT("{kind: dhcp, reservations: one}"),
			"f:5:22: hubs.hub8.ports[0].dhcp.reservations: a list is expected, not a value"},
	};

	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void refuses_too_many_ports(void **)
{
	size_t size = 4097 * 8 + 64;
	char *text = calloc(1, size);
	size_t used = (size_t)sprintf(text, "hubs: {hub8: {ports: [");

	for (size_t i = 0; i < 4097; i++)
		used += (size_t)sprintf(text + used, "{},");
	sprintf(text + used, "]}}");
	assert_refused(text, strlen(text), "f:1:15: hubs.hub8.ports: has more than 4096 items");
	free(text);
}

static void reads_files(void **)
{
	char path[] = "/tmp/lanyard-config-XXXXXX", expected[128];
	int fd = mkstemp(path);
	struct config *config = NULL;
	struct error error = {};

	assert_int_equal(write(fd, example, strlen(example)), strlen(example));
	assert_int_equal(config_read_file(path, &config, &error), 0);
	assert_int_equal(config->hub_count, 3);
	config_free(config);
	config = NULL;

	assert_int_equal(write(fd, "x: y\n", 5), 5);
	assert_int_equal(config_read_file(path, &config, &error), -22);
	snprintf(expected, sizeof(expected), "%s:30:1: x: unknown key; keys here are hubs", path);
	assert_string_equal(error.text, expected);

	unlink(path);
	close(fd);
	error = (struct error){};
	assert_int_equal(config_read_file(path, &config, &error), -2);
	snprintf(expected, sizeof(expected), "%s: No such file or directory", path);
	assert_string_equal(error.text, expected);
	error = (struct error){};
	assert_int_equal(config_read_file("/tmp", &config, &error), -21);
	assert_string_equal(error.text, "/tmp: Is a directory");
	assert_null(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_the_model),
		cmocka_unit_test(fills_the_defaults),
		cmocka_unit_test(pools_fit_any_subnet),
		cmocka_unit_test(built_in_default),
		cmocka_unit_test(nothing_stands_for_an_empty_thing),
		cmocka_unit_test(refuses_wrong_shapes),
		cmocka_unit_test(refuses_too_many_ports),
		cmocka_unit_test(reads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
