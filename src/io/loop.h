/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io/ is the operating system: descriptors, clocks, threads, namespaces, netlink. It knows nothing
 * of frames or protocols.
 *
 * The loop: epoll, timers, work for the end of the turn, work from other threads. One thread runs
 * it; everything here is called on that thread, except loop_post() and loop_stop(). It sleeps
 * without a timeout when no timer is set.
 */
#pragma once

#include "base/attr.h"
#include "base/heap.h"
#include "base/time.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>

struct loop;

struct watch {
	/* events: EPOLLIN | EPOLLOUT | ... as epoll_wait(2) gave them. */
	void (*on_ready)(struct watch *watch, uint32_t events);
	int fd;		 /* -1: not watched; not closed by the loop */
	uint32_t events; /* what is asked for */
	struct loop *loop;
};

struct timer {
	void (*on_expire)(struct timer *timer, nsec now);
	struct heap_node node; /* the loop's */
};

/* Runs once for each time it is queued; queueing it again before it ran does nothing. */
struct task {
	void (*run)(struct task *task);
	struct task *next; /* the loop's */
	atomic_bool is_queued;
};

struct loop *loop_new(void); /* NULL: errno says why */
void loop_free(struct loop *loop);
/* Until loop_stop(). 0, or -errno of epoll_wait(2). */
int loop_run(struct loop *loop);
/* From any thread: loop_run() returns at the end of its turn. */
void loop_stop(struct loop *loop);
/* CLOCK_MONOTONIC as it was when this turn began. */
nsec loop_now(const struct loop *loop);

/*
 * Memory that is valid until the caller returns to the loop: one piece that all take turns with, so
 * that a thousand idle descriptors need no buffers of their own and busy ones share a warm cache.
 * At least size bytes, aligned to 64; NULL: out of memory.
 */
void *loop_scratch(struct loop *loop, size_t size);

/* Starts watching fd; events may hold EPOLLET. -errno of epoll_ctl(2). */
int loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events) MUST_USE;
int loop_watch_change(struct watch *watch, uint32_t events) MUST_USE;
/* No further on_ready(), not even in this turn. A watch that never watched is fine. */
void loop_unwatch(struct watch *watch);

/* At the absolute time `when` on the loop's clock; a timer that is set moves. Never fails:
 * memory for it is taken before, and running out of it ends the program. */
void timer_set(struct loop *loop, struct timer *timer, nsec when);
void timer_cancel(struct loop *loop, struct timer *timer);

/* At the end of this turn, after all descriptors that were ready: in the order deferred. */
void loop_defer(struct loop *loop, struct task *task);
/* A deferred task that is about to be freed. */
void loop_undefer(struct loop *loop, struct task *task);
/* From any thread: task->run() on the loop's thread. The task is the loop's until it runs. */
void loop_post(struct loop *loop, struct task *task);
