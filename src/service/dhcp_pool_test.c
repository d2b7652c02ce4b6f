/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dhcp_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void knows_its_clients_again(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);

	world_bind(world, 2);
	world_pass(world, (LEASE + 100) * NSEC_PER_SEC);
	world->probe_count = 0;
	assert_int_equal(world_discover(world, 3), POOL + 2);
	assert_int_equal(world->probe_count, 1);
	/* Recently its own: no probe. */
	assert_int_equal(world_discover(world, 1), ip);
	assert_int_equal(world->probe_count, 1);
	world_select(world, 1, ip);
	world_reply(world, DHCP_ACK);
	world_pass(world, (LEASE + 7200) * NSEC_PER_SEC);
	assert_int_equal(world_discover(world, 1), ip); /* still its own, but not on trust */
	assert_int_equal(world->probe_count, 2);
}

static void keeps_a_lease_through_a_new_discover(void **state)
{
	struct world *world = *state;
	uint32_t ip = world_bind(world, 1);

	assert_int_equal(world_discover(world, 1), ip);
	assert_int_equal(world_state(world, ip), LEASE_BOUND);
}

static void tells_clients_apart_by_identifier(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);
	uint32_t ip = world_discover(world, 1);

	m.client_id = (struct dhcp_client_id){3, {0, 'a', 'b'}};
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	assert_int_not_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), ip);
	assert_int_equal(world_reply(world, DHCP_OFFER)->message.client_id.len, 3); /* RFC 6842 */

	/* Its hardware address said as identifier is what it is without one. */
	m.client_id = (struct dhcp_client_id){7, {1, 2, 0, 0, 0, 1, 1}};
	world_send(world, &m);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), ip);
}

static void gives_the_address_asked_for(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	m.requested = ip4_from_number(POOL + 5);
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL + 5);
	m = world_request(2, DHCP_DISCOVER);
	m.requested = ip4_from_number(POOL + 5); /* another's */
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL);
	m = world_request(3, DHCP_DISCOVER);
	m.requested = ip4_from_number(0xc0a87805); /* not in the pool */
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL + 1);
}

static void falls_silent_when_all_are_taken(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(POOL_SIZE, DHCP_DISCOVER);

	for (uint8_t n = 0; n < POOL_SIZE; n++)
		world_bind(world, n);
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	world_no_reply(world);
	assert_int_equal(world->server.counters.exhausted, 1);
	for (uint8_t n = 0; n < POOL_SIZE; n++)
		assert_int_equal(world_state(world, POOL + n), LEASE_BOUND);
}

static void reuses_what_expired_first(void **state)
{
	struct world *world = *state;

	for (uint8_t n = 0; n < POOL_SIZE; n++)
		world_bind(world, n);
	world_renew(world, 0, POOL); /* too early to count */
	world_pass(world, LEASE / 2 * NSEC_PER_SEC);
	for (uint8_t n = 0; n < POOL_SIZE; n++)
		if (n != 3 && n != 5)
			world_renew(world, n, POOL + n);
	world_pass(world, (LEASE / 2 + 60) * NSEC_PER_SEC);
	assert_int_equal(world_bind(world, 20), POOL + 3);
	assert_int_equal(world_bind(world, 21), POOL + 5);
	assert_true(world->forgets >= 2);
}

static void takes_offers_back_before_leases(void **state)
{
	struct world *world = *state;

	for (uint8_t n = 0; n < POOL_SIZE - 2; n++)
		world_bind(world, n);
	world_pass(world, (LEASE + 60) * NSEC_PER_SEC); /* all expired, all remembered */
	world_discover(world, 20);
	world_discover(world, 21);
	world_pass(world, 60 * NSEC_PER_SEC);
	world_discover(world, 22);
	world_discover(world, 23);
	assert_int_equal(world_bind(world, 0), POOL);
}

static void bounds_offers(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();
	struct dhcp_message m;

	settings.pool_first = ip4_from_number(0xc0a87801);
	settings.pool_last = ip4_from_number(
		0xc0a878ff); /* the whole of it, us and the router in it */
	world_configure(world, &settings);
	for (unsigned n = 0; n < 250; n++) {
		m = world_request(n, DHCP_DISCOVER);
		world_send(world, &m);
	}
	assert_true(world->server.probe_count <= 32);
	assert_true(world->server.pool.leases.offered_count <= OFFERS_MAX);
	assert_true(world->server.pool.leases.by_ip.count <= OFFERS_MAX);
	/* Who was pushed out may still have what it was told of. */
	world_select(world, 100, 0xc0a87803);
	world_reply(world, DHCP_ACK);
}

static void never_gives_away_its_own(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();

	settings.pool_first = ip4_from_number(0xc0a878fc);
	settings.pool_last = ip4_from_number(0xc0a878ff);
	settings.router = ip4_from_number(0xc0a878fc);
	settings.dns_count = 0;
	world_configure(world, &settings);
	assert_int_equal(world_bind(world, 1), 0xc0a878fd);
	world_select(world, 2, 0xc0a878ff);
	world_reply(world, DHCP_NAK);
	world_select(world, 2, 0xc0a878fc);
	world_reply(world, DHCP_NAK);
}

static void gives_reserved_addresses_to_their_owners(void **state)
{
	struct world *world = *state;
	struct dhcp_reservation reservations[] = {
		{world_guest(1), ip4_from_number(0xc0a8780a), "Redhat"},
		{world_guest(2), ip4_from_number(POOL), ""},
	};
	struct dhcp_message m = world_request(3, DHCP_DISCOVER);

	world_reserve(world, reservations, 2);
	assert_int_equal(world_bind(world, 1), 0xc0a8780a);
	assert_string_equal(world_reply(world, DHCP_ACK)->message.name, "redhat");
	m.requested = ip4_from_number(POOL);
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL + 1);
	world_select(world, 3, 0xc0a8780a);
	world_reply(world, DHCP_NAK);
	assert_int_equal(world_bind(world, 2), POOL);
	world_select(world, 2, POOL + 4); /* it has its own */
	world_reply(world, DHCP_NAK);
}

static void moves_a_client_to_its_reservation(void **state)
{
	struct world *world = *state;
	struct dhcp_reservation reservation = {
		world_guest(1), ip4_from_number(0xc0a8780a), "redhat"};
	uint32_t ip = world_bind(world, 1);

	world_reserve(world, &reservation, 1);
	world_pass(world, LEASE / 2 * NSEC_PER_SEC);
	world_renew(world, 1, ip);
	world_reply(world, DHCP_NAK);
	assert_int_equal(world_bind(world, 1), 0xc0a8780a);
	assert_false(world_has_lease(world, ip));
	assert_int_equal(world->forgets, 1);
}

static void waits_for_a_reservation_that_is_taken(void **state)
{
	struct world *world = *state;
	struct dhcp_reservation reservation = {world_guest(2), ip4_from_number(POOL), ""};

	world_bind(world, 1);
	world_reserve(world, &reservation, 1); /* of what another has */
	assert_int_equal(world_bind(world, 2), POOL + 1);
	world_pass(world, LEASE / 2 * NSEC_PER_SEC);
	world_renew(world, 2, POOL + 1);
	world_reply(world, DHCP_ACK);
	world_renew(world, 1, POOL); /* lasts as long as was said */
	assert_int_equal(world_reply(world, DHCP_ACK)->message.lease_time, LEASE - LEASE / 2 - 1);
	world_pass(world, (LEASE / 2 - 100) * NSEC_PER_SEC);
	world_renew(world, 2, POOL + 1);
	world_reply(world, DHCP_ACK);
	world_pass(world, 200 * NSEC_PER_SEC);
	world_renew(world, 2, POOL + 1);
	world_reply(world, DHCP_NAK);
	assert_int_equal(world_bind(world, 2), POOL);
}

static void gives_another_when_somebody_sits_on_a_reservation(void **state)
{
	struct world *world = *state;
	struct dhcp_reservation reservation = {world_guest(1), ip4_from_number(0xc0a8780a), ""};
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	world_reserve(world, &reservation, 1);
	world_send(world, &m);
	world->occupied = 0xc0a8780a;
	world->occupier = world_guest(77);
	world_answer_arp(world);
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), POOL);
	world_select(world, 1, POOL);
	world_reply(world, DHCP_ACK);
	world_pass(world, 700 * NSEC_PER_SEC);
	assert_int_equal(world_bind(world, 1), 0xc0a8780a);
}

static void a_reservation_follows_the_machine(void **state)
{
	struct world *world = *state;
	struct dhcp_reservation reservation = {world_guest(1), ip4_from_number(0xc0a8780a), ""};
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	world_reserve(world, &reservation, 1);
	world_bind(world, 1); /* the boot ROM */
	m.client_id = (struct dhcp_client_id){4, {255, 1, 2, 3}};
	world_send(world, &m); /* what it booted */
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(ip4_number(world_reply(world, DHCP_OFFER)->message.yours), 0xc0a8780a);
}

static const char *name_after(struct world *world, uint8_t n, uint32_t ip, const char *name)
{
	struct dhcp_message m = world_request(n, DHCP_REQUEST);

	m.client = ip4_from_number(ip);
	snprintf(m.name, sizeof(m.name), "%s", name);
	world_send_from(world, &m, ip, SERVER);
	return world_reply(world, DHCP_ACK)->message.name;
}

static void keeps_names_apart(void **state)
{
	struct world *world = *state;
	struct dhcp_reservation reservation = {
		world_guest(9), ip4_from_number(0xc0a87809), "printer"};
	uint32_t first = world_bind(world, 1), second = world_bind(world, 2);

	assert_string_equal(name_after(world, 1, first, "Redhat.example"), "redhat");
	assert_string_equal(name_after(world, 2, second, "redhat"), "redhat-2");
	assert_string_equal(name_after(world, 2, second, ""), "redhat-2");
	assert_int_equal(world->notes, 4); /* a name is news */
	world_reserve(world, &reservation, 1);
	assert_string_equal(name_after(world, 1, first, "Printer"), "printer-2");
	assert_int_equal(world_bind(world, 9), 0xc0a87809);
	assert_string_equal(world_reply(world, DHCP_ACK)->message.name, "printer");
}

static void lets_leases_outside_a_new_pool_run_out(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();
	uint32_t ip = world_bind(world, 1);

	settings.pool_first = ip4_from_number(0xc0a87840);
	settings.pool_last = ip4_from_number(0xc0a8784f);
	world_configure(world, &settings);
	world_pass(world, 1000 * NSEC_PER_SEC);
	world_renew(world, 1, ip);
	assert_int_equal(world_reply(world, DHCP_ACK)->message.lease_time, LEASE - 1000);
	assert_int_equal(world_state(world, ip), LEASE_BOUND);
	world_pass(world, 795 * NSEC_PER_SEC);
	world_renew(world, 1, ip);
	world_reply(world, DHCP_NAK);
	assert_int_equal(world_bind(world, 1), 0xc0a87840);
	assert_false(world_has_lease(world, ip));
}

static void leases_of_another_subnet_are_forgotten(void **state)
{
	struct world *world = *state;
	struct dhcp_client_id id = {1, {1}}, other = {1, {2}};
	struct lease_table *leases = &world->server.pool.leases;

	lease_add(leases, ip4_from_number(0x0a000001), &id, world_guest(1));
	lease_add(leases, ip4_from_number(0xc0a87840), &other, world_guest(2));
	dhcp_server_set_store(&world->server, &world->store);
	assert_false(world_has_lease(world, 0x0a000001));
	assert_true(world_has_lease(world, 0xc0a87840));
}

static void a_request_overtakes_the_probe(void **state)
{
	struct world *world = *state;
	struct dhcp_message m = world_request(1, DHCP_DISCOVER);

	world_send(world, &m);
	world_select(world, 1, POOL);
	world_reply(world, DHCP_ACK);
	world->occupied = POOL;
	world->occupier = world_guest(77);
	world_answer_arp(world);
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(world_state(world, POOL), LEASE_BOUND);
	assert_int_equal(world->reply_count, 1);
}

static void an_offer_does_not_push_itself_out(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();

	settings.pool_last = ip4_from_number(POOL + 99);
	world_configure(world, &settings);
	for (unsigned n = 0; n < OFFERS_MAX; n++) {
		struct dhcp_message m = world_request(n, DHCP_DISCOVER);

		world_send(world, &m);
	}
	world_pass(world, NSEC_PER_SEC);
	assert_int_equal(world->server.pool.leases.offered_count, OFFERS_MAX);
	assert_int_equal(world_discover(world, 0), POOL);
	assert_int_equal(world->server.pool.leases.offered_count, OFFERS_MAX);
}

static void an_expired_reservation_is_nobody_elses(void **state)
{
	struct world *world = *state;
	struct dhcp_reservation reservation = {world_guest(1), ip4_from_number(POOL), ""};
	struct dhcp_message m = world_request(20, DHCP_DISCOVER);

	world_reserve(world, &reservation, 1);
	assert_int_equal(world_bind(world, 1), POOL);
	world_pass(world, LEASE * NSEC_PER_SEC);
	for (uint8_t n = 2; n < 1 + POOL_SIZE; n++)
		world_bind(world, n);
	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	world_no_reply(world);
	assert_int_equal(world_bind(world, 1), POOL);
}

static void a_larger_pool_serves_at_once(void **state)
{
	struct world *world = *state;
	struct dhcp_settings settings = world_settings();
	struct dhcp_message m = world_request(POOL_SIZE, DHCP_DISCOVER);

	for (uint8_t n = 0; n < POOL_SIZE; n++)
		world_bind(world, n);
	world_send(world, &m);
	settings.pool_last = ip4_from_number(POOL + POOL_SIZE);
	world_configure(world, &settings);
	assert_int_equal(world_discover(world, POOL_SIZE), POOL + POOL_SIZE);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(knows_its_clients_again),
		WORLD_TEST(keeps_a_lease_through_a_new_discover),
		WORLD_TEST(tells_clients_apart_by_identifier),
		WORLD_TEST(gives_the_address_asked_for),
		WORLD_TEST(falls_silent_when_all_are_taken),
		WORLD_TEST(reuses_what_expired_first),
		WORLD_TEST(takes_offers_back_before_leases),
		WORLD_TEST(bounds_offers),
		WORLD_TEST(never_gives_away_its_own),
		WORLD_TEST(gives_reserved_addresses_to_their_owners),
		WORLD_TEST(moves_a_client_to_its_reservation),
		WORLD_TEST(waits_for_a_reservation_that_is_taken),
		WORLD_TEST(gives_another_when_somebody_sits_on_a_reservation),
		WORLD_TEST(a_reservation_follows_the_machine),
		WORLD_TEST(keeps_names_apart),
		WORLD_TEST(lets_leases_outside_a_new_pool_run_out),
		WORLD_TEST(leases_of_another_subnet_are_forgotten),
		WORLD_TEST(a_request_overtakes_the_probe),
		WORLD_TEST(an_offer_does_not_push_itself_out),
		WORLD_TEST(an_expired_reservation_is_nobody_elses),
		WORLD_TEST(a_larger_pool_serves_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
