/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/router/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ip_route route_of(const char *to, unsigned leg)
{
	struct ip_route route = {.leg = leg};

	assert_true(prefix_parse(to, &route.to));
	return route;
}

static int leg_for(const struct route_table *table, const char *text)
{
	const struct ip_route *route;
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	route = ip_route_find(table, ip);
	return route ? (int)route->leg : -1;
}

static void test_the_longest_wins(void **)
{
	const struct ip_route routes[] = {
		route_of("0.0.0.0/0", 1),
		route_of("10.0.0.0/8", 2),
		route_of("10.1.0.0/16", 3),
		route_of("10.1.2.3/32", 4),
		route_of("192.168.1.0/24", 5),
		route_of("192.168.2.0/24", 6),
		route_of("fd00::/16", 7),
		route_of("fd00:8::/64", 8),
	};
	struct route_table *table = route_table_new(routes, ARRAY_SIZE(routes));

	assert_int_equal(leg_for(table, "9.9.9.9"), 1);
	assert_int_equal(leg_for(table, "10.255.255.255"), 2);
	assert_int_equal(leg_for(table, "10.1.2.2"), 3);
	assert_int_equal(leg_for(table, "10.1.2.3"), 4);
	assert_int_equal(leg_for(table, "192.168.1.255"), 5);
	assert_int_equal(leg_for(table, "192.168.2.0"), 6);
	assert_int_equal(leg_for(table, "fd00:9::1"), 7);
	assert_int_equal(leg_for(table, "fd00:8::1"), 8);
	route_table_free(table);
}

static void test_families_are_apart(void **)
{
	const struct ip_route four = route_of("0.0.0.0/0", 1), six = route_of("::/0", 2);
	struct route_table *table = route_table_new(&four, 1);

	assert_int_equal(leg_for(table, "fd00::1"), -1);
	route_table_free(table);
	table = route_table_new(&six, 1);
	assert_int_equal(leg_for(table, "192.0.2.1"), -1);
	assert_int_equal(leg_for(table, "2001:db8::1"), 2);
	route_table_free(table);
}

static void test_the_first_of_two(void **)
{
	const struct ip_route routes[] = {route_of("10.0.0.1/8", 1), route_of("10.9.9.9/8", 2)};
	struct route_table *table = route_table_new(routes, 2);

	assert_int_equal(leg_for(table, "10.5.5.5"), 1);
	assert_non_null(ip_route_at(table, 0));
	assert_null(ip_route_at(table, 1));
	route_table_free(table);
}

static void test_none(void **)
{
	struct route_table *table = route_table_new(NULL, 0);

	assert_int_equal(leg_for(table, "10.5.5.5"), -1);
	assert_null(ip_route_at(table, 0));
	route_table_free(table);
	route_table_free(NULL);
}

/* Against a search from end to end. */
static void test_many(void **)
{
	static struct ip_route routes[3000];
	struct route_table *table;

	for (unsigned i = 0; i < ARRAY_SIZE(routes); i++) {
		uint32_t number = (i * 2654435761u) & ~0xffu;

		routes[i] = (struct ip_route){
			.to = {ip_from_v4(ip4_from_number(number)), 8 + i % 25}, .leg = i};
		routes[i].to.address = prefix_nth(&routes[i].to, 0);
	}
	table = route_table_new(routes, ARRAY_SIZE(routes));
	for (uint32_t n = 0; n < 2000; n++) {
		struct ip ip = ip_from_v4(ip4_from_number(n * 2246822519u));
		const struct ip_route *best = NULL, *found = ip_route_find(table, ip);

		for (unsigned i = 0; i < ARRAY_SIZE(routes); i++)
			if (prefix_contains(&routes[i].to, ip) &&
				(!best || routes[i].to.len > best->to.len))
				best = &routes[i];
		assert_int_equal(!best, !found);
		if (best)
			assert_int_equal(best->leg, found->leg);
	}
	route_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_longest_wins),
		cmocka_unit_test(test_families_are_apart),
		cmocka_unit_test(test_the_first_of_two),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
