/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/mac_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define AGE 300

static const struct hash_key key = {0x1234567890abcdef, 0xfedcba0987654321};

static struct mac mac_of(uint32_t number)
{
	struct mac mac = {{2}};

	memcpy(mac.bytes + 2, &number, sizeof(number));
	return mac;
}

static void open_table(
	struct mac_table *table, struct mac_owner *owners, unsigned count, uint32_t max)
{
	mac_table_init(table, &key, max, AGE);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(mac_table_add_owner(table, &owners[i], max), 0);
}

static unsigned walk_count(
	const struct mac_table *table, const struct mac_owner *owner, uint32_t second)
{
	uint32_t place = owner->newest, last_age = 0;
	struct mac_sight sight;
	unsigned count = 0;

	for (; mac_table_walk(table, &place, second, &sight); count++) {
		assert_true(sight.age >= last_age);
		last_age = sight.age;
		assert_ptr_equal(mac_table_find(table, sight.mac, second), owner);
	}
	return count;
}

static void test_learn_and_find(void **)
{
	struct mac_table table;
	struct mac_owner owners[2];

	open_table(&table, owners, 2, 100);
	assert_null(mac_table_find(&table, mac_of(1), 1));
	mac_table_learn(&table, mac_of(1), &owners[0], 1);
	mac_table_learn(&table, mac_of(2), &owners[1], 1);
	assert_ptr_equal(mac_table_find(&table, mac_of(1), 1), &owners[0]);
	assert_ptr_equal(mac_table_find(&table, mac_of(2), 1), &owners[1]);
	assert_null(mac_table_find(&table, mac_of(3), 1));
	mac_table_done(&table);
}

static void test_moves(void **)
{
	struct mac_table table;
	struct mac_owner owners[2];

	open_table(&table, owners, 2, 100);
	mac_table_learn(&table, mac_of(1), &owners[0], 1);
	mac_table_learn(&table, mac_of(1), &owners[1], 1);
	assert_ptr_equal(mac_table_find(&table, mac_of(1), 1), &owners[1]);
	assert_int_equal(walk_count(&table, &owners[0], 1), 0);
	assert_int_equal(walk_count(&table, &owners[1], 1), 1);
	mac_table_done(&table);
}

static void test_ages(void **)
{
	struct mac_table table;
	struct mac_owner owner;

	open_table(&table, &owner, 1, 100);
	mac_table_learn(&table, mac_of(1), &owner, 10);
	mac_table_learn(&table, mac_of(2), &owner, 10);
	mac_table_learn(&table, mac_of(1), &owner, 20); /* seen again */
	assert_non_null(mac_table_find(&table, mac_of(2), 10 + AGE - 1));
	assert_null(mac_table_find(&table, mac_of(2), 10 + AGE));
	assert_non_null(mac_table_find(&table, mac_of(1), 10 + AGE));
	assert_int_equal(walk_count(&table, &owner, 10 + AGE), 1);
	assert_null(mac_table_find(&table, mac_of(1), 20 + AGE));
	mac_table_learn(&table, mac_of(2), &owner, 1000);
	assert_non_null(mac_table_find(&table, mac_of(2), 1000));
	mac_table_done(&table);
}

/* What aged makes room without anyone being evicted, and without the table growing. */
static void test_memory_of_what_aged_is_used_again(void **)
{
	struct mac_table table;
	struct mac_owner owner;

	open_table(&table, &owner, 1, 1 << 20);
	for (uint32_t second = 0; second < 20 * AGE; second++) {
		for (uint32_t i = 0; i < 10; i++)
			mac_table_learn(&table, mac_of(second * 10 + i), &owner, second);
	}
	assert_int_equal(walk_count(&table, &owner, 20 * AGE - 1), 10 * AGE);
	assert_in_range(table.size, 10 * AGE, 8 * 10 * AGE);
	mac_table_done(&table);
}

/* One port that makes addresses up does not push out those of the others. */
static void test_the_one_with_most_pays(void **)
{
	struct mac_table table;
	struct mac_owner owners[3];

	open_table(&table, owners, 3, 1000);
	for (uint32_t i = 0; i < 10; i++) {
		mac_table_learn(&table, mac_of(i), &owners[0], 1);
		mac_table_learn(&table, mac_of(100 + i), &owners[1], 1);
	}
	for (uint32_t i = 0; i < 5000; i++)
		mac_table_learn(&table, mac_of(10000 + i), &owners[2], 2);
	assert_int_equal(walk_count(&table, &owners[0], 2), 10);
	assert_int_equal(walk_count(&table, &owners[1], 2), 10);
	assert_int_equal(walk_count(&table, &owners[2], 2), 980);
	assert_null(mac_table_find(&table, mac_of(10000), 2)); /* its oldest */
	assert_non_null(mac_table_find(&table, mac_of(14999), 2));
	mac_table_learn(&table, mac_of(50), &owners[0], 2);
	assert_int_equal(walk_count(&table, &owners[0], 2), 11);
	assert_int_equal(walk_count(&table, &owners[2], 2), 979);
	assert_int_equal(table.used, 1000);
	mac_table_done(&table);
}

/* Who has most is known anew when addresses move. */
static void test_rank_follows_moves(void **)
{
	struct mac_table table;
	struct mac_owner owners[2];

	open_table(&table, owners, 2, 20);
	for (uint32_t i = 0; i < 20; i++)
		mac_table_learn(&table, mac_of(i), &owners[0], 1);
	for (uint32_t i = 0; i < 20; i++)
		mac_table_learn(&table, mac_of(i), &owners[1], 2);
	mac_table_learn(&table, mac_of(99), &owners[0], 2);
	assert_int_equal(walk_count(&table, &owners[0], 2), 1);
	assert_int_equal(walk_count(&table, &owners[1], 2), 19);
	mac_table_done(&table);
}

static void test_bounded_per_owner(void **)
{
	struct mac_table table;
	struct mac_owner owner, other;

	mac_table_init(&table, &key, 1000, AGE);
	assert_int_equal(mac_table_add_owner(&table, &owner, 5), 0);
	assert_int_equal(mac_table_add_owner(&table, &other, 1000), 0);
	for (uint32_t i = 0; i < 20; i++)
		mac_table_learn(&table, mac_of(i), &owner, 1);
	assert_int_equal(walk_count(&table, &owner, 1), 5);
	assert_null(mac_table_find(&table, mac_of(14), 1));
	assert_non_null(mac_table_find(&table, mac_of(15), 1));
	mac_table_learn(&table, mac_of(99), &other, 1);
	mac_table_learn(&table, mac_of(99), &owner, 1); /* moves to where there is no room */
	assert_int_equal(walk_count(&table, &owner, 1), 5);
	assert_null(mac_table_find(&table, mac_of(15), 1));
	mac_table_done(&table);
}

static void test_remove_owner(void **)
{
	struct mac_table table;
	struct mac_owner owners[2];

	open_table(&table, owners, 2, 100);
	for (uint32_t i = 0; i < 40; i++)
		mac_table_learn(&table, mac_of(i), &owners[i % 2], 1);
	mac_table_remove_owner(&table, &owners[0]);
	for (uint32_t i = 0; i < 40; i++)
		assert_ptr_equal(mac_table_find(&table, mac_of(i), 1), i % 2 ? &owners[1] : NULL);
	for (uint32_t i = 100; i < 300; i++)
		mac_table_learn(&table, mac_of(i), &owners[1], 1);
	assert_int_equal(walk_count(&table, &owners[1], 1), 100);
	mac_table_done(&table);
}

static void test_forget(void **)
{
	struct mac_table table;
	struct mac_owner owners[2];

	open_table(&table, owners, 2, 100);
	for (uint32_t i = 0; i < 40; i++)
		mac_table_learn(&table, mac_of(i), &owners[i % 2], 1);
	mac_table_forget(&table, &owners[0]);
	for (uint32_t i = 0; i < 40; i++)
		assert_ptr_equal(mac_table_find(&table, mac_of(i), 1), i % 2 ? &owners[1] : NULL);
	assert_int_equal(walk_count(&table, &owners[0], 1), 0);
	for (uint32_t i = 0; i < 200; i++)
		mac_table_learn(&table, mac_of(i), &owners[0], 1);
	assert_int_equal(walk_count(&table, &owners[0], 1), 100);
	mac_table_done(&table);
}

static void test_empty_is_small(void **)
{
	struct mac_table table;
	struct mac_owner owner;

	open_table(&table, &owner, 1, 100000);
	assert_null(table.entries);
	mac_table_learn(&table, mac_of(1), &owner, 1);
	assert_in_range(table.size, 1, 64);
	mac_table_done(&table);
}

/* The same as a table that is an array. */
struct plain {
	struct {
		bool is_in;
		unsigned owner;
		uint32_t seen;
	} macs[200];
};

static void test_against_plain(void **)
{
	struct mac_table table;
	struct mac_owner owners[4];
	struct plain plain = {0};
	uint32_t second = 1;

	srand(7);
	open_table(&table, owners, 4, 1000);
	for (unsigned round = 0; round < 50000; round++) {
		uint32_t number = (uint32_t)rand() % 200;
		unsigned owner = (unsigned)rand() % 4;
		bool is_there;

		second += rand() % 10 == 0;
		if (rand() % 2) {
			mac_table_learn(&table, mac_of(number), &owners[owner], second);
			plain.macs[number].is_in = true;
			plain.macs[number].owner = owner;
			plain.macs[number].seen = second;
		}
		number = (uint32_t)rand() % 200;
		is_there = plain.macs[number].is_in && second - plain.macs[number].seen < AGE;
		assert_ptr_equal(mac_table_find(&table, mac_of(number), second),
			is_there ? &owners[plain.macs[number].owner] : NULL);
		if (round % 1000 == 0) { /* a port is unplugged and plugged */
			mac_table_remove_owner(&table, &owners[owner]);
			assert_int_equal(mac_table_add_owner(&table, &owners[owner], 1000), 0);
			for (unsigned i = 0; i < 200; i++)
				plain.macs[i].is_in &= plain.macs[i].owner != owner;
			second += AGE / 2;
		}
	}
	mac_table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learn_and_find),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_memory_of_what_aged_is_used_again),
		cmocka_unit_test(test_the_one_with_most_pays),
		cmocka_unit_test(test_rank_follows_moves),
		cmocka_unit_test(test_bounded_per_owner),
		cmocka_unit_test(test_remove_owner),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_empty_is_small),
		cmocka_unit_test(test_against_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
