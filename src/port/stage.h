/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: a port on a hub on a loop, another that remembers what came, and the guest's end of a
 * socket. */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "port/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SEEN_MAX 20000

static const struct mac GUEST = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac OTHER = {{0x02, 0, 0, 0, 0, 0x02}};

/* The hub's other port: remembers what came. */
static struct other {
	struct port port;
	uint32_t lens[SEEN_MAX];
	uint8_t lasts[SEEN_MAX]; /* each one's last byte */
	unsigned frames, batches;
} other;

static struct stage {
	struct loop *loop;
	struct hub *hub;
	struct port *port;
	int guest;
	char gone[128];
	unsigned gone_count;
	unsigned until; /* frames at the other port that end run() */
} stage;

static inline void other_send(struct port *, const struct frame *frames, unsigned count)
{
	other.batches++;
	for (unsigned i = 0; i < count && other.frames < SEEN_MAX; i++) {
		other.lens[other.frames] = frames[i].len;
		other.lasts[other.frames++] = frames[i].head[frames[i].len - 1];
	}
	if (other.frames >= stage.until)
		loop_stop(stage.loop);
}

static inline void other_free(struct port *)
{
}

static const struct port_ops other_ops = {.kind = "other", .send = other_send, .free = other_free};

static inline void on_patience_ends(struct timer *, nsec)
{
	fail_msg("nothing came in 10 seconds");
}

/* Until loop_stop(). */
static inline void run(void)
{
	struct timer patience = {.on_expire = on_patience_ends};

	timer_set(stage.loop, &patience, loop_now(stage.loop) + 10 * NSEC_PER_SEC);
	loop_run(stage.loop);
	timer_cancel(stage.loop, &patience);
}

static inline void run_until_seen(unsigned frames)
{
	stage.until = frames;
	run();
	stage.until = UINT32_MAX;
}

static inline void stop(struct task *)
{
	loop_stop(stage.loop);
}

/* One turn: what is ready now is dealt with. */
static inline void turn(void)
{
	struct task task = {.run = stop};

	loop_defer(stage.loop, &task);
	run();
}

static inline void on_alarm(struct timer *, nsec)
{
	loop_stop(stage.loop);
}

static inline void run_for(nsec duration)
{
	struct timer alarm = {.on_expire = on_alarm};

	timer_set(stage.loop, &alarm, loop_now(stage.loop) + duration);
	loop_run(stage.loop);
	timer_cancel(stage.loop, &alarm);
}

/* While nothing happens the loop takes next to nothing of the processor. */
static inline void expect_sleep(void)
{
	struct timespec before, after;

	turn();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	run_for(100 * NSEC_PER_MSEC);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	assert_in_range(
		(after.tv_sec - before.tv_sec) * NSEC_PER_SEC + after.tv_nsec - before.tv_nsec, 0,
		50 * NSEC_PER_MSEC);
}

static inline void on_gone(void *owner, struct port *port, const char *why)
{
	struct stage *self = owner;

	snprintf(self->gone, sizeof(self->gone), "%s", why);
	self->gone_count++;
	assert_ptr_equal(port, self->port);
	hub_detach(port);
	port->ops->free(port);
	self->port = NULL;
	loop_stop(self->loop);
}

static inline int set_up_hub(void)
{
	static const struct hash_key key = {1, 2};

	stage = (struct stage){
		.loop = loop_new(), .hub = hub_new("hub0", &key), .guest = -1, .until = UINT32_MAX};
	other = (struct other){.port = {.ops = &other_ops, .takes = TAKES_ALL}};
	if (!stage.loop || !stage.hub)
		return -1;
	return hub_attach(stage.hub, &other.port, 0);
}

static inline void plug(struct port *port)
{
	assert_non_null(port);
	stage.port = port;
	assert_int_equal(hub_attach(stage.hub, port, loop_now(stage.loop)), 0);
}

static inline struct port_settings stage_settings(void)
{
	return (struct port_settings){
		.name = "guest", .mtu = 1500, .on_gone = on_gone, .owner = &stage};
}

static inline int tear_down(void **)
{
	if (stage.guest >= 0)
		close(stage.guest);
	hub_free(stage.hub);
	loop_free(stage.loop);
	return 0;
}
