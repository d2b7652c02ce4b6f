/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HUB8 "hub8: {subnet: 192.168.120.0/24, ports: "

static struct config *read_config(const char *text)
{
	struct config *config = NULL;
	struct error error = {};
	char whole[1024];

	snprintf(whole, sizeof(whole), "hubs: {%s}", text);
	if (config_read("test", whole, strlen(whole), &config, &error))
		fail_msg("%s", error.text);
	return config;
}

static bool goes(const struct plan_stays *, size_t, size_t)
{
	return false;
}

static bool stays(const struct plan_stays *, size_t, size_t)
{
	return true;
}

/* "hub8=(keep)host=keep(0>0) ..." for what the plan says: short enough to compare. */
static void describe(const struct plan *plan, char *text, size_t size)
{
	static const char *const names[] = {"keep", "change", "replace", "remove", "add"};
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->hub_count; i++) {
		const struct plan_hub *hub = &plan->hubs[i];

		used += (size_t)snprintf(text + used, size - used, "%s%s:%s", i ? " " : "",
			hub->to ? hub->to->name : hub->from->name, names[hub->fate]);
		for (size_t j = 0; j < hub->port_count; j++) {
			const struct plan_port *port = &hub->ports[j];
			const struct port_config *config = port->to == PLAN_NONE
								   ? &hub->from->ports[port->from]
								   : &hub->to->ports[port->to];

			used += (size_t)snprintf(text + used, size - used, " %s:%s",
				port_kind_name(config->kind), names[port->fate]);
		}
	}
}

static void expect(const char *from, const char *to,
	bool (*by_hand)(const struct plan_stays *, size_t, size_t), const char *wanted)
{
	const struct plan_stays rule = {by_hand};
	struct config *running = read_config(from), *wished = read_config(to);
	struct plan *plan = plan_new(running, wished, &rule);
	char text[512];

	assert_non_null(plan);
	describe(plan, text, sizeof(text));
	assert_string_equal(text, wanted);
	assert_int_equal(
		plan_is_empty(plan), !strstr(wanted, "change") && !strstr(wanted, "replace") &&
					     !strstr(wanted, "remove") && !strstr(wanted, "add"));
	plan_free(plan);
	config_free(running);
	config_free(wished);
}

static void the_same_is_kept(void **)
{
	expect(HUB8 "[{kind: nat}, {kind: dhcp}]}", HUB8 "[{kind: nat}, {kind: dhcp}]}", goes,
		"hub8:keep nat:keep dhcp:keep");
	/* In another order too: slots are where they are. */
	expect(HUB8 "[{kind: nat}, {kind: dhcp}]}", HUB8 "[{kind: dhcp}, {kind: nat}]}", goes,
		"hub8:keep dhcp:keep nat:keep");
	expect("", "", goes, "");
}

static void hubs_come_and_go_alone(void **)
{
	expect(HUB8 "[{kind: nat}]}", HUB8 "[{kind: nat}]}, hub1: {ports: [{kind: host}]}", goes,
		"hub8:keep nat:keep hub1:add host:add");
	expect(HUB8 "[{kind: nat}]}, hub1: {ports: [{kind: host}]}", HUB8 "[{kind: nat}]}", goes,
		"hub8:keep nat:keep hub1:remove host:remove");
	/* What was plugged by hand goes with its hub. */
	expect("hub1: {ports: [{kind: host}]}", "", stays, "hub1:remove host:remove");
}

static void what_can_change_while_it_runs_does(void **)
{
	expect(HUB8 "[{kind: nat}, {kind: dhcp}]}",
		HUB8 "[{kind: nat, forwards: [tcp 127.0.0.1:22 192.168.120.10:22]}, "
		     "{kind: dhcp, lease: 5m}]}",
		goes, "hub8:keep nat:change dhcp:change");
}

static void a_policy_changes_in_any_kind(void **)
{
	expect(HUB8 "[{kind: nat}, {kind: dhcp, isolated: true}, {kind: host}, {kind: vm}]}",
		HUB8 "[{kind: nat, rate: 1mbit}, {kind: dhcp}, {kind: host, link: down}, "
		     "{kind: vm, impair-out: loss 1%}]}",
		goes, "hub8:keep nat:change dhcp:change host:change vm:change");
	/* Together with what the kind can change, and with what it cannot. */
	expect(HUB8 "[{kind: nat}, {kind: host}]}",
		HUB8
		"[{kind: nat, rate: 1mbit, dns: 9.9.9.9}, {kind: host, rate: 1mbit, mtu: 1400}]}",
		goes, "hub8:keep nat:change host:replace");
	/* Of a VM its address too; that of others is their interface's. */
	expect("hub1: {ports: [{kind: vm}, {kind: netns, netns: a}]}",
		"hub1: {ports: [{kind: vm, mac: \"02:00:00:00:00:01\"}, "
		"{kind: netns, netns: a, mac: \"02:00:00:00:00:02\"}]}",
		goes, "hub1:keep vm:change netns:replace");
}

static void what_cannot_is_replaced(void **)
{
	expect(HUB8 "[{kind: nat}, {kind: dhcp}]}",
		HUB8 "[{kind: nat, host-loopback: true}, "
		     "{kind: dhcp, mac: \"02:00:00:00:00:01\"}]}",
		goes, "hub8:keep nat:replace dhcp:replace");
	expect("hub1: {ports: [{kind: host, dev: lan1}]}",
		"hub1: {ports: [{kind: host, dev: lan1, mtu: 1400}]}", goes,
		"hub1:keep host:replace");
	/* Another interface is another port. */
	expect("hub1: {ports: [{kind: host, dev: lan1}]}",
		"hub1: {ports: [{kind: host, dev: lan2}]}", goes, "hub1:keep host:add host:remove");
}

static void a_named_port_is_known_by_its_name(void **)
{
	expect("hub1: {ports: [{kind: netns, netns: a, name: x}, {kind: netns, netns: b, name: y}]}",
		"hub1: {ports: [{kind: netns, netns: c, name: y}]}", goes,
		"hub1:keep netns:replace netns:remove");
}

static void a_subnet_takes_along_what_lives_in_it(void **)
{
	expect("hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat}, {kind: netns, netns: a}]}",
		"hub8: {subnet: 192.168.121.0/24, ports: [{kind: nat}, {kind: netns, netns: a}]}",
		goes, "hub8:change nat:replace netns:keep");
	/* A gateway that was plugged by hand has no place on the new one. */
	expect("hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat}, {kind: netns, netns: a}]}",
		"hub8: {subnet: 192.168.121.0/24}", stays, "hub8:change nat:remove netns:keep");
}

static void an_mtu_takes_along_who_has_none_of_its_own(void **)
{
	expect("hub1: {mtu: 1500, ports: [{kind: netns, netns: a}, {kind: netns, netns: b, mtu: 1400}]}",
		"hub1: {mtu: 9000, ports: [{kind: netns, netns: a}, {kind: netns, netns: b, mtu: 1400}]}",
		goes, "hub1:change netns:replace netns:keep");
}

static void by_hand_stays(void **)
{
	expect(HUB8 "[{kind: nat}, {kind: netns, netns: a}]}", HUB8 "[{kind: nat}]}", goes,
		"hub8:keep nat:keep netns:remove");
	expect(HUB8 "[{kind: nat}, {kind: netns, netns: a}]}", HUB8 "[{kind: nat}]}", stays,
		"hub8:keep nat:keep netns:keep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_kept),
		cmocka_unit_test(hubs_come_and_go_alone),
		cmocka_unit_test(what_can_change_while_it_runs_does),
		cmocka_unit_test(a_policy_changes_in_any_kind),
		cmocka_unit_test(what_cannot_is_replaced),
		cmocka_unit_test(a_named_port_is_known_by_its_name),
		cmocka_unit_test(a_subnet_takes_along_what_lives_in_it),
		cmocka_unit_test(an_mtu_takes_along_who_has_none_of_its_own),
		cmocka_unit_test(by_hand_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
