/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture_stream.h"

#include "daemon/capture_ring.h"
#include "daemon/capture_writer.h"

#include <errno.h>
#include <stdlib.h>

#define RING_SIZE  (4 * 1024 * 1024) /* bytes, of each */
#define QUEUE_SIZE (256 * 1024)	     /* bytes between ring and client */

struct capture_stream {
	struct stream_owner owner;
	struct list node;      /* the hub's */
	struct world_hub *hub; /* NULL: it has gone */
	struct loop *loop;
	struct stream *stream;
	struct capture_writer *writer; /* the worker's, while there is a hub */
	struct capture_ring *ring;     /* the writer's; we are its reader */
	struct task pump;
	uint64_t told_lost;
};

static void start(void *argument)
{
	struct capture_stream *self = argument;

	capture_writer_start(self->writer, self->hub->hub);
}

static void stop(void *argument)
{
	capture_writer_stop(argument);
}

static void tell(void *argument)
{
	capture_writer_tell(argument);
}

static bool has_untold_loss(struct capture_stream *self)
{
	uint64_t lost = capture_writer_lost(self->writer);
	bool is_new = lost != self->told_lost;

	self->told_lost = lost;
	return is_new && self->hub;
}

/* True: the ring is empty. False: the stream is full. */
static bool move(struct capture_stream *self)
{
	const uint8_t *bytes;
	size_t there, len;

	while ((there = capture_ring_peek(self->ring, &bytes))) {
		len = MIN(there, stream_room(self->stream));
		if (!len || !stream_write(self->stream, bytes, len))
			return false;
		capture_ring_consume(self->ring, len);
	}
	return true;
}

static void pump(struct capture_stream *self)
{
	do {
		if (!move(self))
			return; /* on_empty() goes on */
		if (has_untold_loss(self))
			worker_call(self->hub->worker, tell, self->writer);
	} while (!capture_ring_rest(self->ring));
	if (!self->hub)
		stream_end(self->stream);
}

static void on_pump(struct task *task)
{
	pump(CONTAINER_OF(task, struct capture_stream, pump));
}

static void on_empty(struct stream_owner *owner)
{
	pump(CONTAINER_OF(owner, struct capture_stream, owner));
}

/* The worker lets go first: from then on nobody posts the task. */
static void leave_hub(struct capture_stream *self)
{
	if (!self->hub)
		return;
	worker_call(self->hub->worker, stop, self->writer);
	loop_undefer(self->loop, &self->pump);
	list_remove(&self->node);
	self->hub = NULL;
}

static void on_close(struct stream_owner *owner)
{
	struct capture_stream *self = CONTAINER_OF(owner, struct capture_stream, owner);

	leave_hub(self);
	capture_writer_free(self->writer);
	free(self);
}

void capture_streams_end(struct world_hub *hub)
{
	LIST_EACH(node, &hub->captures) {
		struct capture_stream *self = LIST_ENTRY(node, struct capture_stream, node);

		leave_hub(self);
		pump(self);
	}
}

static unsigned count_streams(const struct world *world)
{
	unsigned count = 0;

	LIST_EACH(hub_node, &world->hubs) {
		const struct world_hub *hub = LIST_ENTRY(hub_node, struct world_hub, node);

		LIST_EACH(node, &hub->captures)
			count++;
	}
	return count;
}

static int prepare(struct capture_stream *self, const struct world_port *port, const char *filter,
	struct error *error)
{
	const struct capture_settings settings = {
		.slot = port ? port->slot : HUB_PORTS_MAX,
		.filter = filter,
		.ring_size = RING_SIZE,
		.loop = self->loop,
		.wake = &self->pump,
	};
	int err = capture_writer_new(&settings, &self->writer, error);

	if (err)
		return err;
	self->ring = capture_writer_ring(self->writer);
	self->stream = stream_new(&self->owner, QUEUE_SIZE);
	return self->stream ? 0 : error_set(error, ENOMEM, "out of memory");
}

int capture_stream_start(struct world_hub *hub, const struct world_port *port, const char *filter,
	struct stream **ret_stream, struct error *error)
{
	struct capture_stream *self;
	int err;

	if (count_streams(hub->world) >= CAPTURE_STREAMS_MAX)
		return error_set(
			error, ENOSPC, "%d captures are running already", CAPTURE_STREAMS_MAX);
	self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(error, ENOMEM, "out of memory");
	self->owner.on_close = on_close;
	self->owner.on_empty = on_empty;
	self->pump.run = on_pump;
	self->loop = hub->world->loop;
	err = prepare(self, port, filter, error);
	if (err) {
		capture_writer_free(self->writer);
		free(self);
		return err;
	}
	self->hub = hub;
	list_push_back(&hub->captures, &self->node);
	worker_call(hub->worker, start, self);
	*ret_stream = self->stream;
	return 0;
}
