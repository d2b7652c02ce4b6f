/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Needs no privileges: gateways, DHCP servers and forwards on the loopback. */
#include "daemon/apply.h"
#include "hub/policy.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PLAIN "hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat}, {kind: dhcp}]}"

static char directory[64];

static int set_up(void **state)
{
	static struct world world;
	struct loop *loop = loop_new();

	snprintf(directory, sizeof(directory), "/tmp/apply-test-XXXXXX");
	if (!loop || !mkdtemp(directory))
		return -1;
	world_init(&world, loop, events_new(loop));
	world.state_dir = directory;
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	char command[128];

	world_done(world);
	events_free(world->events);
	loop_free(world->loop);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static int try(struct world *world, const char *text, struct error *error)
{
	struct apply_report report;
	struct config *config = NULL;
	char whole[1024];
	int err;

	snprintf(whole, sizeof(whole), "hubs: {%s}", text);
	apply_report_init(&report);
	err = config_read("test", whole, strlen(whole), &config, error);
	if (!err)
		err = apply(world, config, &report, error);
	config_free(config);
	apply_report_done(&report);
	return err;
}

static void must(struct world *world, const char *text)
{
	struct error error = {};

	if (try(world, text, &error))
		fail_msg("%s", error.text);
}

static struct world_port *port_of(struct world *world, const char *hub, enum port_kind kind)
{
	struct world_hub *found = world_find_hub(world, hub);

	assert_non_null(found);
	return world_find_kind(found, kind);
}

/* A TCP socket that listens on 127.0.0.1; its port. */
static int take_a_port(uint16_t *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static bool answers(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool connected = !connect(fd, (struct sockaddr *)&address, sizeof(address));

	close(fd);
	return connected;
}

static uint16_t free_port(void)
{
	uint16_t port;

	close(take_a_port(&port));
	return port;
}

static const char *with_forward(uint16_t port, unsigned guest)
{
	static char text[256];

	snprintf(text, sizeof(text),
		"hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat, forwards: "
		"[tcp 127.0.0.1:%u 192.168.120.%u:22]}, {kind: dhcp}]}",
		port, guest);
	return text;
}

static void starts_in_the_files_order(void **state)
{
	struct world *world = *state;

	must(world,
		"hub8: {subnet: 192.168.120.0/24, ports: [{kind: dhcp, name: d}, {kind: nat}]}");
	assert_int_equal(port_of(world, "hub8", PORT_KIND_DHCP)->slot, 0);
	assert_string_equal(port_of(world, "hub8", PORT_KIND_DHCP)->name, "d");
	assert_int_equal(port_of(world, "hub8", PORT_KIND_NAT)->slot, 1);
	assert_string_equal(port_of(world, "hub8", PORT_KIND_NAT)->name, "nat1");
}

static void what_did_not_change_is_not_touched(void **state)
{
	struct world *world = *state;
	struct world_port *nat, *dhcp;
	struct port *port;

	must(world, PLAIN);
	nat = port_of(world, "hub8", PORT_KIND_NAT);
	dhcp = port_of(world, "hub8", PORT_KIND_DHCP);
	port = nat->port;
	must(world, PLAIN ", hub1: {subnet: 192.168.56.0/24, ports: [{kind: dhcp}]}");
	must(world, PLAIN);
	assert_null(world_find_hub(world, "hub1"));
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_NAT), nat);
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_DHCP), dhcp);
	assert_ptr_equal(nat->port, port);
}

static void a_policy_comes_and_goes_while_ports_live(void **state)
{
	struct world *world = *state;
	const struct policy_settings *settings;
	struct port *nat, *dhcp;

	must(world, PLAIN);
	nat = port_of(world, "hub8", PORT_KIND_NAT)->port;
	dhcp = port_of(world, "hub8", PORT_KIND_DHCP)->port;
	assert_null(nat->policy);
	must(world, "hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat, rate: 10mbit, impair: "
		    "loss 1% rate 20mbit, impair-out: delay 5ms}, {kind: dhcp, link: down}]}");
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_NAT)->port, nat);
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_DHCP)->port, dhcp);
	settings = &nat->policy->settings;
	assert_int_equal(settings->in.rate, 10000000);
	assert_int_equal(settings->in.loss, 10000);
	assert_int_equal(settings->in.delay, 0);
	assert_int_equal(settings->out.rate, 10000000);
	assert_int_equal(settings->out.loss, 0);
	assert_int_equal(settings->out.delay, 5 * NSEC_PER_MSEC);
	assert_true(dhcp->policy->settings.is_down);
	must(world, PLAIN);
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_NAT)->port, nat);
	assert_false(impair_is_needed(&nat->policy->in) || impair_is_needed(&nat->policy->out));
	assert_true(port_is_up(dhcp));
}

static void forwards_come_and_go_while_the_gateway_lives(void **state)
{
	struct world *world = *state;
	uint16_t number = free_port();
	struct port *gateway;

	must(world, PLAIN);
	gateway = port_of(world, "hub8", PORT_KIND_NAT)->port;
	assert_false(answers(number));
	must(world, with_forward(number, 10));
	assert_true(answers(number));
	must(world, with_forward(number, 11)); /* the same socket, another guest */
	assert_true(answers(number));
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_NAT)->port, gateway);
	must(world, PLAIN);
	assert_false(answers(number));
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_NAT)->port, gateway);
}

static void a_forward_survives_its_gateway(void **state)
{
	struct world *world = *state;
	uint16_t number = free_port();
	char text[300];

	must(world, with_forward(number, 10));
	snprintf(text, sizeof(text),
		"hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat, host-loopback: true, "
		"forwards: [tcp 127.0.0.1:%u 192.168.120.10:22]}, {kind: dhcp}]}",
		number);
	must(world, text);
	assert_true(answers(number));
	must(world, "");
	assert_false(answers(number));
}

static void a_taken_address_changes_nothing(void **state)
{
	struct world *world = *state;
	struct error error = {};
	struct port *gateway;
	uint16_t number;
	int taken = take_a_port(&number);
	char wanted[160], text[512];

	must(world, PLAIN);
	gateway = port_of(world, "hub8", PORT_KIND_NAT)->port;
	snprintf(text, sizeof(text), "%s, hub1: {subnet: 192.168.56.0/24, ports: [{kind: dhcp}]}",
		with_forward(number, 10));
	assert_int_equal(try(world, text, &error), -EADDRINUSE);
	snprintf(wanted, sizeof(wanted),
		"forward tcp 127.0.0.1:%u: address already in use, by another program or forward",
		number);
	assert_non_null(strstr(error.text, wanted));
	assert_null(world_find_hub(world, "hub1"));
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_NAT)->port, gateway);
	assert_int_equal(port_of(world, "hub8", PORT_KIND_NAT)->config.nat.forward_count, 0);
	close(taken);
}

/* The DHCP server cannot be there twice: its leases are one file. */
static void what_had_to_end_is_made_again(void **state)
{
	struct world *world = *state;
	struct error error = {};
	struct world_port *dhcp;
	char text[512];

	must(world, PLAIN);
	snprintf(text, sizeof(text),
		"hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat}, {kind: dhcp, mac: "
		"\"02:00:00:00:00:01\"}, {kind: netns, netns: /nowhere}]}");
	assert_int_not_equal(try(world, text, &error), 0);
	assert_non_null(strstr(error.text, "hub8: netns port: "));
	dhcp = port_of(world, "hub8", PORT_KIND_DHCP);
	assert_non_null(dhcp);
	assert_true(dhcp->is_from_file);
	assert_false(dhcp->config.has_mac);
	must(world, PLAIN);
}

static void another_subnet_brings_another_gateway(void **state)
{
	struct world *world = *state;
	struct worker *worker;

	must(world, PLAIN);
	worker = world_find_hub(world, "hub8")->worker;
	must(world, "hub8: {subnet: 192.168.99.0/24, ports: [{kind: nat}, {kind: dhcp}]}");
	assert_ptr_equal(world_find_hub(world, "hub8")->worker, worker);
	assert_int_equal(world_find_hub(world, "hub8")->config.subnet.address.bytes[14], 99);
	assert_int_equal(
		port_of(world, "hub8", PORT_KIND_DHCP)->config.dhcp.pool_first.bytes[14], 99);
}

static void a_wrong_one_leaves_the_subnet(void **state)
{
	struct world *world = *state;
	struct error error = {};

	must(world, PLAIN);
	assert_int_not_equal(
		try(world,
			"hub8: {subnet: 192.168.99.0/24, ports: [{kind: netns, netns: /nowhere}]}",
			&error),
		0);
	assert_int_equal(world_find_hub(world, "hub8")->config.subnet.address.bytes[14], 120);
	assert_non_null(port_of(world, "hub8", PORT_KIND_NAT));
}

static void by_hand_stays_until_its_hub_goes(void **state)
{
	struct world *world = *state;
	struct error error = {};
	struct world_port *port;

	must(world, PLAIN);
	port = port_of(world, "hub8", PORT_KIND_DHCP);
	port->is_from_file = false;
	must(world, "hub8: {subnet: 192.168.120.0/24, ports: [{kind: nat}]}");
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_DHCP), port);
	/* A file that names it makes it its own, and the next one may leave it out. */
	must(world, PLAIN);
	assert_ptr_equal(port_of(world, "hub8", PORT_KIND_DHCP), port);
	assert_true(port->is_from_file);
	/* Its name is taken while it stays. */
	port->is_from_file = false;
	assert_int_equal(try(world,
				 "hub8: {subnet: 192.168.120.0/24, "
				 "ports: [{kind: nat, name: dhcp1}]}",
				 &error),
		-EEXIST);
	assert_non_null(strstr(error.text, "'dhcp1' is the name of hub8.1 (dhcp) already"));
	must(world, "");
	assert_null(world_find_hub(world, "hub8"));
}

static void a_preview_touches_nothing(void **state)
{
	struct world *world = *state;
	const char text[] = "hubs: {" PLAIN "}";
	struct apply_report report;
	struct config *config = NULL;
	struct error error = {};

	apply_report_init(&report);
	assert_int_equal(config_read("test", text, strlen(text), &config, &error), 0);
	assert_int_equal(apply_preview(world, config, &report, &error), 0);
	assert_int_equal(json_array_size(report.changes), 3);
	assert_string_equal(json_string_value(json_array_get(report.changes, 0)), "hub8: added");
	assert_null(world_find_hub(world, "hub8"));
	apply_report_done(&report);
	config_free(config);
}

static void what_runs_can_be_written_and_applied(void **state)
{
	struct world *world = *state;
	struct apply_report report;
	struct config *config, *again = NULL;
	struct error error = {};
	char *text;

	must(world, with_forward(free_port(), 10));
	config = world_config_for_file(world);
	text = config_write(config);
	assert_int_equal(config_read("test", text, strlen(text), &again, &error), 0);
	apply_report_init(&report);
	assert_int_equal(apply(world, again, &report, &error), 0);
	assert_int_equal(json_array_size(report.changes), 0);
	apply_report_done(&report);
	config_free(config);
	config_free(again);
	free(text);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(starts_in_the_files_order),
		WORLD_TEST(what_did_not_change_is_not_touched),
		WORLD_TEST(a_policy_comes_and_goes_while_ports_live),
		WORLD_TEST(forwards_come_and_go_while_the_gateway_lives),
		WORLD_TEST(a_forward_survives_its_gateway),
		WORLD_TEST(a_taken_address_changes_nothing),
		WORLD_TEST(what_had_to_end_is_made_again),
		WORLD_TEST(another_subnet_brings_another_gateway),
		WORLD_TEST(a_wrong_one_leaves_the_subnet),
		WORLD_TEST(by_hand_stays_until_its_hub_goes),
		WORLD_TEST(a_preview_touches_nothing),
		WORLD_TEST(what_runs_can_be_written_and_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
