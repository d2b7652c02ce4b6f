/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/amount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void counts_keep_three_digits(void **)
{
	char text[AMOUNT_SIZE];

	assert_string_equal(amount_count(0, text), "0");
	assert_string_equal(amount_count(999, text), "999");
	assert_string_equal(amount_count(1000, text), "1.0 k");
	assert_string_equal(amount_count(99949, text), "99.9 k");
	assert_string_equal(amount_count(99951, text), "100 k");
	assert_string_equal(amount_count(999499, text), "999 k");
	assert_string_equal(amount_count(999500, text), "1.0 M");
	assert_string_equal(amount_count(UINT64_MAX, text), "18.4 E");
}

static void units_follow(void **)
{
	char text[AMOUNT_SIZE];

	assert_string_equal(amount_bytes(512, text), "512 B");
	assert_string_equal(amount_bytes(1500000, text), "1.5 MB");
	assert_string_equal(amount_rate(125000, text), "1.0 Mbit/s");
}

static void times_lose_what_nobody_reads(void **)
{
	char text[AMOUNT_SIZE];

	assert_string_equal(amount_time(0.25, text), "0.2 s");
	assert_string_equal(amount_time(59.6, text), "60 s");
	assert_string_equal(amount_time(1800, text), "30 min");
	assert_string_equal(amount_time(86400, text), "24 h");
	assert_string_equal(amount_time(259200, text), "3 d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_keep_three_digits),
		cmocka_unit_test(units_follow),
		cmocka_unit_test(times_lose_what_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
