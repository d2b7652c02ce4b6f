/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define DEFER_ROUNDS                                                                               \
	8 /* rounds of deferred tasks in one turn, before descriptors are asked again */

struct task_queue {
	struct task *first, **last; /* last: where the next one is hung */
	size_t count;
};

struct loop {
	int epoll_fd;
	nsec now;
	struct heap timers;
	struct task_queue deferred;
	struct epoll_event
		events[EVENTS_MAX]; /* of this turn; a watch that is gone is NULL in it */
	int event_count;
	void *scratch;
	size_t scratch_size;

	struct watch wake; /* an eventfd(2), for the two below */
	atomic_bool is_stopping;
	pthread_mutex_t posted_lock;
	struct task_queue posted;
};

static nsec clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static void queue_init(struct task_queue *queue)
{
	*queue = (struct task_queue){.last = &queue->first};
}

static void queue_push(struct task_queue *queue, struct task *task)
{
	task->next = NULL;
	*queue->last = task;
	queue->last = &task->next;
	queue->count++;
}

static struct task *queue_pop(struct task_queue *queue)
{
	struct task *task = queue->first;

	queue->first = task->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->count--;
	return task;
}

static bool queue_remove(struct task_queue *queue, struct task *task)
{
	struct task **at = &queue->first;

	while (*at && *at != task)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = task->next;
	if (queue->last == &task->next)
		queue->last = at;
	queue->count--;
	return true;
}

static void take_posted(struct loop *loop)
{
	pthread_mutex_lock(&loop->posted_lock);
	while (loop->posted.first)
		queue_push(&loop->deferred, queue_pop(&loop->posted));
	pthread_mutex_unlock(&loop->posted_lock);
}

static void wake(struct loop *loop)
{
	const uint64_t one = 1;
	ssize_t written;

	do
		written = write(loop->wake.fd, &one, sizeof(one));
	while (written < 0 && errno == EINTR); /* EAGAIN: it is awake 2^64 times over */
}

static void on_wake(struct watch *watch, uint32_t)
{
	uint64_t count;

	if (read(watch->fd, &count, sizeof(count)) == sizeof(count))
		take_posted(watch->loop);
}

static int open_descriptors(struct loop *loop)
{
	int fd;

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	loop->wake.on_ready = on_wake;
	loop->wake.fd = fd;
	return loop_watch(loop, &loop->wake, fd, EPOLLIN);
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return NULL;
	loop->now = clock_now();
	loop->epoll_fd = loop->wake.fd = -1;
	queue_init(&loop->deferred);
	queue_init(&loop->posted);
	pthread_mutex_init(&loop->posted_lock, NULL);
	err = open_descriptors(loop);
	if (err) {
		loop_free(loop);
		errno = -err;
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->wake.fd >= 0)
		close(loop->wake.fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	pthread_mutex_destroy(&loop->posted_lock);
	heap_done(&loop->timers);
	free(loop->scratch);
	free(loop);
}

/* How long to sleep; NSEC_NEVER: until a descriptor is ready. */
static nsec patience(const struct loop *loop)
{
	const struct heap_node *first = heap_first(&loop->timers);
	nsec left;

	if (loop->deferred.first)
		return 0;
	if (!first)
		return NSEC_NEVER;
	left = first->key - clock_now(); /* read once: MAX() would look twice, and find it past */
	return MAX(left, 0);
}

/* Kernels before 5.11, and some sandboxes, know only milliseconds: then a timer is never early. */
static int sleep_in_msec(struct loop *loop, nsec duration)
{
	nsec msec = -1;

	if (duration != NSEC_NEVER)
		msec = MIN((duration + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC, INT32_MAX);
	return epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, (int)msec);
}

static int sleep_for(struct loop *loop, nsec duration)
{
	struct timespec t = {duration / NSEC_PER_SEC, duration % NSEC_PER_SEC};
	int count;

	count = epoll_pwait2(
		loop->epoll_fd, loop->events, EVENTS_MAX, duration == NSEC_NEVER ? NULL : &t, NULL);
	if (count < 0 && (errno == ENOSYS || errno == EPERM))
		count = sleep_in_msec(loop, duration);
	return count < 0 ? -errno : count;
}

static void run_ready(struct loop *loop)
{
	for (int i = 0; i < loop->event_count; i++) {
		struct watch *watch = loop->events[i].data.ptr;

		if (watch)
			watch->on_ready(watch, loop->events[i].events);
	}
	loop->event_count = 0;
}

/* The count is that of the start: a timer that sets itself to the past waits a turn. */
static void run_timers(struct loop *loop)
{
	for (size_t left = loop->timers.count; left; left--) {
		struct heap_node *node = heap_first(&loop->timers);
		struct timer *timer;

		if (!node || node->key > loop->now)
			return;
		heap_remove(&loop->timers, node);
		timer = CONTAINER_OF(node, struct timer, node);
		timer->on_expire(timer, loop->now);
	}
}

static void run_deferred_once(struct loop *loop)
{
	for (size_t left = loop->deferred.count; left && loop->deferred.first; left--) {
		struct task *task = queue_pop(&loop->deferred);

		/* In one total order with loop_post(): either the task sees what the poster left
		 * for it, or the poster sees that it must queue it again. */
		atomic_store(&task->is_queued, false);
		task->run(task); /* may free the task */
	}
}

static void run_deferred(struct loop *loop)
{
	for (unsigned round = 0; round < DEFER_ROUNDS && loop->deferred.first; round++)
		run_deferred_once(loop);
}

int loop_run(struct loop *loop)
{
	int count;

	while (!atomic_exchange(&loop->is_stopping, false)) {
		count = sleep_for(loop, patience(loop));
		if (count < 0 && count != -EINTR)
			return count;
		loop->event_count = MAX(count, 0);
		loop->now = clock_now();
		run_ready(loop);
		run_timers(loop);
		run_deferred(loop);
	}
	take_posted(loop); /* what was posted before the stop is still run */
	run_deferred(loop);
	return 0;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopping, true);
	wake(loop);
}

nsec loop_now(const struct loop *loop)
{
	return loop->now;
}

void *loop_scratch(struct loop *loop, size_t size)
{
	if (size <= loop->scratch_size)
		return loop->scratch;
	free(loop->scratch);
	loop->scratch_size = (size + 63) / 64 * 64;
	loop->scratch = aligned_alloc(64, loop->scratch_size);
	if (!loop->scratch)
		loop->scratch_size = 0;
	return loop->scratch;
}

int loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	watch->fd = fd;
	watch->events = events;
	watch->loop = loop;
	return 0;
}

int loop_watch_change(struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0)
		return -errno;
	watch->events = events;
	return 0;
}

void loop_unwatch(struct watch *watch)
{
	struct loop *loop = watch->loop;

	if (!loop)
		return;
	if (watch->fd >= 0)
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = 0; i < loop->event_count; i++) {
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
	}
	watch->fd = -1;
	watch->loop = NULL;
}

void timer_set(struct loop *loop, struct timer *timer, nsec when)
{
	if (heap_has(&timer->node) && timer->node.key == when)
		return;
	if (heap_set(&loop->timers, &timer->node, when))
		abort();
}

void timer_cancel(struct loop *loop, struct timer *timer)
{
	heap_remove(&loop->timers, &timer->node);
}

void loop_defer(struct loop *loop, struct task *task)
{
	if (!atomic_exchange(&task->is_queued, true))
		queue_push(&loop->deferred, task);
}

void loop_undefer(struct loop *loop, struct task *task)
{
	if (!task->is_queued)
		return;
	if (!queue_remove(&loop->deferred, task)) {
		pthread_mutex_lock(&loop->posted_lock);
		queue_remove(&loop->posted, task);
		pthread_mutex_unlock(&loop->posted_lock);
	}
	task->is_queued = false;
}

void loop_post(struct loop *loop, struct task *task)
{
	bool must_wake = false;

	pthread_mutex_lock(&loop->posted_lock);
	if (!atomic_exchange(&task->is_queued, true)) {
		must_wake = !loop->posted.first;
		queue_push(&loop->posted, task);
	}
	pthread_mutex_unlock(&loop->posted_lock);
	if (must_wake)
		wake(loop);
}
