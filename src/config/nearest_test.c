/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/nearest.h"
#include "config/test_support.h"

static void mistakes_of_one_hand(void **)
{
	static const struct {
		const char *word, *meant;
		bool is_near;
	} pairs[] = {
		{"nat", "nat", true},
		{"nta", "nat", true},
		{"at", "nat", true},
		{"natt", "nat", true},
		{"net", "nat", true},
		{"nic", "nat", false},
		{"", "nat", false},
		{"reservation", "reservations", true},
		{"resrevatons", "reservations", true},
		{"rservtions", "reservations", true},
		{"rsrvtions", "reservations", false},
		{"mirror-of-a-very-long-name-indeed", "mirror", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (is_nearly(pairs[i].word, pairs[i].meant) != pairs[i].is_near)
			fail_msg("'%s' for '%s'", pairs[i].word, pairs[i].meant);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_of_one_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
