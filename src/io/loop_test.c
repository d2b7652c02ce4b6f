/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* Everything that happens is written here, one letter each. */
static char story[256];
static struct loop *loop;

static void tell(char letter)
{
	size_t len = strlen(story);

	assert_true(len + 1 < sizeof(story));
	story[len] = letter;
}

static int set_up(void **)
{
	memset(story, 0, sizeof(story));
	loop = loop_new();
	return loop ? 0 : -1;
}

static int tear_down(void **)
{
	loop_free(loop);
	return 0;
}

struct letter_task {
	struct task task;
	char letter;
	int again; /* times to queue itself once more */
};

static void run_letter(struct task *task)
{
	struct letter_task *self = CONTAINER_OF(task, struct letter_task, task);

	tell(self->letter);
	if (self->again-- > 0)
		loop_defer(loop, task);
}

static void run_stop(struct task *)
{
	loop_stop(loop);
}

struct letter_timer {
	struct timer timer;
	char letter;
	nsec expired_at;
};

static void on_letter(struct timer *timer, nsec now)
{
	struct letter_timer *self = CONTAINER_OF(timer, struct letter_timer, timer);

	self->expired_at = now;
	tell(self->letter);
	if (self->letter == '.')
		loop_stop(loop);
}

static void test_deferred_run_in_order_and_once(void **)
{
	struct letter_task a = {{run_letter}, 'a'}, b = {{run_letter}, 'b'},
			   c = {{run_letter}, 'c'};
	struct task stop = {run_stop};

	loop_defer(loop, &b.task);
	loop_defer(loop, &a.task);
	loop_defer(loop, &c.task);
	loop_defer(loop, &b.task);
	loop_defer(loop, &stop);
	loop_undefer(loop, &c.task);
	loop_undefer(loop, &c.task);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(story, "ba");
}

static void test_undefer_of_the_last_leaves_the_queue_whole(void **)
{
	struct letter_task a = {{run_letter}, 'a'}, b = {{run_letter}, 'b'};
	struct task stop = {run_stop};

	loop_defer(loop, &a.task);
	loop_undefer(loop, &a.task);
	loop_defer(loop, &b.task);
	loop_defer(loop, &stop);
	loop_run(loop);
	assert_string_equal(story, "b");
}

static void on_pipe(struct watch *watch, uint32_t events)
{
	char letter;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(watch->fd, &letter, 1), 1);
	tell(letter);
}

static void test_deferred_of_deferred_do_not_starve_descriptors(void **)
{
	struct letter_task busy = {{run_letter}, 't', 100};
	struct letter_timer end = {{on_letter}, '.'};
	struct watch watch = {on_pipe};
	int ends[2];
	char *at;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(loop_watch(loop, &watch, ends[0], EPOLLIN), 0);
	assert_int_equal(write(ends[1], "PP", 2), 2);
	loop_defer(loop, &busy.task);
	timer_set(loop, &end.timer, loop_now(loop) + 20 * NSEC_PER_MSEC);
	loop_run(loop);
	at = strchr(story, 'P');
	assert_non_null(at);
	at = strchr(at + 1, 'P');
	assert_non_null(at);
	assert_true(at - story < 50); /* the second one came in the second turn, not after all */
	assert_true(at - story > 2);  /* and a turn has more than one round */
	loop_unwatch(&watch);
	close(ends[0]);
	close(ends[1]);
}

static void test_timers_in_order_not_early_and_moved(void **)
{
	struct letter_timer a = {{on_letter}, 'a'}, b = {{on_letter}, 'b'}, c = {{on_letter}, 'c'};
	struct letter_timer gone = {{on_letter}, 'x'}, end = {{on_letter}, '.'};
	nsec start = loop_now(loop);

	timer_set(loop, &end.timer, start + 9 * NSEC_PER_MSEC);
	timer_set(loop, &a.timer, start + 8 * NSEC_PER_MSEC);
	timer_set(loop, &b.timer, start + 2 * NSEC_PER_MSEC);
	timer_set(loop, &c.timer, start + 4 * NSEC_PER_MSEC);
	timer_set(loop, &gone.timer, start + 3 * NSEC_PER_MSEC);
	timer_set(loop, &a.timer, start + 1500 * NSEC_PER_USEC);
	timer_cancel(loop, &gone.timer);
	timer_cancel(loop, &gone.timer);
	loop_run(loop);
	assert_string_equal(story, "abc.");
	assert_true(a.expired_at >= start + 1500 * NSEC_PER_USEC);
	assert_true(end.expired_at >= start + 9 * NSEC_PER_MSEC);
}

static unsigned eager_count;
static nsec eager_last;

static void on_eager(struct timer *timer, nsec now)
{
	assert_true(now > eager_last);
	eager_last = now;
	if (++eager_count == 3)
		loop_stop(loop);
	else if (eager_count < 1000)
		timer_set(loop, timer, now - 1);
}

static void test_a_timer_set_to_the_past_waits_a_turn(void **)
{
	struct timer eager = {on_eager};

	eager_count = 0;
	timer_set(loop, &eager, 0);
	loop_run(loop);
	assert_int_equal(eager_count, 3);
}

static struct watch pair[2];

struct soon_timer {
	struct timer timer;
	unsigned left;
};

static void on_soon(struct timer *timer, nsec)
{
	struct soon_timer *self = CONTAINER_OF(timer, struct soon_timer, timer);
	struct timespec t;

	if (!self->left--) {
		loop_stop(loop);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	timer_set(loop, timer, t.tv_sec * NSEC_PER_SEC + t.tv_nsec + (nsec)(self->left * 7 % 1000));
}

/* A deadline that passes while the loop works out how long to sleep. */
static void test_deadlines_of_this_very_moment(void **)
{
	struct soon_timer soon = {.timer.on_expire = on_soon, .left = 100000};

	timer_set(loop, &soon.timer, 0);
	assert_int_equal(loop_run(loop), 0);
}

static void on_either(struct watch *watch, uint32_t)
{
	tell('1');
	loop_unwatch(watch == &pair[0] ? &pair[1] : &pair[0]);
	loop_unwatch(watch);
	loop_stop(loop);
}

static void test_unwatched_in_the_same_turn_is_silent(void **)
{
	int ends[2][2];

	for (int i = 0; i < 2; i++) {
		pair[i] = (struct watch){.on_ready = on_either};
		assert_int_equal(pipe(ends[i]), 0);
		assert_int_equal(write(ends[i][1], "x", 1), 1);
		assert_int_equal(loop_watch(loop, &pair[i], ends[i][0], EPOLLIN), 0);
	}
	loop_run(loop);
	assert_string_equal(story, "1");
	assert_int_equal(pair[0].fd, -1);
	for (int i = 0; i < 2; i++) {
		close(ends[i][0]);
		close(ends[i][1]);
	}
}

static void test_watch_errors_and_changes(void **)
{
	struct watch watch = {on_pipe}, never = {on_pipe};
	struct letter_timer end = {{on_letter}, '.'};
	int ends[2];

	assert_int_equal(loop_watch(loop, &watch, -1, EPOLLIN), -EBADF);
	loop_unwatch(&never);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "P", 1), 1);
	assert_int_equal(loop_watch(loop, &watch, ends[0], EPOLLIN), 0);
	assert_int_equal(loop_watch_change(&watch, 0), 0);
	timer_set(loop, &end.timer, loop_now(loop) + NSEC_PER_MSEC);
	loop_run(loop);
	assert_string_equal(story, ".");
	loop_unwatch(&watch);
	close(ends[0]);
	close(ends[1]);
}

struct crowd {
	struct task tasks[1000];
	struct task stop;
};

static unsigned crowd_count;

static void run_counted(struct task *)
{
	crowd_count++;
}

static void *post_all(void *argument)
{
	struct crowd *crowd = argument;

	for (size_t i = 0; i < ARRAY_SIZE(crowd->tasks); i++)
		loop_post(loop, &crowd->tasks[i]);
	loop_post(loop, &crowd->stop);
	return NULL;
}

static void test_posts_from_another_thread_all_run(void **)
{
	static struct crowd crowd;
	pthread_t thread;

	crowd_count = 0;
	crowd.stop.run = run_stop;
	for (size_t i = 0; i < ARRAY_SIZE(crowd.tasks); i++)
		crowd.tasks[i].run = run_counted;
	assert_int_equal(pthread_create(&thread, NULL, post_all, &crowd), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
	assert_int_equal(crowd_count, 1000);
}

static void test_posted_before_a_stop_is_run(void **)
{
	struct letter_task a = {{run_letter}, 'a'}, taken_back = {{run_letter}, 'x'};

	loop_post(loop, &a.task);
	loop_post(loop, &a.task);
	loop_post(loop, &taken_back.task);
	loop_undefer(loop, &taken_back.task);
	loop_stop(loop);
	loop_run(loop);
	assert_string_equal(story, "a");
}

static void test_sleeps_without_work(void **)
{
	struct letter_timer end = {{on_letter}, '.'};
	struct timespec before, after;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	timer_set(loop, &end.timer, loop_now(loop) + 100 * NSEC_PER_MSEC);
	loop_run(loop);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	assert_true((after.tv_sec - before.tv_sec) * NSEC_PER_SEC + after.tv_nsec - before.tv_nsec <
		    20 * NSEC_PER_MSEC);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(test_deferred_run_in_order_and_once),
		LOOP_TEST(test_undefer_of_the_last_leaves_the_queue_whole),
		LOOP_TEST(test_deferred_of_deferred_do_not_starve_descriptors),
		LOOP_TEST(test_timers_in_order_not_early_and_moved),
		LOOP_TEST(test_a_timer_set_to_the_past_waits_a_turn),
		LOOP_TEST(test_deadlines_of_this_very_moment),
		LOOP_TEST(test_unwatched_in_the_same_turn_is_silent),
		LOOP_TEST(test_watch_errors_and_changes),
		LOOP_TEST(test_posts_from_another_thread_all_run),
		LOOP_TEST(test_posted_before_a_stop_is_run),
		LOOP_TEST(test_sleeps_without_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
