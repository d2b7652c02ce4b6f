/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/lease.h"
#include "service/lease_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define NOW  (1000 * NSEC_PER_SEC)
#define WALL (1700000000 * NSEC_PER_SEC)

static const struct hash_key key = {1, 2};
static const struct lease_clock clocks = {NOW, WALL};

static struct ip4 address(unsigned last)
{
	return ip4_from_number(0xc0a87800 + last);
}

static struct mac mac(uint8_t last)
{
	return (struct mac){{2, 0, 0, 0, 0, last}};
}

static struct lease *add(struct lease_table *table, uint8_t n)
{
	struct dhcp_client_id id = {2, {9, n}};

	return lease_add(table, address(n), &id, mac(n));
}

static void finds_by_every_key(void **)
{
	struct dhcp_client_id id = {2, {9, 7}}, other = {2, {9, 8}};
	struct lease_table table;
	struct lease *lease;

	lease_table_init(&table, &key);
	lease = add(&table, 7);
	assert_null(add(&table, 7));
	assert_null(lease_add(&table, address(7), &other, mac(8)));
	assert_null(lease_add(&table, address(8), &id, mac(8)));
	lease_bind(&table, lease, 60, NOW + 60 * NSEC_PER_SEC);
	lease_set_name(&table, lease, "Redhat.example", NOW);
	assert_ptr_equal(lease_find_ip(&table, address(7)), lease);
	assert_ptr_equal(lease_find_client(&table, &id), lease);
	assert_ptr_equal(lease_find_mac(&table, mac(7), NOW), lease);
	assert_ptr_equal(lease_find_name(&table, "redhat"), lease);
	assert_null(lease_find_ip(&table, address(8)));
	assert_null(lease_find_client(&table, &other));
	assert_null(lease_find_name(&table, "red"));
	lease_remove(&table, lease);
	assert_null(lease_find_ip(&table, address(7)));
	assert_null(lease_find_client(&table, &id));
	assert_null(lease_find_name(&table, "redhat"));
	lease_table_done(&table);
}

static void ends_without_being_told(void **)
{
	struct lease_table table;
	struct lease *lease;

	lease_table_init(&table, &key);
	lease = add(&table, 1);
	assert_int_equal(lease_state(lease, NOW), LEASE_EXPIRED);
	lease_offer(&table, lease, NOW + 10);
	assert_int_equal(lease_state(lease, NOW + 9), LEASE_OFFERED);
	assert_int_equal(lease_state(lease, NOW + 10), LEASE_EXPIRED);
	assert_int_equal(table.offered_count, 1);
	lease_bind(&table, lease, 1, NOW + NSEC_PER_SEC);
	assert_int_equal(table.offered_count, 0);
	assert_int_equal(lease_state(lease, NOW), LEASE_BOUND);
	assert_int_equal(lease_state(lease, NOW + NSEC_PER_SEC), LEASE_EXPIRED);
	lease_end(&table, lease, NOW + 5);
	assert_int_equal(lease_state(lease, NOW + 5), LEASE_EXPIRED);
	assert_int_equal(lease->bound_until, NOW + 5);
	lease_table_done(&table);
}

static void knows_the_oldest(void **)
{
	struct lease_table table;
	struct lease *first, *second;

	lease_table_init(&table, &key);
	assert_null(lease_find_oldest(&table));
	first = add(&table, 1);
	second = add(&table, 2);
	lease_bind(&table, first, 1, NOW + 20);
	lease_bind(&table, second, 1, NOW + 10);
	assert_ptr_equal(lease_find_oldest(&table), second);
	lease_bind(&table, second, 1, NOW + 30);
	assert_ptr_equal(lease_find_oldest(&table), first);
	lease_offer(&table, second, NOW);
	lease_offer(&table, first, NOW);
	assert_ptr_equal(lease_find_oldest_offer(&table), second);
	lease_remove(&table, second);
	assert_ptr_equal(lease_find_oldest_offer(&table), first);
	lease_table_done(&table);
}

static void gives_each_name_once(void **)
{
	struct lease_table table;
	struct lease *leases[4];

	lease_table_init(&table, &key);
	for (uint8_t i = 0; i < 4; i++) {
		leases[i] = add(&table, i + 1);
		lease_bind(&table, leases[i], 1, NOW + 100 + i);
	}
	lease_set_name(&table, leases[0], "guest", NOW);
	lease_set_name(&table, leases[1], "GUEST.lan", NOW);
	lease_set_name(&table, leases[2], "guest", NOW);
	lease_set_name(&table, leases[1], "guest", NOW); /* again: keeps what it has */
	lease_set_name(&table, leases[3], "_.-", NOW);	 /* nothing to make a name of */
	assert_string_equal(leases[0]->name, "guest");
	assert_string_equal(leases[1]->name, "guest-2");
	assert_string_equal(leases[2]->name, "guest-3");
	assert_string_equal(leases[3]->name, "");
	/* Whoever is gone has its name no longer than nobody else wants it. */
	lease_set_name(&table, leases[3], "guest", NOW + 100);
	assert_string_equal(leases[3]->name, "guest");
	assert_string_equal(leases[0]->name, "");
	lease_table_done(&table);
}

static const char *line_of(const struct lease *lease)
{
	static char line[LEASE_LINE_SIZE];

	lease_write_line(lease, &clocks, line);
	return line;
}

static void writes_lines(void **)
{
	struct lease_table table;
	struct lease *lease;

	lease_table_init(&table, &key);
	lease = add(&table, 1);
	lease_offer(&table, lease, NOW + 10 * NSEC_PER_SEC);
	assert_string_equal(line_of(lease), "192.168.120.1 free\n");
	lease_bind(&table, lease, 60, NOW + 60 * NSEC_PER_SEC);
	assert_string_equal(
		line_of(lease), "192.168.120.1 02:00:00:00:00:01 bound 1700000060 60 0901 -\n");
	lease_set_name(&table, lease, "redhat", NOW);
	lease_end(&table, lease, NOW - 5 * NSEC_PER_SEC);
	lease_offer(&table, lease, NOW + 10 * NSEC_PER_SEC);
	assert_string_equal(line_of(lease),
		"192.168.120.1 02:00:00:00:00:01 expired 1699999995 60 0901 redhat\n");
	lease_remove(&table, lease);
	lease = lease_add(&table, address(1), NULL, mac(9));
	lease_hold_back(&table, lease, 600, NOW + 600 * NSEC_PER_SEC);
	assert_string_equal(
		line_of(lease), "192.168.120.1 02:00:00:00:00:09 declined 1700000600 600 - -\n");
	lease_table_done(&table);
}

static void reads_lines(void **)
{
	struct lease_table table;
	struct lease *lease;

	lease_table_init(&table, &key);
	assert_true(lease_read_line(
		&table, "10.0.0.1 02:00:00:00:00:01 bound 1700000060 90 0901 redhat", &clocks));
	lease = lease_find_ip(&table, ip4_from_number(0x0a000001));
	assert_int_equal(lease_state(lease, NOW), LEASE_BOUND);
	assert_int_equal(lease_expires(lease), NOW + 60 * NSEC_PER_SEC);
	assert_int_equal(lease->duration, 90);
	assert_string_equal(lease->name, "redhat");

	/* The client moved: one lease for each. */
	assert_true(lease_read_line(
		&table, "10.0.0.2 02:00:00:00:00:01 bound 1700000060 90 0901 redhat", &clocks));
	assert_null(lease_find_ip(&table, ip4_from_number(0x0a000001)));
	/* The clock was set back: no longer than was granted. */
	assert_true(lease_read_line(
		&table, "10.0.0.2 02:00:00:00:00:01 bound 1800000000 90 0901 -", &clocks));
	lease = lease_find_ip(&table, ip4_from_number(0x0a000002));
	assert_int_equal(lease_expires(lease), NOW + 90 * NSEC_PER_SEC);
	assert_true(lease_read_line(&table, "10.0.0.2 free", &clocks));
	assert_int_equal(table.by_ip.count, 0);
	assert_true(lease_read_line(
		&table, "10.0.0.3 02:00:00:00:00:09 declined 1700000500 600 - -", &clocks));
	lease = lease_find_ip(&table, ip4_from_number(0x0a000003));
	assert_int_equal(lease_state(lease, NOW + 499 * NSEC_PER_SEC), LEASE_DECLINED);
	assert_int_equal(lease_state(lease, NOW + 500 * NSEC_PER_SEC), LEASE_EXPIRED);
	lease_table_done(&table);
}

static void reads_no_nonsense(void **)
{
	static const char *const lines[] = {
		"",
		"# a remark",
		"10.0.0.1",
		"10.0.0.1 fre",
		"fe80::1 free",
		"10.0.0.1 free beer",
		"10.0.0.1 02:00:00:00:00:01 bound 1700000060 90 0901",
		"10.0.0.1 02:00:00:00:00:01 bound 1700000060 90 0901 a b",
		"10.0.0.1 02:00:00:00:00 bound 1700000060 90 0901 -",
		"10.0.0.1 02:00:00:00:00:01 bound 1700000060 90 090 -",
		"10.0.0.1 02:00:00:00:00:01 bound 1700000060 90 09xy -",
		"10.0.0.1 02:00:00:00:00:01 bound 1700000060 90 - -",
		"10.0.0.1 02:00:00:00:00:01 bound -1 90 0901 -",
		"10.0.0.1 02:00:00:00:00:01 bound 9000000000000000000 90 0901 -",
		"10.0.0.1 02:00:00:00:00:01 offered 1700000060 90 0901 -",
		"10.0.0.1 02:00:00:00:00:01 declined 1700000060 90 0901 -",
	};
	struct lease_table table;

	lease_table_init(&table, &key);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_false(lease_read_line(&table, lines[i], &clocks));
	assert_int_equal(table.by_ip.count, 0);
	lease_table_done(&table);
}

static void holds_many(void **)
{
	enum {
		MANY = 5000
	};
	struct map_cursor cursor = {0};
	struct lease_table table;
	struct lease *lease;
	nsec last = 0;

	lease_table_init(&table, &key);
	for (unsigned i = 0; i < MANY; i++) {
		struct dhcp_client_id id = {3, {1, i >> 8, i}};

		lease = lease_add(&table, ip4_from_number(0x0a000000 + i), &id, mac(1));
		lease_bind(&table, lease, 1, 1 + (i * 7919) % MANY);
		lease_set_name(&table, lease, i % 10 ? "" : "same", 0);
	}
	while ((lease = lease_walk(&table, &cursor)))
		if (lease->ip.be & 1)
			lease_remove(&table, lease);
	while ((lease = lease_find_oldest(&table))) {
		assert_true(lease_expires(lease) >= last);
		last = lease_expires(lease);
		lease_remove(&table, lease);
	}
	assert_int_equal(table.by_ip.count + table.by_client.count + table.by_name.count, 0);
	lease_table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_every_key),
		cmocka_unit_test(ends_without_being_told),
		cmocka_unit_test(knows_the_oldest),
		cmocka_unit_test(gives_each_name_once),
		cmocka_unit_test(writes_lines),
		cmocka_unit_test(reads_lines),
		cmocka_unit_test(reads_no_nonsense),
		cmocka_unit_test(holds_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
