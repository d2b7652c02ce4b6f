/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LABELS "{hub=\"hub8\",slot=\"3\",port=\"hub8.3\",name=\"netns3\",kind=\"netns\"}"

struct fixture {
	struct world_hub hub;
	struct world_port owner;
	struct port_snapshot port;
	struct metrics_port more;
	struct metrics_hub of_hub;
	struct metrics metrics;
	char *text;
};

static void begin(struct fixture *t)
{
	*t = (struct fixture){.hub.config.name = "hub8"};
	t->owner.hub = &t->hub;
	t->owner.config.kind = PORT_KIND_NETNS;
	t->port = (struct port_snapshot){.port = &t->owner, .slot = 3, .name = "netns3"};
	t->of_hub.snapshot = (struct hub_snapshot){&t->hub, 77, 5, &t->port, 1};
	t->of_hub.ports = &t->more;
	t->metrics = (struct metrics){&t->of_hub, 1, 4096, 1.5};
}

static void assert_line(struct fixture *t, const char *line)
{
	char wanted[512];

	free(t->text);
	t->text = metrics_text(&t->metrics);
	assert_non_null(t->text);
	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (!strstr(t->text, wanted))
		fail_msg("no line '%s' in:\n%s", line, t->text);
}

static void assert_nowhere(const struct fixture *t, const char *words)
{
	if (strstr(t->text, words))
		fail_msg("'%s' is in:\n%s", words, t->text);
}

static void test_process(void **)
{
	struct fixture t;

	begin(&t);
	t.metrics.hub_count = 0;
	assert_line(&t, "lanyard_build_info{version=\"" LANYARD_VERSION "\"} 1");
	assert_line(&t, "process_resident_memory_bytes 4096");
	assert_line(&t, "process_cpu_seconds_total 1.500000");
	free(t.text);
}

static void test_hub(void **)
{
	struct fixture t;

	begin(&t);
	t.of_hub.address_count = 12;
	assert_line(&t, "lanyard_hub_frames_total{hub=\"hub8\"} 77");
	assert_line(&t, "lanyard_hub_answers_total{hub=\"hub8\"} 5");
	assert_line(&t, "lanyard_hub_ports{hub=\"hub8\"} 1");
	assert_line(&t, "lanyard_hub_addresses{hub=\"hub8\"} 12");
	assert_nowhere(&t, "lanyard_nat_flows{");
	assert_nowhere(&t, "lanyard_dhcp_leases{");
	free(t.text);
}

static void test_port(void **)
{
	struct fixture t;

	begin(&t);
	t.port.in = (struct port_counters){1, 2, {[DROP_RUNT] = 5}};
	t.port.out = (struct port_counters){3, (uint64_t)4 << 40, {[DROP_QUEUE_FULL] = 6}};
	assert_line(&t, "lanyard_port_in_frames_total" LABELS " 1");
	assert_line(&t, "lanyard_port_in_bytes_total" LABELS " 2");
	assert_line(&t, "lanyard_port_out_frames_total" LABELS " 3");
	assert_line(&t, "lanyard_port_out_bytes_total" LABELS " 4398046511104");
	assert_line(&t, "lanyard_port_up" LABELS " 1");
	assert_line(&t, "lanyard_port_drops_total{hub=\"hub8\",slot=\"3\",port=\"hub8.3\","
			"name=\"netns3\",kind=\"netns\",direction=\"in\",reason=\"runt\"} 5");
	assert_line(&t,
		"lanyard_port_drops_total{hub=\"hub8\",slot=\"3\",port=\"hub8.3\","
		"name=\"netns3\",kind=\"netns\",direction=\"out\",reason=\"queue_full\"} 6");
	assert_nowhere(&t, "giant");
	t.port.is_down = true;
	assert_line(&t, "lanyard_port_up" LABELS " 0");
	free(t.text);
}

static void test_nat(void **)
{
	struct fixture t;

	begin(&t);
	t.of_hub.has_nat = true;
	t.of_hub.nat = (struct gateway_counters){.tcp_flows = 1,
		.udp_opened = 2,
		.tcp_half_open = 3,
		.connect_refused = 4,
		.tcp_retransmitted_bytes = 5,
		.tcp_timeouts = 6,
		.memory_used = 7};
	assert_line(&t, "lanyard_nat_flows{hub=\"hub8\",protocol=\"tcp\"} 1");
	assert_line(&t, "lanyard_nat_flows_opened_total{hub=\"hub8\",protocol=\"udp\"} 2");
	assert_line(&t, "lanyard_nat_half_open_flows{hub=\"hub8\"} 3");
	assert_line(&t, "lanyard_nat_connect_failures_total{hub=\"hub8\",reason=\"refused\"} 4");
	assert_line(&t, "lanyard_nat_retransmitted_bytes_total{hub=\"hub8\"} 5");
	assert_line(&t, "lanyard_nat_retransmit_timeouts_total{hub=\"hub8\"} 6");
	assert_line(&t, "lanyard_nat_memory_bytes{hub=\"hub8\",state=\"used\"} 7");
	free(t.text);
}

static void test_dhcp(void **)
{
	struct fixture t;

	begin(&t);
	t.of_hub.has_dhcp = true;
	t.of_hub.leases[LEASE_BOUND] = 8;
	t.of_hub.dhcp = (struct dhcp_counters){.discover = 9, .nak = 10, .exhausted = 11};
	assert_line(&t, "lanyard_dhcp_leases{hub=\"hub8\",state=\"bound\"} 8");
	assert_line(&t, "lanyard_dhcp_leases{hub=\"hub8\",state=\"declined\"} 0");
	assert_line(&t, "lanyard_dhcp_received_total{hub=\"hub8\",type=\"discover\"} 9");
	assert_line(&t, "lanyard_dhcp_sent_total{hub=\"hub8\",type=\"nak\"} 10");
	assert_line(&t, "lanyard_dhcp_exhausted_total{hub=\"hub8\"} 11");
	free(t.text);
}

#define WITH(labels)                                                                               \
	"{hub=\"hub8\",slot=\"3\",port=\"hub8.3\",name=\"netns3\",kind=\"netns\"" labels "}"

static void test_leg(void **)
{
	struct fixture t;

	begin(&t);
	assert_line(&t, "# TYPE lanyard_router_forwarded_total counter");
	assert_nowhere(&t, "lanyard_router_forwarded_total{");
	t.more.is_leg = true;
	t.more.leg = (struct leg_counters){.forwarded = 12, .too_big = 13, .errors = 14};
	assert_line(&t, "lanyard_router_forwarded_total" LABELS " 12");
	assert_line(&t, "lanyard_router_refused_total" WITH(",reason=\"too_big\"") " 13");
	assert_line(&t, "lanyard_router_refused_total" WITH(",reason=\"no_route\"") " 0");
	assert_line(&t, "lanyard_router_errors_total" LABELS " 14");
	assert_nowhere(&t, "lanyard_link_sent_bytes_total{");
	free(t.text);
}

static void test_member(void **)
{
	struct fixture t;

	begin(&t);
	t.more.is_member = true;
	t.more.member.wg = (struct wg_peer_state){.received_bytes = 15,
		.sent_bytes = 16,
		.handshake_at = -NSEC_NEVER,
		.drops = {[WG_DROP_REPLAYED] = 17}};
	assert_line(&t, "lanyard_link_received_bytes_total" LABELS " 15");
	assert_line(&t, "lanyard_link_sent_bytes_total" LABELS " 16");
	assert_line(&t, "lanyard_link_drops_total" WITH(",reason=\"replayed\"") " 17");
	assert_nowhere(&t, "forged");
	assert_nowhere(&t, "lanyard_link_handshake_age_seconds{");
	assert_nowhere(&t, "lanyard_link_round_trip_seconds{");
	t.more.member.wg.handshake_at = 0;
	t.more.member.now = NSEC_PER_SEC * 3 / 2;
	t.more.member.rtt = NSEC_PER_MSEC;
	assert_line(&t, "lanyard_link_handshake_age_seconds" LABELS " 1.500000");
	assert_line(&t, "lanyard_link_round_trip_seconds" LABELS " 0.001000");
	free(t.text);
}

static void test_strangers(void **)
{
	struct fixture t;

	begin(&t);
	t.of_hub.has_relay = true;
	t.of_hub.strangers[WG_DROP_TOO_MANY] = 18;
	assert_line(&t, "lanyard_link_strangers_total{hub=\"hub8\",reason=\"too-many\"} 18");
	free(t.text);
}

static void test_labels_are_escaped(void **)
{
	struct fixture t;

	begin(&t);
	strcpy(t.port.name, "a\"b\\c\nd");
	assert_line(&t, "lanyard_port_up{hub=\"hub8\",slot=\"3\",port=\"hub8.3\","
			"name=\"a\\\"b\\\\c\\nd\",kind=\"netns\"} 1");
	free(t.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_hub),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_dhcp),
		cmocka_unit_test(test_leg),
		cmocka_unit_test(test_member),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_labels_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
