/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dhcp_world.h"

#include "wire/arp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void offers_after_a_probe(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	world_send(world, &m);
	world_no_reply(world);
	assert_int_equal(world->probe_count, 1);
	assert_int_equal(world->probed[0], POOL);
	assert_true(world->deadline < world->now + 500 * NSEC_PER_MSEC);
	world_pass(world, 500 * NSEC_PER_MSEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL);
	assert_int_equal(world_state(world, POOL), LEASE_OFFERED);
	assert_int_equal(world->notes, 0); /* an offer is not for the disk */
}

static void offers_everything_to_who_names_nothing(void **state)
{
	struct world *world = *state;
	const struct dhcp_message *m;

	world_discover(world, 1);
	m = &world->replies[0].message;
	assert_int_equal(m->xid, 0x1001);
	assert_true(mac_equal(m->mac, world_guest(1)));
	assert_int_equal(m->lease_time, LEASE);
	assert_int_equal(m->renew_time, LEASE / 2);
	assert_int_equal(m->rebind_time, LEASE * 7 / 8);
	assert_int_equal(ip4_number(m->mask), 0xffffff00);
	assert_int_equal(ip4_number(m->broadcast), 0xc0a878ff);
	assert_int_equal(ip4_number(m->routers[0]), 0xc0a87802);
	assert_int_equal(ip4_number(m->dns[0]), 0xc0a87802);
	assert_int_equal(m->mtu, 1400);
	assert_string_equal(m->domain, "localdomain");
	assert_string_equal(m->search, "a.example b.example");
}

static void gives_only_what_is_wanted(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);
	struct dhcp_settings settings = world_settings();
	const struct dhcp_message *r;

	settings.routes[0] = (struct dhcp_route){
		ip4_from_number(0x0a000000), ip4_from_number(0xc0a87803), 8};
	settings.route_count = 1;
	world_configure(world, &settings);
	m.wanted[0] = DHCP_OPTION_ROUTES;
	m.wanted_count = 1;
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	r = &world_reply(world, DHCP_OFFER)->message;
	assert_int_equal(r->router_count + r->dns_count + r->mtu, 0);
	/* RFC 3442: with the default route among them. */
	assert_int_equal(r->route_count, 2);
	assert_int_equal(r->routes[1].len, 0);
	assert_int_equal(ip4_number(r->routes[1].via), 0xc0a87802);
}

static void sends_to_where_the_client_listens(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);
	uint32_t ip = world_discover(world, 1);

	assert_int_equal(world->replies[0].to, ip);
	assert_true(mac_equal(world->replies[0].to_mac, world_guest(1)));
	m.wants_broadcast = true;
	world_send(world, &m);
	assert_int_equal(world_reply(world, DHCP_OFFER)->to, EVERYBODY);
	assert_true(mac_equal(world->replies[0].to_mac, MAC_BROADCAST));
	assert_true(world->replies[0].message.wants_broadcast);
}

static void repeats_an_offer_without_a_probe(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);
	uint32_t ip = world_discover(world, 1);

	world_send(world, &m);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), ip);
	assert_int_equal(world->probe_count, 1);
}

static void asks_again_do_not_restart_the_probe(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	world_send(world, &m);
	world_pass(world, 200 * NSEC_PER_MSEC);
	m.xid = 0x2222;
	world_send(world, &m);
	world_no_reply(world);
	world_pass(world, 150 * NSEC_PER_MSEC);
	assert_int_equal(world_reply(world, DHCP_OFFER)->message.xid, 0x2222);
	assert_int_equal(world->probe_count, 1);
}

static void skips_an_address_that_answers(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);
	struct lease *lease;

	world_send(world, &m);
	world->occupied = POOL;
	world->occupier = world_guest(77);
	world_answer_arp(world);
	assert_int_equal(world->probed[1], POOL + 1);
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL + 1);
	assert_int_equal(world_state(world, POOL), LEASE_DECLINED);
	lease = lease_find_ip(&world->server.pool.leases, ip4_from_number(POOL));
	assert_true(mac_equal(lease->mac, world_guest(77)));
	assert_int_equal(world->events[0], LEASE_EVENT_CONFLICT);
	assert_int_equal(world->server.counters.conflict, 1);
	world_pass(world, 601 * NSEC_PER_SEC);
	assert_int_equal(world_state(world, POOL), LEASE_EXPIRED);
}

static void takes_an_answer_of_the_client_itself_for_none(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	world_send(world, &m);
	world->occupied = POOL;
	world->occupier = world_guest(1);
	world_answer_arp(world);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL);
}

static void gives_up_after_too_many_conflicts(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	settings.pool_last = ip4_from_number(POOL + 63);
	world_configure(world, &settings);
	world_send(world, &m);
	for (unsigned i = 0; i < 20; i++) {
		world->occupied = POOL + i;
		world->occupier = world_guest(77);
		world_answer_arp(world);
	}
	world_pass(world, NSEC_PER_SEC);
	world_no_reply(world);
	assert_int_equal(world->server.counters.conflict, 8);
}

static void binds_on_request(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);
	const struct received *r = world_reply(world, DHCP_ACK);

	assert_int_equal(r->to, ip);
	assert_int_equal(r->message.lease_time, LEASE);
	assert_int_equal(r->message.client.be, 0);
	assert_int_equal(world_state(world, ip), LEASE_BOUND);
	assert_int_equal(world->notes, 1);
	assert_int_equal(world->events[0], LEASE_EVENT_BOUND);
	assert_int_equal(world_bind(world, 2), POOL + 1);
	world_pass(world, LEASE * NSEC_PER_SEC);
	assert_int_equal(world_state(world, ip), LEASE_EXPIRED);
}

static void acknowledges_only_what_is_written(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_discover(world, 1), other = world_discover(world, 2);

	world->is_store_slow = true;
	world_select(world, 1, ip);
	world_no_reply(world);
	world_pass(world, NSEC_PER_SEC);
	world_no_reply(world);
	world->store.on_written(world->store.owner, world->ticket, world->now);
	world_run(world);
	world_reply(world, DHCP_ACK);

	/* The store tells of the first of two. */
	world_select(world, 2, other);
	world_renew(world, 1, ip); /* nothing new to write, but it must not overtake */
	world_no_reply(world);
	world->store.on_written(world->store.owner, world->ticket - 1, world->now);
	world_run(world);
	world_no_reply(world);
	world->store.on_written(world->store.owner, world->ticket, world->now);
	world_run(world);
	assert_int_equal(world->reply_count, 2);
}

static void bounds_what_waits_for_the_store(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);

	world->is_store_slow = true;
	world_pass(world, LEASE / 2 * NSEC_PER_SEC);
	for (unsigned i = 0; i < 300; i++)
		world_renew(world, 1, ip);
	assert_int_equal(world->server.waiting_count, 256);
	assert_int_equal(world->server.counters.overrun, 44);
	assert_int_equal(world->notes, 2); /* one question, one write */
}

static void gives_the_time_asked_for(void **state)
{
	static const uint32_t asked[][2] = {
		{300, 300}, {5, 60}, {99999, LEASE}, {UINT32_MAX, LEASE}};
	struct world *world = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
		struct dhcp_message m = world_request(i, DHCP_DISCOVER);

		m.lease_time = asked[i][0];
		world_send(world, &m);
		world_pass(world, NSEC_PER_SEC);
		assert_int_equal(world_reply(world, DHCP_OFFER)->message.lease_time, asked[i][1]);
	}
}

static void refuses_what_it_cannot_give(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);
	const struct received *r;

	world_select(world, 2, ip); /* another's */
	r = world_reply(world, DHCP_NAK);
	assert_int_equal(r->to, EVERYBODY);
	assert_true(mac_equal(r->to_mac, MAC_BROADCAST));
	assert_true(r->message.explanation[0]);
	assert_int_equal(r->message.yours.be, 0);
	assert_int_equal(r->message.lease_time, 0);
	world_select(world, 2, 0xc0a87805); /* outside the pool */
	world_reply(world, DHCP_NAK);
	world_select(world, 2, 0x0a000001); /* outside the subnet */
	world_reply(world, DHCP_NAK);
	world_select(world, 2, SERVER);
	world_reply(world, DHCP_NAK);
	assert_int_equal(world->server.counters.nak, 4);
}

static void gives_way_to_another_server(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_REQUEST);
	uint32_t ip = world_discover(world, 1);

	m.server = ip4_from_number(0xc0a87803);
	m.requested = ip4_from_number(0xc0a87840);
	world_send(world, &m);
	world_no_reply(world);
	assert_false(world_has_lease(world, ip));
}

static void selects_after_the_offer_is_forgotten(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_discover(world, 1);

	world_pass(world, 60 * NSEC_PER_SEC);
	world_select(world, 1, ip);
	world_reply(world, DHCP_ACK);
}

static void knows_who_boots_again(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);

	world_pass(world, 600 * NSEC_PER_SEC);
	world_reboot(world, 1, ip);
	assert_int_equal(world_reply(world, DHCP_ACK)->message.lease_time, LEASE);
	assert_int_equal(world->events[1], LEASE_EVENT_RENEWED);
	world_reboot(world, 1, ip + 1);
	world_reply(world, DHCP_NAK);
	world_reboot(world, 2, ip); /* another's */
	world_reply(world, DHCP_NAK);
	world_reboot(world, 2, 0x0a000001); /* another network's */
	world_reply(world, DHCP_NAK);
	world_reboot(world, 2, POOL + 6); /* RFC 2131 4.3.2: no record, no word */
	world_no_reply(world);
}

static void renews(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);
	const struct received *r;

	world_pass(world, LEASE / 2 * NSEC_PER_SEC);
	world_renew(world, 1, ip);
	r = world_reply(world, DHCP_ACK);
	assert_int_equal(r->to, ip);
	assert_true(mac_equal(r->to_mac, world_guest(1)));
	assert_int_equal(ip4_number(r->message.client), ip);
	assert_int_equal(r->message.lease_time, LEASE);
	assert_int_equal(world->notes, 2);
	world_pass(world, (LEASE - 1) * NSEC_PER_SEC);
	assert_int_equal(world_state(world, ip), LEASE_BOUND);
	world_rebind(world, 1, ip);
	world_reply(world, DHCP_ACK);
	assert_int_equal(world->events[2], LEASE_EVENT_RENEWED);
}

static void writes_a_repeated_request_once(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);

	world_pass(world, 30 * NSEC_PER_SEC);
	for (unsigned i = 0; i < 10; i++) {
		world_renew(world, 1, ip);
		assert_int_equal(world_reply(world, DHCP_ACK)->message.lease_time, LEASE - 30);
	}
	assert_int_equal(world->notes, 1);
}

static void takes_its_own_address_back_after_a_loss(void **state)
{
	struct world *world = *state;

	world_rebind(world, 1, POOL + 4); /* anybody's */
	world_no_reply(world);
	world_renew(world, 1, POOL + 4); /* ours: to whom else would it speak */
	world_reply(world, DHCP_ACK);
	assert_int_equal(world_state(world, POOL + 4), LEASE_BOUND);
	world_renew(world, 2, POOL + 4);
	world_reply(world, DHCP_NAK);
	world_renew(world, 2, 0xc0a87805);
	world_reply(world, DHCP_NAK);
}

static void takes_addresses_back(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_RELEASE);
	uint32_t ip = world_bind(world, 1);

	m.client = ip4_from_number(ip);
	m.server = ip4_from_number(0xc0a87803);
	world_send_from(world, &m, ip, SERVER); /* said to another */
	assert_int_equal(world_state(world, ip), LEASE_BOUND);
	m.server = ip4_from_number(SERVER);
	m.mac = world_guest(2);
	world_send_from(world, &m, ip, SERVER); /* not the owner's to say */
	assert_int_equal(world_state(world, ip), LEASE_BOUND);
	m.mac = world_guest(1);
	world_send_from(world, &m, ip, SERVER);
	world_no_reply(world);
	assert_int_equal(world_state(world, ip), LEASE_EXPIRED);
	assert_int_equal(world->events[1], LEASE_EVENT_RELEASED);
	assert_int_equal(world->notes, 2);
	assert_int_equal(world_bind(world, 2), ip + 1);
	assert_int_equal(world_bind(world, 1), ip);
}

static void holds_declined_addresses_back(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DECLINE);
	uint32_t ip = world_bind(world, 1);

	m.requested = ip4_from_number(ip);
	m.server = ip4_from_number(SERVER);
	m.mac = world_guest(2);
	world_send(world, &m); /* not the owner's to say */
	assert_int_equal(world_state(world, ip), LEASE_BOUND);
	m.mac = world_guest(1);
	world_send(world, &m);
	world_no_reply(world);
	assert_int_equal(world_state(world, ip), LEASE_DECLINED);
	assert_int_equal(world->events[1], LEASE_EVENT_DECLINED);
	assert_int_equal(world->notes, 2);
	assert_int_equal(world_bind(world, 1), ip + 1);
	world_select(world, 2, ip);
	world_reply(world, DHCP_NAK);
	world_pass(world, 600 * NSEC_PER_SEC);
	assert_int_equal(world_state(world, ip), LEASE_EXPIRED);
}

static void informs(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_INFORM);
	const struct received *r;

	m.client = ip4_from_number(0xc0a87810);
	world_send_from(world, &m, 0xc0a87810, EVERYBODY);
	r = world_reply(world, DHCP_ACK);
	assert_int_equal(r->to, 0xc0a87810);
	assert_true(mac_equal(r->to_mac, world_guest(1)));
	assert_int_equal(r->message.yours.be, 0);
	assert_int_equal(r->message.lease_time, 0);
	assert_int_equal(r->message.dns_count, 1);
	assert_int_equal(world->notes, 0);
	m.client = ip4_from_number(0x0a000001);
	world_send(world, &m);
	world_no_reply(world);
}

static void drops_what_is_not_for_it(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	m.relay = ip4_from_number(0xc0a87801);
	world_send(world, &m);
	assert_int_equal(world->server.counters.relayed, 1);
	m = world_request(1, 0); /* BOOTP */
	world_send(world, &m);
	m = world_request(1, 99);
	world_send(world, &m);
	m = world_request(1, DHCP_OFFER);
	m.op = BOOT_REPLY;
	world_send(world, &m);
	m = world_request(1, DHCP_REQUEST); /* says nothing */
	world_send(world, &m);
	assert_int_equal(world->server.counters.malformed, 4);
	world_pass(world, NSEC_PER_SEC);
	world_no_reply(world);
	assert_int_equal(world->probe_count, 0);
}

static void replies_fit_the_client(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	for (unsigned i = 0; i < 60; i++)
		strcat(strcat(settings.search, " "), &"domain.example"[i % 5]);
	memset(settings.domain, 'd', 200);
	world_configure(world, &settings);
	m.max_size = 200; /* nonsense: RFC 2131 2 has 576 for the least */
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	assert_string_equal(world_reply(world, DHCP_OFFER)->message.domain, settings.domain);
	assert_string_equal(world_reply(world, DHCP_OFFER)->message.search, "");
	m.max_size = 9000;
	world_send(world, &m);
	assert_true(strlen(world_reply(world, DHCP_OFFER)->message.search) > 500);
}

static void tells_what_to_boot(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);
	const struct dhcp_message *r;

	settings.boot_server = ip4_from_number(0xc0a87809);
	strcpy(settings.boot_file, "http://boot.example/menu.ipxe");
	world_configure(world, &settings);
	m.wanted[0] = DHCP_OPTION_BOOT_FILE;
	m.wanted_count = 1;
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	r = &world_reply(world, DHCP_OFFER)->message;
	assert_int_equal(ip4_number(r->next), 0xc0a87809);
	assert_string_equal(r->boot_server, "");
	assert_string_equal(r->boot_file, settings.boot_file);
	assert_string_equal(r->file, settings.boot_file);

	memset(settings.boot_file, 'f', 255);
	m.max_size = 1500;
	world_configure(world, &settings);
	m.wanted_count = 0;
	world_send(world, &m);
	r = &world_reply(world, DHCP_OFFER)->message;
	assert_string_equal(r->boot_server, "192.168.120.9");
	assert_string_equal(r->boot_file, settings.boot_file);
	assert_string_equal(r->file, "");
}

static void tells_of_a_second_server_at_its_address(void **state)
{
	struct world *world = *state;
	struct arp arp = {
		.operation = ARP_REPLY,
		.from_mac = world_guest(66),
		.to_mac = WORLD_SERVER_MAC,
		.from = ip4_from_number(SERVER),
		.to = ip4_from_number(SERVER),
	};
	uint8_t bytes[64];
	struct writer w = writer_on(bytes, sizeof(bytes));

	write_eth(&w, MAC_BROADCAST, world_guest(66), ETHERTYPE_ARP);
	write_arp(&w, &arp);
	world_receive(world, bytes, writer_len(&w));
	assert_int_equal(world->conflict, SERVER);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(offers_after_a_probe),
		WORLD_TEST(offers_everything_to_who_names_nothing),
		WORLD_TEST(gives_only_what_is_wanted),
		WORLD_TEST(sends_to_where_the_client_listens),
		WORLD_TEST(repeats_an_offer_without_a_probe),
		WORLD_TEST(asks_again_do_not_restart_the_probe),
		WORLD_TEST(skips_an_address_that_answers),
		WORLD_TEST(takes_an_answer_of_the_client_itself_for_none),
		WORLD_TEST(gives_up_after_too_many_conflicts),
		WORLD_TEST(binds_on_request),
		WORLD_TEST(acknowledges_only_what_is_written),
		WORLD_TEST(bounds_what_waits_for_the_store),
		WORLD_TEST(gives_the_time_asked_for),
		WORLD_TEST(refuses_what_it_cannot_give),
		WORLD_TEST(gives_way_to_another_server),
		WORLD_TEST(selects_after_the_offer_is_forgotten),
		WORLD_TEST(knows_who_boots_again),
		WORLD_TEST(renews),
		WORLD_TEST(writes_a_repeated_request_once),
		WORLD_TEST(takes_its_own_address_back_after_a_loss),
		WORLD_TEST(takes_addresses_back),
		WORLD_TEST(holds_declined_addresses_back),
		WORLD_TEST(informs),
		WORLD_TEST(drops_what_is_not_for_it),
		WORLD_TEST(replies_fit_the_client),
		WORLD_TEST(tells_what_to_boot),
		WORLD_TEST(tells_of_a_second_server_at_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
