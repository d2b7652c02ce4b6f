/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/fake_port.h"
#include "hub/policy.h"

static void a_second_at_once_then_the_rate(void **)
{
	struct storm storm = {.rate = 100};
	unsigned passed = 0;

	for (unsigned i = 0; i < 500; i++)
		passed += storm_allows(&storm, STORM_BROADCAST, 1, NOW);
	assert_int_equal(passed, 100);
	for (unsigned msec = 0; msec < 1000; msec++)
		passed += storm_allows(&storm, STORM_BROADCAST, 1, NOW + msec * NSEC_PER_MSEC);
	assert_in_range(passed, 199, 201);
	assert_true(storm_allows(&storm, STORM_BROADCAST, 1, NOW + 60 * NSEC_PER_SEC));
}

static void kinds_do_not_share(void **)
{
	struct storm storm = {.rate = 1};

	assert_true(storm_allows(&storm, STORM_BROADCAST, 1, NOW));
	assert_false(storm_allows(&storm, STORM_BROADCAST, 1, NOW));
	assert_true(storm_allows(&storm, STORM_MULTICAST, 1, NOW));
	assert_true(storm_allows(&storm, STORM_UNKNOWN, 1, NOW));
}

static void no_rate_no_limit(void **)
{
	struct storm storm = {0};

	for (unsigned i = 0; i < 100000; i++)
		assert_true(storm_allows(&storm, STORM_UNKNOWN, 64, NOW));
}

/* Through a hub: floods are capped and counted, frames for one port are not. */
static void a_port_that_storms(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};
	struct policy_settings settings = {.storm = 10};
	struct port_policy policy;

	introduce(f, 2);
	policy_init(&policy, &f[0]->port, 1);
	policy_change(&policy, &settings, NOW);
	for (unsigned i = 0; i < 50; i++) {
		receive(f[0], frame_of(0xff, 1), NOW);
		receive(f[0], frame_of(77, 1), NOW);
		receive(f[0], frame_of(2, 1), NOW);
	}
	assert_int_equal(f[1]->frames, 10 + 10 + 50);
	assert_int_equal(f[0]->port.in.drops[DROP_STORM], 80);
	policy_done(&policy);
	hub_free(hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_at_once_then_the_rate),
		cmocka_unit_test(kinds_do_not_share),
		cmocka_unit_test(no_rate_no_limit),
		cmocka_unit_test(a_port_that_storms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
