/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/driver.h"
#include "io/worker.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct observation {
	char name[16];
	bool is_term_blocked;
	pthread_t thread;
	unsigned calls;
};

static void observe(void *argument)
{
	struct observation *seen = argument;
	sigset_t mask;

	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	seen->is_term_blocked = sigismember(&mask, SIGTERM);
	seen->thread = pthread_self();
	seen->calls++;
}

static void test_call_runs_there_and_is_waited_for(void **)
{
	struct worker *worker = worker_start("hub8");
	struct observation seen = {0};
	sigset_t mask;

	assert_non_null(worker);
	for (unsigned i = 1; i <= 1000; i++) {
		worker_call(worker, observe, &seen);
		assert_int_equal(seen.calls, i);
	}
	assert_string_equal(seen.name, "hub8");
	assert_true(seen.is_term_blocked);
	assert_false(pthread_equal(seen.thread, pthread_self()));
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));
	worker_stop(worker);
	worker_stop(NULL);
}

/* A machine that wants to be run at two more deadlines, then never. */
struct steps {
	struct machine machine;
	unsigned runs;
	nsec first, last;
	struct loop *loop; /* stopped with the third run */
};

static nsec steps_run(struct machine *machine, nsec now)
{
	struct steps *steps = CONTAINER_OF(machine, struct steps, machine);

	if (!steps->runs++)
		steps->first = now;
	steps->last = now;
	if (steps->runs < 3)
		return now + 2 * NSEC_PER_MSEC;
	loop_stop(steps->loop);
	return NSEC_NEVER;
}

struct stage {
	struct driver driver;
	struct steps steps;
	struct timer end;
	struct loop *loop;
};

static void on_end(struct timer *timer, nsec)
{
	loop_stop(CONTAINER_OF(timer, struct stage, end)->loop);
}

static void test_driver_runs_on_wake_and_at_deadlines(void **)
{
	struct stage stage = {.steps.machine.run = steps_run, .end.on_expire = on_end};

	stage.loop = stage.steps.loop = loop_new();
	assert_non_null(stage.loop);
	driver_start(&stage.driver, stage.loop, &stage.steps.machine);
	machine_wake(&stage.steps.machine);
	machine_wake(&stage.steps.machine);
	assert_int_equal(stage.steps.runs, 0);
	loop_run(stage.loop);
	assert_int_equal(stage.steps.runs, 3);
	assert_true(stage.steps.last - stage.steps.first >= 4 * NSEC_PER_MSEC);

	machine_wake(&stage.steps.machine);
	driver_stop(&stage.driver);
	driver_stop(&stage.driver);
	machine_wake(&stage.steps.machine);
	timer_set(stage.loop, &stage.end, loop_now(stage.loop) + 10 * NSEC_PER_MSEC);
	loop_run(stage.loop);
	assert_int_equal(stage.steps.runs, 3);
	loop_free(stage.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_runs_there_and_is_waited_for),
		cmocka_unit_test(test_driver_runs_on_wake_and_at_deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
