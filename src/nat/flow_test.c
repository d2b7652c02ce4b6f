/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/flow.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct thing {
	struct flow flow;
	unsigned runs;
	nsec next; /* what run() answers */
	bool asks, ends;
};

static struct flow_table table;
static unsigned wakes, freed;

static nsec thing_run(struct flow *flow, nsec)
{
	struct thing *thing = CONTAINER_OF(flow, struct thing, flow);

	thing->runs++;
	if (thing->asks)
		flow_wake(&table, flow);
	if (thing->ends)
		flow_end(&table, flow);
	return thing->next;
}

static void thing_free(struct flow *flow)
{
	freed++;
	free(CONTAINER_OF(flow, struct thing, flow));
}

static void on_wake(struct machine *)
{
	wakes++;
}

static const struct flow_ops ops = {.run = thing_run, .free = thing_free};
static struct machine machine = {.wake = on_wake};

static int set_up(void **)
{
	flow_table_init(&table, &(struct hash_key){1, 2}, &machine, 4);
	wakes = freed = 0;
	return 0;
}

static int tear_down(void **)
{
	flow_table_done(&table);
	return 0;
}

static struct thing *thing_new(uint16_t port)
{
	struct thing *thing = calloc(1, sizeof(*thing));

	assert_non_null(thing);
	thing->flow.ops = &ops;
	thing->flow.key.guest_port = port;
	thing->next = NSEC_NEVER;
	return thing;
}

static struct thing *thing_in(uint16_t port)
{
	struct thing *thing = thing_new(port);

	assert_int_equal(flow_insert(&table, &thing->flow, 0), 0);
	return thing;
}

static void a_flow_is_found_by_its_key(void **)
{
	struct thing *one = thing_in(1), *two = thing_in(2);
	struct flow_key other = {.guest_port = 1, .protocol = 6};

	assert_ptr_equal(flow_find(&table, &one->flow.key), &one->flow);
	assert_ptr_equal(flow_find(&table, &two->flow.key), &two->flow);
	assert_null(flow_find(&table, &other));
}

static void a_full_table_takes_no_more(void **)
{
	struct thing *fifth = thing_new(5);

	for (uint16_t port = 1; port <= 4; port++)
		thing_in(port);
	assert_int_equal(flow_insert(&table, &fifth->flow, 0), -ENOSPC);
	free(fifth);
}

static void who_asks_runs_once(void **)
{
	struct thing *thing = thing_in(1);

	flow_wake(&table, &thing->flow);
	flow_wake(&table, &thing->flow);
	assert_int_equal(wakes, 1);
	assert_int_equal(flow_table_run(&table, 10), NSEC_NEVER);
	flow_table_run(&table, 11);
	assert_int_equal(thing->runs, 1);
}

static void a_deadline_is_kept(void **)
{
	struct thing *thing = thing_in(1);

	thing->next = 100;
	flow_wake(&table, &thing->flow);
	assert_int_equal(flow_table_run(&table, 10), 100);
	assert_int_equal(flow_table_run(&table, 99), 100);
	assert_int_equal(thing->runs, 1);
	thing->next = 50; /* long past: it must not run for ever */
	assert_int_equal(flow_table_run(&table, 100), 101);
	assert_int_equal(thing->runs, 2);
}

/* Frames of the first run may point into what a second one would give back. */
static void a_flow_runs_once_in_a_turn(void **)
{
	struct thing *thing = thing_in(1);

	thing->next = 100;
	flow_wake(&table, &thing->flow);
	flow_table_run(&table, 10);
	thing->asks = true;
	thing->runs = wakes = 0;
	flow_table_run(&table, 100);
	assert_int_equal(thing->runs, 1);
	assert_true(wakes > 0);
	flow_wake(&table, &thing->flow);
	flow_table_run(&table, 200); /* due, and has asked */
	assert_int_equal(thing->runs, 2);
}

static void what_has_ended_is_freed_when_it_is_buried(void **)
{
	struct thing *thing = thing_in(1);
	struct flow_key key = thing->flow.key;

	thing->ends = true;
	flow_wake(&table, &thing->flow);
	assert_int_equal(flow_table_run(&table, 10), NSEC_NEVER);
	assert_null(flow_find(&table, &key));
	assert_int_equal(freed, 0);
	flow_wake(&table, &thing->flow);
	flow_end(&table, &thing->flow);
	flow_table_bury(&table);
	assert_int_equal(freed, 1);
}

static void a_table_ends_all_its_flows(void **)
{
	for (uint16_t port = 1; port <= 4; port++)
		thing_in(port);
	tear_down(NULL);
	assert_int_equal(freed, 4);
	set_up(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flow_is_found_by_its_key),
		TEST(a_full_table_takes_no_more),
		TEST(who_asks_runs_once),
		TEST(a_deadline_is_kept),
		TEST(a_flow_runs_once_in_a_turn),
		TEST(what_has_ended_is_freed_when_it_is_buried),
		TEST(a_table_ends_all_its_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
