/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/test_support.h"

#include <errno.h>
#include <stdio.h>

#define HUB8(ports) "hubs:\n  hub8:\n    subnet: 192.168.120.0/24\n    ports:\n" ports
#define DHCP(keys)  HUB8("      - kind: dhcp\n" keys)
#define NAT(keys)   HUB8("      - kind: nat\n" keys)

static void pools(void **)
{
	static const struct refusal refusals[] = {
		{DHCP("        pool: 192.168.120.128-192.168.121.9\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: 192.168.121.9 is outside 192.168.120.0/24"},
		{DHCP("        pool: 10.0.0.1-192.168.120.9\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: 10.0.0.1 is outside 192.168.120.0/24"},
		{DHCP("        pool: 192.168.120.9-192.168.120.8\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: 192.168.120.9-192.168.120.8 is the wrong "
			"way round; 192.168.120.8-192.168.120.9 would be right"},
		{DHCP("        pool: 192.168.120.0-192.168.120.9\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: holds 192.168.120.0, the network's own "
			"address; at most 192.168.120.3-192.168.120.253 would be right"},
		{DHCP("        pool: 192.168.120.1-192.168.120.1\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: holds 192.168.120.1, the host's address; "
			"at most 192.168.120.3-192.168.120.253 would be right"},
		{DHCP("        pool: 192.168.120.2-192.168.120.253\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: holds 192.168.120.2, the gateway's address; "
			"at most 192.168.120.3-192.168.120.253 would be right"},
		{DHCP("        pool: 192.168.120.3-192.168.120.254\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: holds 192.168.120.254, the DHCP server's "
			"address; at most 192.168.120.3-192.168.120.253 would be right"},
		{DHCP("        pool: 192.168.120.255-192.168.120.255\n"),
			"f:6:9: hubs.hub8.ports[0].dhcp.pool: holds 192.168.120.255, the broadcast "
			"address; at most 192.168.120.3-192.168.120.253 would be right"},
	};
	struct config *config = read_text(DHCP("        pool: 192.168.120.3-192.168.120.253\n"));

	config_free(config);
	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

#define TWO(a, b) DHCP("        reservations:\n          - {" a "}\n          - {" b "}\n")

static void reservations(void **)
{
	static const struct refusal refusals[] = {
		{TWO("mac: 02:00:00:00:00:01, ip: 192.168.120.10",
			 "mac: 02:00:00:00:00:02, ip: 192.168.121.10"),
			"f:8:38: hubs.hub8.ports[0].dhcp.reservations[1].ip: 192.168.121.10 is outside "
			"192.168.120.0/24"},
		{TWO("mac: 02:00:00:00:00:01, ip: 192.168.120.10",
			 "mac: 02:00:00:00:00:01, ip: 192.168.120.11"),
			"f:8:14: hubs.hub8.ports[0].dhcp.reservations[1].mac: 02:00:00:00:00:01 is "
			"reserved twice, first by reservations[0]"},
		{TWO("mac: 02:00:00:00:00:01, ip: 192.168.120.10",
			 "mac: 02:00:00:00:00:02, ip: 192.168.120.10"),
			"f:8:38: hubs.hub8.ports[0].dhcp.reservations[1].ip: 192.168.120.10 is reserved "
			"twice, first by reservations[0]"},
		{TWO("mac: 02:00:00:00:00:01, ip: 192.168.120.254",
			 "mac: 02:00:00:00:00:02, ip: 192.168.120.10"),
			"f:7:38: hubs.hub8.ports[0].dhcp.reservations[0].ip: 192.168.120.254 is the DHCP "
			"server's address"},
		{TWO("mac: 02:00:00:00:00:01, ip: 192.168.120.2",
			 "mac: 02:00:00:00:00:02, ip: 192.168.120.10"),
			"f:7:38: hubs.hub8.ports[0].dhcp.reservations[0].ip: 192.168.120.2 is the "
			"gateway's address"},
	};

	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void routers(void **)
{
	assert_refused(DHCP("        router: 10.0.0.1\n"),
		strlen(DHCP("        router: 10.0.0.1\n")),
		"f:6:9: hubs.hub8.ports[0].dhcp.router: 10.0.0.1 is outside 192.168.120.0/24");
}

#define FORWARDS(a, b) NAT("        forwards:\n          - " a "\n          - " b "\n")
#define FIRST	       "tcp 127.0.0.1:80 192.168.120.10:80"

static void forwards(void **)
{
	static const struct refusal refusals[] = {
		{FORWARDS(FIRST, "tcp 127.0.0.1:81 192.168.121.10:80"),
			"f:8:13: hubs.hub8.ports[0].nat.forwards[1]: 192.168.121.10 is outside "
			"192.168.120.0/24"},
		{FORWARDS(FIRST, "'tcp [::1]:81 [fd00::1]:80'"),
			"f:8:13: hubs.hub8.ports[0].nat.forwards[1]: fd00::1 has no place: hub8 has no "
			"subnet6"},
		{FORWARDS(FIRST, "tcp 127.0.0.1:80 192.168.120.11:80"),
			"f:8:13: hubs.hub8.ports[0].nat.forwards[1]: listens where "
			"'tcp 127.0.0.1:80 192.168.120.10:80' does already"},
		{FORWARDS(FIRST, "tcp 0.0.0.0:70-80 192.168.120.11:70-80"),
			"f:8:13: hubs.hub8.ports[0].nat.forwards[1]: listens where "
			"'tcp 127.0.0.1:80 192.168.120.10:80' does already"},
		{NAT("        forwards: " FIRST "\n  hub9:\n    subnet: 10.0.0.0/24\n    ports:\n"
		     "    - {kind: nat, forwards: tcp 127.0.0.1:80 10.0.0.10:80}\n"),
			"f:10:19: hubs.hub9.ports[0].nat.forwards[0]: listens where hub8's "
			"'tcp 127.0.0.1:80 192.168.120.10:80' does already"},
	};
	static const char *const fine[] = {
		FORWARDS(FIRST, "udp 127.0.0.1:80 192.168.120.10:80"),
		FORWARDS(FIRST, "tcp 127.0.0.2:80 192.168.120.10:80"),
		FORWARDS(FIRST, "tcp 127.0.0.1:81-82 192.168.120.10:80-81"),
		FORWARDS(FIRST, "tcp 127.0.0.1:78-79 192.168.120.10:80-81"),
		FORWARDS(FIRST, "'tcp [::]:80 192.168.120.10:80'"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		config_free(read_text(fine[i]));
	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

#define HUB6 "hubs:\n  hub8:\n    subnet: 192.168.120.0/24\n    subnet6: fd00:8::/64\n    ports:\n"
#define TOKEN                                                                                      \
	"#AapwA4XTABnx2TyEN5WfBAZQMI6yx6dLjHaBRZ-RIptauFe759VWK2xlCpFhoG4YcgVvNXoBXCs8dvG0a8GhtXI" \
	"gbz6Y"
#define JOINED(host) "      - kind: link\n        invite: lanyard://" host "/" TOKEN "\n"
#define HUB5(ports)  "hubs:\n  hub5:\n    ports:\n" ports

static void links(void **)
{
	static const struct refusal refusals[] = {
		{HUB5("      - {kind: link, listen: 4000}\n      - {kind: link, listen: 4001}\n"),
			"f:5:22: hubs.hub5.ports[1].link.listen: hub5 listens for links already, "
			"ports[0]"},
		{HUB5(JOINED("a.example:4000") JOINED("192.0.2.1:9")),
			"f:7:9: hubs.hub5.ports[1].link.invite: hub5 has joined by this invitation "
			"already, ports[0]"},
		{HUB5(JOINED("a.example:4000")) "  hub6:\n    ports:\n" JOINED("a.example:4000"),
			"f:9:9: hubs.hub6.ports[0].link.invite: hub5 has joined by this invitation "
			"already, ports[0]"},
		{HUB5(JOINED("a.example:4000") "        approve: true\n"),
			"f:6:9: hubs.hub5.ports[0].link.approve: is for a hub that listens"},
	};

	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

#define LEG(l) "      - kind: router\n        router: r1\n" l
#define HUB9(ports)                                                                                \
	"  hub9:\n    subnet: 192.168.121.0/24\n    ports:\n      - kind: router\n" ports
#define AT0 "hubs.hub8.ports[0].router."

static void legs(void **)
{
	static const struct refusal refusals[] = {
		{"hubs:\n  hub8:\n    ports:\n" LEG(""),
			"f:4:9: hubs.hub8.ports[0].router: needs a subnet; give hub8 one, such as "
			"'subnet: 192.168.120.0/24'"},
		{HUB8("      - kind: router\n"),
			"f:5:9: hubs.hub8.ports[0].router: key 'router' is missing"},
		{HUB8(LEG("        address: 192.168.121.3\n")),
			"f:7:9: " AT0 "address: 192.168.121.3 is outside 192.168.120.0/24"},
		{HUB8(LEG("        address: 192.168.120.2\n")),
			"f:7:9: " AT0 "address: 192.168.120.2 is the gateway's address"},
		{HUB8(LEG("        address: 192.168.120.200\n") "      - kind: dhcp\n"),
			"f:7:9: " AT0
			"address: 192.168.120.200 is in the pool that the hub's dhcp port "
			"gives away"},
		{HUB8(LEG("") "      - {kind: dhcp, reservations: [{mac: '02:00:00:00:00:01', "
			      "ip: 192.168.120.3}]}\n"),
			"f:5:9: " AT0 "address: 192.168.120.3 is reserved by the hub's dhcp port"},
		{HUB8(LEG("        address6: fd00:8::4\n")),
			"f:7:9: " AT0 "address6: fd00:8::4 has no place: hub8 has no subnet6"},
		{HUB6 LEG("        address6: fd00:9::4\n"),
			"f:8:9: " AT0 "address6: fd00:9::4 is outside fd00:8::/64"},
		{HUB6 LEG("        address6: fd00:8::2\n"),
			"f:8:9: " AT0
			"address6: fd00:8::2 is the network's, the host's or the gateway's"},
		{HUB8(LEG("") LEG("        address: 192.168.120.4\n")),
			"f:8:9: hubs.hub8.ports[1].router.router: 'r1' has a leg on hub8 already, "
			"ports[0]"},
		{HUB8(LEG("") "      - {kind: router, router: r2}\n"),
			"f:7:9: hubs.hub8.ports[1].router.address: 192.168.120.3 is the address of "
			"ports[0] already"},
		{HUB6 LEG("") "      - {kind: router, router: r2, address: 192.168.120.4}\n",
			"f:8:9: hubs.hub8.ports[1].router.address6: fd00:8::3 is the address of "
			"ports[0] already"},
	};
	struct config *config = read_text(HUB6 LEG(
		"") "      - {kind: dhcp}\n      - {kind: nat}\n" HUB9("        router: r1\n"));
	const struct router_config *leg = &config->hubs[0].ports[0].router;
	char text[IP_TEXT_SIZE];

	assert_string_equal(ip_format(leg->address, text), "192.168.120.3");
	assert_string_equal(ip_format(leg->address6, text), "fd00:8::3");
	assert_true(ip_is_none(config->hubs[1].ports[0].router.address6));
	config_free(config);
	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

#define ROUTES(list) LEG("        routes: [" list "]\n")

static void routes(void **)
{
	static const struct refusal refusals[] = {
		{HUB8(ROUTES("10.0.0.0/8 via 192.168.121.9")),
			"f:7:18: " AT0 "routes[0]: 192.168.121.9 is outside 192.168.120.0/24"},
		{HUB8(ROUTES("10.0.0.0/8 via 192.168.120.3")),
			"f:7:18: " AT0 "routes[0]: 192.168.120.3 is this leg's own address"},
		{HUB8(ROUTES("'fd09::/64 via fd00:8::9'")),
			"f:7:18: " AT0
			"routes[0]: needs an address6; r1 has no IPv6 address on hub8"},
		{HUB6 ROUTES("'fd09::/64 via fd00:9::9'"),
			"f:8:18: " AT0 "routes[0]: fd00:9::9 is outside fd00:8::/64"},
		{HUB8(ROUTES("'fd09::/64 via leg'")),
			"f:7:18: " AT0
			"routes[0]: needs an address6; r1 has no IPv6 address on hub8"},
		{HUB8(ROUTES("0.0.0.0/0 via leg")),
			"f:7:18: " AT0 "routes[0]: 0.0.0.0/0 is everywhere, and no hub is"},
		{HUB8(ROUTES("10.0.0.0/8 via leg, 10.0.0.0/8 via 192.168.120.10")),
			"f:7:38: " AT0 "routes[1]: 10.0.0.0/8 has a route already"},
		{HUB8(ROUTES("10.0.0.0/8 via 192.168.120.9, 10.0.0.0/8 via 192.168.120.10")),
			"f:7:48: " AT0 "routes[1]: 10.0.0.0/8 has a route already"},
		{HUB8(ROUTES("10.0.0.0/8 via 192.168.120.9")) HUB9(
			 "        router: r1\n        routes: [10.0.0.0/8 via 192.168.121.9]\n"),
			"f:13:18: hubs.hub9.ports[0].router.routes[0]: 10.0.0.0/8 has a route by the "
			"leg on hub8 already"},
	};
	struct config *config = read_text(
		HUB6 ROUTES("0.0.0.0/0 via 192.168.120.2, "
			    "'::/0 via fe80::1', 'fd09::/64 via fd00:8::9'"));

	assert_int_equal(config->hubs[0].ports[0].router.route_count, 3);
	config_free(config);
	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void many_legs(void **)
{
	char text[4096] = "hubs:\n";
	struct config *config = NULL;
	struct error error = {0};

	for (unsigned i = 0; i < 17; i++) {
		if (i == 16) {
			assert_int_equal(config_read("f", text, strlen(text), &config, &error), 0);
			config_free(config);
		}
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"  hub%u: {subnet: 10.%u.0.0/24, ports: [{kind: router, router: r1}]}\n", i,
			i);
	}
	assert_int_equal(config_read("f", text, strlen(text), &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "'r1' has 17 legs; at most 16 are allowed"));
}

static void ports_of_one_hub(void **)
{
	static const struct refusal refusals[] = {
		{HUB8("      - {kind: nat}\n      - {kind: nat}\n"),
			"f:6:9: hubs.hub8.ports[1].nat: hub8 has a nat port already, ports[0]"},
		{HUB8("      - {kind: dhcp}\n      - {kind: nat}\n      - {kind: dhcp}\n"),
			"f:7:9: hubs.hub8.ports[2].dhcp: hub8 has a dhcp port already, ports[0]"},
		{HUB8("      - {kind: host}\n      - {kind: host, dev: b}\n"),
			"f:6:9: hubs.hub8.ports[1].host: hub8 has a host port already, ports[0]"},
		{"hubs:\n  hub0:\n    ports:\n      - {kind: nat}\n",
			"f:4:9: hubs.hub0.ports[0].nat: needs a subnet; give hub0 one, such as "
			"'subnet: 192.168.120.0/24'"},
		{"hubs:\n  hub0:\n    ports:\n      - {kind: dhcp, pool: 10.0.0.1-10.0.0.2}\n",
			"f:4:9: hubs.hub0.ports[0].dhcp: needs a subnet; give hub0 one, such as "
			"'subnet: 192.168.120.0/24'"},
		{HUB8("      - {kind: nat, mac: 02:00:00:00:00:01}\n"
		      "      - {kind: dhcp, mac: 02:00:00:00:00:01}\n"),
			"f:6:22: hubs.hub8.ports[1].dhcp.mac: 02:00:00:00:00:01 is the address of "
			"ports[0] already"},
		{HUB8("      - {kind: nat, name: a}\n      - {kind: dhcp, name: a}\n"),
			"f:6:22: hubs.hub8.ports[1].dhcp.name: 'a' is the name of hub8.ports[0] already"},
		{HUB8("      - {kind: netns, netns: a}\n      - {kind: netns, netns: a}\n"),
			"f:6:9: hubs.hub8.ports[1].netns.dev: 'eth0' is the interface of hub8.ports[0] "
			"already"},
	};

	config_free(read_text("hubs: {hub0: {ports: [{kind: host}, {kind: host, dev: b}]}}"));
	config_free(read_text(HUB8("      - {kind: netns, netns: a}\n"
				   "      - {kind: netns, netns: a, dev: eth1}\n"
				   "      - {kind: netns, netns: b}\n")));
	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void hubs(void **)
{
	static const struct refusal refusals[] = {
		{"hubs:\n  hub8: {subnet: 192.168.120.0/24}\n  hub9: {subnet: 192.168.0.0/16}\n",
			"f:3:10: hubs.hub9.subnet: 192.168.0.0/16 overlaps hub8's 192.168.120.0/24"},
		{"hubs:\n  hub8: {subnet: 10.0.0.0/8}\n  hub9: {subnet: 10.1.0.0/16}\n",
			"f:3:10: hubs.hub9.subnet: 10.1.0.0/16 overlaps hub8's 10.0.0.0/8"},
		{"hubs:\n  hub8: {subnet6: 'fd00:8::/64'}\n  hub9: {subnet6: 'fd00:8::/64'}\n",
			"f:3:10: hubs.hub9.subnet6: fd00:8::/64 overlaps hub8's fd00:8::/64"},
		{"hubs:\n  hub8: {subnet6: 'fd00:8::/64', mtu: 1279}\n",
			"f:2:34: hubs.hub8.mtu: 1279 is too small for subnet6: IPv6 needs 1280 "
			"(RFC 8200 5)"},
		{"hubs:\n  hub0: {ports: [{kind: host, name: a}]}\n"
		 "  hub1: {ports: [{kind: host, name: a}]}\n",
			"f:3:31: hubs.hub1.ports[0].host.name: 'a' is the name of hub0.ports[0] already"},
		{"hubs:\n  hub0: {ports: [{kind: host, dev: lan1}]}\n"
		 "  hub1: {ports: [{kind: host}]}\n",
			"f:3:18: hubs.hub1.ports[0].host.dev: 'lan1' is the interface of hub0.ports[0] "
			"already"},
		{"hubs:\n  hub0: {ports: [{kind: nic, dev: eth0}]}\n"
		 "  hub1: {ports: [{kind: nic, dev: eth0}]}\n",
			"f:3:30: hubs.hub1.ports[0].nic.dev: 'eth0' is the interface of hub0.ports[0] "
			"already"},
	};

	config_free(read_text("hubs: {hub8: {subnet6: 'fd00:8::/64', mtu: 1280}}"));
	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void models_changed_since(void **)
{
	struct config *config = config_default();
	struct dhcp_config *dhcp = &config->hubs[0].ports[1].dhcp;
	struct error error = {};

	assert_int_equal(config_check(config, &error), 0);
	dhcp->pool_last = ip_from_v4(ip4_from_number(0xc0a87909));
	assert_int_equal(config_check(config, &error), -22);
	assert_string_equal(error.text,
		"hubs.hub8.ports[1].dhcp.pool: 192.168.121.9 is outside 192.168.120.0/24");
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools),
		cmocka_unit_test(reservations),
		cmocka_unit_test(routers),
		cmocka_unit_test(forwards),
		cmocka_unit_test(legs),
		cmocka_unit_test(routes),
		cmocka_unit_test(many_legs),
		cmocka_unit_test(ports_of_one_hub),
		cmocka_unit_test(hubs),
		cmocka_unit_test(links),
		cmocka_unit_test(models_changed_since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
