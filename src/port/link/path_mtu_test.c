/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A path that drops what is too long without a word, and a clock. */
#include "port/link/path_mtu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#define TOP 1460
#define RTT (40 * NSEC_PER_SEC / 1000)

struct world {
	struct path_mtu path;
	nsec now;
	uint32_t carries;	 /* 0: nothing */
	uint32_t kernel;	 /* refuses more; 0: nothing */
	unsigned probes, losses; /* of the next probes so many are lost on the way */
	uint32_t longest;
};

static void send(struct world *world, uint32_t size, uint64_t stamp)
{
	world->probes++;
	world->longest = MAX(world->longest, size);
	if (world->kernel && size > world->kernel) {
		path_mtu_refuse(&world->path, size, world->now);
	} else if (world->losses) {
		world->losses--;
	} else if (size <= world->carries) {
		world->now += RTT;
		path_mtu_hear(&world->path, stamp, world->now);
	}
}

/* To an hour. is_used: data flows, which is said once a second. */
static void run(struct world *world, nsec for_how_long, bool is_used)
{
	const nsec end = world->now + for_how_long;
	nsec use = world->now;

	for (;;) {
		uint64_t stamp;
		uint32_t size = path_mtu_run(&world->path, world->now, &stamp);

		if (size) {
			send(world, size, stamp);
			continue;
		}
		world->now = MIN(path_mtu_due(&world->path), is_used ? use : end);
		if (world->now >= end)
			break;
		if (is_used && world->now == use) {
			path_mtu_use(&world->path, world->now);
			use += NSEC_PER_SEC;
		}
	}
	world->now = end;
}

static struct world begin(uint32_t floor, uint32_t carries)
{
	struct world world = {.now = 5 * NSEC_PER_SEC, .carries = carries};

	path_mtu_begin(&world.path, floor, TOP, world.now);
	assert_int_equal(world.path.confirmed, PATH_MTU_BASE);
	return world;
}

static void takes_one_probe_where_all_fits(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 1500);

	run(&world, NSEC_PER_SEC, false);
	assert_int_equal(world.path.confirmed, TOP);
	run(&world, 3600 * NSEC_PER_SEC, false);
	assert_int_equal(world.probes, 1);
}

static void finds_every_size(void **)
{
	for (uint32_t carries = PATH_MTU_FLOOR4; carries <= TOP; carries++) {
		struct world world = begin(PATH_MTU_FLOOR4, carries);

		run(&world, 60 * NSEC_PER_SEC, false);
		assert_int_equal(world.path.phase, PATH_MTU_FOUND);
		assert_in_range(world.path.confirmed, carries - PATH_MTU_STEP + 1, carries);
		assert_true(world.longest <= TOP);
	}
}

static void finds_short_tops(void **)
{
	struct world world = {.now = 0, .carries = 1500};

	path_mtu_begin(&world.path, PATH_MTU_FLOOR4, 600, 0);
	assert_int_equal(world.path.confirmed, 600);
	run(&world, NSEC_PER_SEC, false);
	assert_int_equal(world.path.phase, PATH_MTU_FOUND);
	path_mtu_begin(&world.path, PATH_MTU_FLOOR4, 500, 0);
	assert_int_equal(world.path.confirmed, 500);
}

static void a_lost_probe_is_not_a_limit(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 1500);

	world.losses = PATH_MTU_PROBES - 1;
	run(&world, 10 * NSEC_PER_SEC, false);
	assert_int_equal(world.path.confirmed, TOP);
}

static void leaves_a_black_hole(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 1500);

	run(&world, 30 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, TOP);
	world.carries = 1300;
	run(&world, 3 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, PATH_MTU_BASE);
	run(&world, 30 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, 1300);
	world.carries = 1000; /* below the base */
	run(&world, 12 * NSEC_PER_SEC, true);
	assert_true(world.path.confirmed <= 1000);
	run(&world, 60 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, 1000);
}

/* What nobody uses is not looked at. */
static void is_silent_when_idle(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 1500);

	run(&world, NSEC_PER_SEC, false);
	world.carries = 1300;
	world.probes = 0;
	run(&world, 1200 * NSEC_PER_SEC, false);
	assert_int_equal(world.probes, 0);
	run(&world, 3 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, PATH_MTU_BASE);
}

static void looks_again_after_a_while(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 1300);

	run(&world, 60 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, 1300);
	world.probes = 0;
	run(&world, PATH_MTU_RAISE, false);
	assert_int_equal(world.probes, 2 * PATH_MTU_PROBES); /* all of it, and a little more */
	assert_int_equal(world.path.confirmed, 1300);
	world.carries = 1400;
	run(&world, PATH_MTU_RAISE + 30 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, 1400);
	world.carries = 1500;
	run(&world, PATH_MTU_RAISE + 30 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, TOP);
}

/* An outage says nothing of sizes. */
static void an_outage_leaves_nothing_behind(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 1500);

	run(&world, 10 * NSEC_PER_SEC, true);
	world.carries = 0;
	run(&world, 100 * NSEC_PER_SEC, true);
	assert_true(world.path.confirmed <= PATH_MTU_BASE);
	world.carries = 1500;
	run(&world, 15 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, TOP);
}

/* IPv6 promises the base. */
static void never_goes_below_the_floor(void **)
{
	struct world world = begin(PATH_MTU_BASE, 0);

	run(&world, 100 * NSEC_PER_SEC, true);
	assert_int_equal(world.path.confirmed, PATH_MTU_BASE);
}

static void believes_its_own_kernel_at_once(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 1500);

	world.kernel = 1400;
	run(&world, NSEC_PER_SEC, false);
	assert_int_equal(world.path.confirmed, 1400);
	world.kernel = 1300; /* of data, and again */
	path_mtu_refuse(&world.path, 1400, world.now);
	assert_int_equal(world.path.confirmed, PATH_MTU_BASE);
	path_mtu_refuse(&world.path, 100, world.now);
	run(&world, NSEC_PER_SEC, false);
	assert_int_equal(world.path.confirmed, 1300);
	world.kernel = 900;
	path_mtu_refuse(&world.path, 1300, world.now);
	run(&world, NSEC_PER_SEC, false);
	assert_int_equal(world.path.confirmed, 900);
}

static void hears_only_what_it_asked(void **)
{
	struct world world = begin(PATH_MTU_FLOOR4, 0);
	uint64_t first, stamp;

	path_mtu_hear(&world.path, 0, world.now);
	assert_int_equal(path_mtu_run(&world.path, world.now, &first), TOP);
	for (uint64_t other = 0; other < 64; other++)
		path_mtu_hear(&world.path, first ^ (1ull << other), world.now);
	assert_int_equal(world.path.confirmed, PATH_MTU_BASE);
	while (path_mtu_run(&world.path, world.now, &stamp) != PATH_MTU_BASE)
		world.now = path_mtu_due(&world.path);
	path_mtu_hear(&world.path, first, world.now); /* too late */
	assert_int_equal(world.path.confirmed, PATH_MTU_BASE);
	path_mtu_end(&world.path);
	path_mtu_hear(&world.path, stamp, world.now);
	path_mtu_refuse(&world.path, TOP, world.now);
	assert_int_equal(path_mtu_run(&world.path, NSEC_NEVER, &stamp), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_one_probe_where_all_fits),
		cmocka_unit_test(finds_every_size),
		cmocka_unit_test(finds_short_tops),
		cmocka_unit_test(a_lost_probe_is_not_a_limit),
		cmocka_unit_test(leaves_a_black_hole),
		cmocka_unit_test(is_silent_when_idle),
		cmocka_unit_test(looks_again_after_a_while),
		cmocka_unit_test(an_outage_leaves_nothing_behind),
		cmocka_unit_test(never_goes_below_the_floor),
		cmocka_unit_test(believes_its_own_kernel_at_once),
		cmocka_unit_test(hears_only_what_it_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
