/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/subnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix value;

	assert_true(prefix_parse(text, &value));
	return value;
}

static void expect_next(
	const char *own, const char *const *used_texts, size_t count, const char *wanted)
{
	struct used_subnet used[8] = {};
	struct ip_prefix own_prefix = prefix(own), found;
	char text[PREFIX_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		used[i].prefix = prefix(used_texts[i]);
	if (!wanted) {
		assert_false(subnet_next_free(&own_prefix, used, count, &found));
		return;
	}
	assert_true(subnet_next_free(&own_prefix, used, count, &found));
	assert_string_equal(prefix_format(&found, text), wanted);
}

static void collides_with_what_overlaps(void **)
{
	struct used_subnet used[] = {{prefix("0.0.0.0/1"), "vpn"}, {prefix("10.0.0.0/8"), "a"},
		{prefix("192.168.120.64/26"), "b"}, {prefix("fd00:8::/64"), "c"}};
	struct ip_prefix hub8 = prefix("192.168.120.0/24"), hub1 = prefix("192.168.56.0/24");
	struct ip_prefix inside = prefix("10.1.2.0/24"), six = prefix("fd00:8::/64");

	assert_ptr_equal(subnet_collision(&hub8, used, ARRAY_SIZE(used)), &used[2]);
	assert_ptr_equal(subnet_collision(&inside, used, ARRAY_SIZE(used)), &used[1]);
	assert_ptr_equal(subnet_collision(&six, used, ARRAY_SIZE(used)), &used[3]);
	assert_null(subnet_collision(&hub1, used, ARRAY_SIZE(used)));
}

static void next_is_the_next_one(void **)
{
	const char *const used[] = {"192.168.120.0/24", "192.168.121.0/25", "192.168.122.0/24"};

	expect_next("192.168.120.0/24", used, 1, "192.168.121.0/24");
	expect_next("192.168.120.0/24", used, 3, "192.168.123.0/24");
}

static void next_goes_round(void **)
{
	const char *const used[] = {
		"192.168.255.0/24", "192.168.0.0/23", "192.168.0.0/16", "10.0.0.0/16"};

	expect_next("192.168.255.0/24", used, 2, "192.168.2.0/24");
	expect_next("192.168.120.0/24", used, 4, "10.1.0.0/24");
	expect_next("172.16.0.0/12", used, 4, "10.16.0.0/12");
}

static void none_is_none(void **)
{
	const char *const used[] = {"192.168.0.0/16", "10.0.0.0/8"};

	expect_next("192.168.120.0/24", used, 2, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collides_with_what_overlaps),
		cmocka_unit_test(next_is_the_next_one),
		cmocka_unit_test(next_goes_round),
		cmocka_unit_test(none_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
