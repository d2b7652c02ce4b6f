/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/router.h"

#include "io/driver.h"

#include <errno.h>
#include <stdlib.h>

/* Bytes: what TCP's window grows to is in it twice, so that a thread that has to wait for its turn
 * costs no packet. Its pages are there when they are first used. */
#define RING_SIZE ((size_t)8 << 20)

struct router_leg {
	struct leg leg;
	struct loop *loop;
	struct driver driver;
	struct outfit *outfit; /* NULL: alone */
};

/* One ring's other end: a task of the reader's loop. */
struct inlet {
	struct task task;
	struct router_leg *reader;
	struct handover *ring;
};

/* A map, and the tasks that go with the rings it owns. */
struct outfit {
	struct router_map *map;
	struct inlet inlets[ROUTER_LEGS_MAX]; /* but for its own */
};

static void on_free(struct port *port)
{
	struct router_leg *self = CONTAINER_OF(port, struct router_leg, leg.host.port);

	driver_stop(&self->driver);
	leg_done(&self->leg);
	free(self);
}

static const struct port_ops port_ops = {.kind = "router", .send = leg_receive, .free = on_free};

int router_leg_new(struct loop *loop, const struct leg_settings *settings,
	struct router_leg **ret_leg, struct error *error)
{
	struct router_leg *self = calloc(1, sizeof(*self));

	if (!self)
		return error_set(error, ENOMEM, "out of memory");
	if (leg_init(&self->leg, settings)) {
		leg_done(&self->leg);
		free(self);
		return error_set(error, ENOMEM, "out of memory");
	}
	self->loop = loop;
	self->leg.host.port.ops = &port_ops;
	driver_start(&self->driver, loop, &self->leg.machine);
	*ret_leg = self;
	return 0;
}

struct port *router_leg_port(struct router_leg *self)
{
	return &self->leg.host.port;
}

const struct leg *router_leg_machine(const struct router_leg *self)
{
	return &self->leg;
}

/* The reader's thread. */
static void on_task(struct task *task)
{
	struct inlet *inlet = CONTAINER_OF(task, struct inlet, task);
	struct router_leg *self = inlet->reader;

	if (!leg_drain(&self->leg, inlet->ring, loop_now(self->loop)))
		loop_post(self->loop, &inlet->task); /* after what others have to do */
}

/* The writer's thread. In one order with the start of the task (io/loop.h): where it is queued
 * still, it will see what was written, and its lock is left alone. */
static void on_written(struct handover *ring)
{
	struct inlet *inlet = ring->reader;

	if (!atomic_load(&inlet->task.is_queued))
		loop_post(inlet->reader->loop, &inlet->task);
}

static struct outfit *outfit_new(struct router_map *map, struct router_leg *reader)
{
	struct outfit *outfit = calloc(1, sizeof(*outfit));

	if (!outfit)
		return NULL;
	outfit->map = map;
	for (unsigned i = 0; i < map->leg_count; i++) {
		struct inlet *inlet = &outfit->inlets[i];

		*inlet = (struct inlet){.task.run = on_task, .reader = reader, .ring = map->in[i]};
		if (i == map->self)
			continue;
		map->in[i]->reader = inlet;
		map->in[i]->on_written = on_written;
	}
	return outfit;
}

static void outfit_free(struct outfit *outfit)
{
	if (!outfit)
		return;
	router_map_free(outfit->map);
	free(outfit);
}

/* An outfit on its way to a leg, and the one it had on its way back. */
struct swap {
	struct router_leg *leg;
	struct outfit *outfit;
};

static void put_on(void *argument)
{
	struct swap *swap = argument;
	struct outfit *before = swap->leg->outfit;

	swap->leg->outfit = swap->outfit;
	leg_set_map(&swap->leg->leg, swap->outfit ? swap->outfit->map : NULL);
	swap->outfit = before;
}

/* Nobody writes into its rings any more: what is in them leaves now. */
static void empty(void *argument)
{
	struct swap *swap = argument;
	struct router_leg *leg = swap->leg;

	for (unsigned i = 0; i < swap->outfit->map->leg_count; i++) {
		struct inlet *inlet = &swap->outfit->inlets[i];

		while (!leg_drain(&leg->leg, inlet->ring, loop_now(leg->loop)))
			;
		loop_undefer(leg->loop, &inlet->task);
	}
}

/* All legs have their new outfits before any of the old rings is taken away. */
static void exchange(struct swap *swaps, const struct router_member *const *members, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		worker_call(members[i]->worker, put_on, &swaps[i]);
	for (unsigned i = 0; i < count; i++) {
		if (swaps[i].outfit)
			worker_call(members[i]->worker, empty, &swaps[i]);
		outfit_free(swaps[i].outfit);
	}
}

static int make_outfits(
	const struct router_member *members, unsigned count, struct outfit **ret_outfits)
{
	struct router_site sites[ROUTER_LEGS_MAX] = {0};
	struct router_map *maps[ROUTER_LEGS_MAX];
	int err;

	for (unsigned i = 0; i < count; i++)
		sites[i] = members[i].site;
	err = router_maps_new(sites, count, RING_SIZE, maps);
	for (unsigned i = 0; i < count && !err; i++) {
		ret_outfits[i] = outfit_new(maps[i], members[i].leg);
		if (ret_outfits[i])
			continue;
		for (unsigned j = i; j < count; j++)
			router_map_free(maps[j]);
		for (unsigned j = 0; j < i; j++)
			outfit_free(ret_outfits[j]);
		err = -ENOMEM;
	}
	return err;
}

int router_join(
	const struct router_member *members, unsigned count, const struct router_member *leaving)
{
	const struct router_member *all[ROUTER_LEGS_MAX + 1];
	struct outfit *outfits[ROUTER_LEGS_MAX];
	struct swap swaps[ROUTER_LEGS_MAX + 1] = {0};
	int err = make_outfits(members, count, outfits);
	unsigned all_count = 0;

	if (err && !leaving)
		return err;
	for (unsigned i = 0; i < count; i++) {
		swaps[i] = (struct swap){members[i].leg, err ? NULL : outfits[i]};
		all[all_count++] = &members[i];
	}
	if (leaving) {
		swaps[count].leg = leaving->leg;
		all[all_count++] = leaving;
	}
	exchange(swaps, all, all_count);
	return err;
}
