/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/dhcp_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEC  NSEC_PER_SEC
#define MSEC NSEC_PER_MSEC

static const struct mac guest_mac = {{2, 0, 0, 0, 0, 1}};
static const struct ip4 address = {0x8078a8c0}; /* 192.168.120.128 */
static const struct ip4 server = {0xfe78a8c0};

/* A client, and what it has said and reported. */
struct world {
	struct dhcp_client client;
	struct dhcp_message said;
	struct ip4 said_to; /* 0: as a frame without an address */
	unsigned said_count, lease_count, lost_count;
	nsec now, next;
};

static struct world *of(struct dhcp_client *client)
{
	return CONTAINER_OF(client, struct world, client);
}

static void on_broadcast(struct dhcp_client *client, const struct dhcp_message *message)
{
	of(client)->said = *message;
	of(client)->said_to.be = 0;
	of(client)->said_count++;
}

static void on_send(struct dhcp_client *client, struct ip4 to, const struct dhcp_message *message)
{
	of(client)->said = *message;
	of(client)->said_to = to;
	of(client)->said_count++;
}

static void on_lease(struct dhcp_client *client)
{
	of(client)->lease_count++;
}

static void on_lost(struct dhcp_client *client)
{
	of(client)->lost_count++;
}

static const struct dhcp_client_ops ops = {on_broadcast, on_send, on_lease, on_lost};

static void start(struct world *world)
{
	*world = (struct world){.now = 5 * SEC};
	dhcp_client_init(&world->client, &ops, guest_mac, "guest", 77);
}

static void run(struct world *world)
{
	world->said_count = 0;
	world->said = (struct dhcp_message){0};
	world->next = world->client.machine.run(&world->client.machine, world->now);
	assert_true(world->next > world->now);
}

/* Lets time pass until the machine's own deadline. */
static void run_next(struct world *world)
{
	world->now = world->next;
	run(world);
}

static struct dhcp_message reply(const struct world *world, enum dhcp_type type)
{
	return (struct dhcp_message){
		.op = BOOT_REPLY,
		.xid = world->client.request.xid,
		.mac = guest_mac,
		.type = type,
		.yours = address,
		.server = server,
		.lease_time = 1800,
	};
}

static void hear(struct world *world, const struct dhcp_message *message)
{
	dhcp_client_receive(&world->client, message, world->now);
}

static void bind_client(struct world *world)
{
	struct dhcp_message message;

	start(world);
	run(world);
	message = reply(world, DHCP_OFFER);
	hear(world, &message);
	run(world);
	message = reply(world, DHCP_ACK);
	hear(world, &message);
	run(world);
	assert_int_equal(world->client.state, DHCP_CLIENT_BOUND);
}

static void asks_again_until_it_is_heard(void **)
{
	static const nsec waits[] = {
		300 * MSEC, 600 * MSEC, 1200 * MSEC, 2400 * MSEC, 4 * SEC, 4 * SEC};
	struct world world;
	uint32_t xid;

	start(&world);
	run(&world);
	xid = world.said.xid;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		assert_int_equal(world.said_count, 1);
		assert_int_equal(world.said.type, DHCP_DISCOVER);
		assert_int_equal(world.said.xid, xid);
		assert_true(world.said.wants_broadcast);
		assert_string_equal(world.said.name, "guest");
		assert_int_equal(world.next - world.now, waits[i]);
		run_next(&world);
	}
	assert_int_equal(world.said.seconds, 12);
}

static void gets_a_lease(void **)
{
	struct dhcp_message message;
	struct world world;

	start(&world);
	run(&world);
	message = reply(&world, DHCP_OFFER);
	hear(&world, &message);
	run(&world);
	assert_int_equal(world.said.type, DHCP_REQUEST);
	assert_int_equal(world.said.requested.be, address.be);
	assert_int_equal(world.said.server.be, server.be);
	assert_int_equal(world.said.client.be, 0);
	assert_int_equal(world.lease_count, 0);

	message = reply(&world, DHCP_ACK);
	hear(&world, &message);
	assert_int_equal(world.lease_count, 1);
	run(&world);
	assert_int_equal(world.said_count, 0);
	assert_int_equal(world.next - world.now, 900 * SEC);
}

static void overhears_what_is_not_for_it(void **)
{
	struct dhcp_message message;
	struct world world;

	start(&world);
	run(&world);
	message = reply(&world, DHCP_OFFER);
	message.xid++;
	hear(&world, &message);
	message = reply(&world, DHCP_OFFER);
	message.mac.bytes[5]++;
	hear(&world, &message);
	message = reply(&world, DHCP_OFFER);
	message.op = BOOT_REQUEST;
	hear(&world, &message);
	message = reply(&world, DHCP_OFFER);
	message.server.be = 0;
	hear(&world, &message);
	message = reply(&world, DHCP_OFFER);
	message.lease_time = 0;
	hear(&world, &message);
	message = reply(&world, DHCP_ACK);
	hear(&world, &message);
	assert_int_equal(world.client.state, DHCP_CLIENT_SELECTING);
	assert_int_equal(world.lease_count, 0);
}

static void gives_up_on_a_server_that_is_silent_after_its_offer(void **)
{
	struct dhcp_message message;
	struct world world;

	start(&world);
	run(&world);
	message = reply(&world, DHCP_OFFER);
	hear(&world, &message);
	run(&world);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(world.said.type, DHCP_REQUEST);
		run_next(&world);
	}
	run_next(&world);
	assert_int_equal(world.said.type, DHCP_DISCOVER);
}

static void starts_again_when_refused_but_not_at_once(void **)
{
	struct dhcp_message message;
	struct world world;

	start(&world);
	run(&world);
	message = reply(&world, DHCP_OFFER);
	hear(&world, &message);
	run(&world);
	message = reply(&world, DHCP_NAK);
	hear(&world, &message);
	run(&world);
	assert_int_equal(world.said_count, 0);
	run_next(&world);
	assert_int_equal(world.said.type, DHCP_DISCOVER);
	assert_int_equal(world.lost_count, 0);
}

static void renews_at_half_time(void **)
{
	struct dhcp_message message;
	struct world world;

	bind_client(&world);
	run_next(&world);
	assert_int_equal(world.said.type, DHCP_REQUEST);
	assert_int_equal(world.said_to.be, server.be);
	assert_int_equal(world.said.client.be, address.be);
	assert_int_equal(world.said.requested.be, 0);
	assert_int_equal(world.said.server.be, 0);
	message = reply(&world, DHCP_ACK);
	hear(&world, &message);
	run(&world);
	assert_int_equal(world.lease_count, 2);
	assert_int_equal(world.next - world.now, 900 * SEC);
}

static void asks_everybody_before_the_end_and_then_starts_again(void **)
{
	struct world world;
	nsec bound_at;

	bind_client(&world);
	bound_at = world.now;
	do {
		run_next(&world);
		assert_true(world.said_to.be == server.be || world.now >= bound_at + 1575 * SEC);
	} while (world.now < bound_at + 1575 * SEC);
	assert_int_equal(world.now, bound_at + 1575 * SEC); /* 7/8 of the lease */
	assert_int_equal(world.said_to.be, UINT32_MAX);
	while (!world.lost_count)
		run_next(&world);
	assert_int_equal(world.now, bound_at + 1800 * SEC);
	assert_int_equal(world.said.type, DHCP_DISCOVER);
	assert_int_equal(world.said_to.be, 0);
}

static void loses_the_lease_when_renewal_is_refused(void **)
{
	struct dhcp_message message;
	struct world world;

	bind_client(&world);
	run_next(&world);
	message = reply(&world, DHCP_NAK);
	hear(&world, &message);
	assert_int_equal(world.lost_count, 1);
	run(&world);
	assert_int_equal(world.said.type, DHCP_DISCOVER);
}

static void keeps_a_lease_without_end(void **)
{
	struct dhcp_message message;
	struct world world;

	start(&world);
	run(&world);
	message = reply(&world, DHCP_OFFER);
	hear(&world, &message);
	run(&world);
	message = reply(&world, DHCP_ACK);
	message.lease_time = UINT32_MAX;
	hear(&world, &message);
	run(&world);
	assert_int_equal(world.next, NSEC_NEVER);
}

static void obeys_times_that_make_sense(void **)
{
	struct dhcp_message message;
	struct world world;

	start(&world);
	run(&world);
	message = reply(&world, DHCP_OFFER);
	hear(&world, &message);
	run(&world);
	message = reply(&world, DHCP_ACK);
	message.renew_time = 100;
	message.rebind_time = 200;
	hear(&world, &message);
	assert_int_equal(world.client.renew_at - world.now, 100 * SEC);
	assert_int_equal(world.client.rebind_at - world.now, 200 * SEC);

	world.now = world.client.renew_at;
	run(&world);
	message = reply(&world, DHCP_ACK);
	message.renew_time = 5000;
	message.rebind_time = 4000;
	hear(&world, &message);
	assert_int_equal(world.client.renew_at - world.now, 900 * SEC);
	assert_int_equal(world.client.rebind_at - world.now, 1575 * SEC);
}

static void releases_what_it_has(void **)
{
	struct world world;

	bind_client(&world);
	dhcp_client_release(&world.client);
	assert_int_equal(world.said.type, DHCP_RELEASE);
	assert_int_equal(world.said.client.be, address.be);
	assert_int_equal(world.said.server.be, server.be);
	assert_int_equal(world.said.wanted_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_again_until_it_is_heard),
		cmocka_unit_test(gets_a_lease),
		cmocka_unit_test(overhears_what_is_not_for_it),
		cmocka_unit_test(gives_up_on_a_server_that_is_silent_after_its_offer),
		cmocka_unit_test(starts_again_when_refused_but_not_at_once),
		cmocka_unit_test(renews_at_half_time),
		cmocka_unit_test(asks_everybody_before_the_end_and_then_starts_again),
		cmocka_unit_test(loses_the_lease_when_renewal_is_refused),
		cmocka_unit_test(keeps_a_lease_without_end),
		cmocka_unit_test(obeys_times_that_make_sense),
		cmocka_unit_test(releases_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
