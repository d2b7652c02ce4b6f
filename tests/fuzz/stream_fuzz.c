/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of frames, its reads cut anywhere. Input: a list of deeds, each one byte and what it
 * takes: raw bytes, a frame of some length, how much comes with the next reads.
 *
 * Whatever is done: the frames that the hub sees, put into the queue and taken out again in pieces,
 * are the bytes that were read; what is missing in the end is an incomplete frame, or begins with
 * the length that was complained of.
 */
#include "base/bytes.h"
#include "port/stream_input.h"
#include "port/frame_queue.h"

#include <errno.h>
#include <stdlib.h>

#define STREAM_MAX (1024 * 1024)
#define ROOM_SIZE  (256 * 1024)

enum deed {
	DEED_RAW,
	DEED_FRAME,
	DEED_READ,
	DEED_COUNT,
};

struct world {
	struct hub *hub;
	struct port from;
	struct capture capture;
	struct stream_input input;
	struct frame_queue queue;
	size_t written, read, returned; /* of stream: put there; given to input; seen again */
	size_t piece;
	uint32_t bad_len;
	bool is_bad;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static uint8_t stream[STREAM_MAX];

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void nothing_to_send(struct port *, const struct frame *, unsigned)
{
}

static void nothing_to_free(struct port *)
{
}

static void take_out(struct world *world, size_t wish)
{
	struct iovec parts[2];
	unsigned count = frame_queue_parts(&world->queue, parts);
	size_t done = 0;

	for (unsigned i = 0; i < count && done < wish; i++) {
		size_t len = MIN(parts[i].iov_len, wish - done);

		check(world->returned + len <= world->read);
		check(!memcmp(parts[i].iov_base, stream + world->returned, len));
		world->returned += len;
		done += len;
	}
	if (done)
		frame_queue_remove(&world->queue, done);
}

/* What the socket took of it at once is not seen by the queue. */
static void on_frame(struct capture *capture, const struct port *, enum capture_point point,
	enum drop reason, const struct frame *frame, nsec)
{
	struct world *world = CONTAINER_OF(capture, struct world, capture);
	uint32_t sent = 0;

	if (point == CAPTURE_OUT || (point == CAPTURE_DROP && reason != DROP_GIANT))
		return;
	if (frame->len > ETH_FRAME_MAX) { /* giants are not for a queue */
		take_out(world, FRAME_QUEUE_SIZE);
		check(load_be32(stream + world->returned) == frame->len);
		world->returned += 4 + frame->len;
		return;
	}
	if (!world->queue.len) {
		sent = (uint32_t)MIN(world->piece % 8, frame->len + 3);
		check(load_be32(stream + world->returned) == frame->len);
		world->returned += sent;
	}
	while (!frame_queue_add(&world->queue, frame, sent)) {
		check(world->queue.len);
		take_out(world, FRAME_QUEUE_SIZE / 2);
	}
	take_out(world, world->piece);
}

static void put(struct world *world, const void *bytes, size_t len)
{
	if (len > STREAM_MAX - world->written)
		return;
	if (bytes)
		memcpy(stream + world->written, bytes, len);
	else
		memset(stream + world->written, (int)world->written, len);
	world->written += len;
}

static void do_raw(struct world *world, struct reader *r)
{
	size_t wish = read_u8(r), len = MIN(wish, reader_left(r));

	put(world, read_bytes(r, len), len);
}

static void do_frame(struct world *world, struct reader *r)
{
	uint32_t len = read_be16(r) + (read_u8(r) & 1) * 4096u;
	uint8_t length[4];

	if (len + sizeof(length) > STREAM_MAX - world->written)
		return;
	store_be32(length, len);
	put(world, length, sizeof(length));
	put(world, NULL, len);
}

/* One recvmsg(2): fills the parts in order, with no more than there is. */
static void read_once(struct world *world, size_t wish)
{
	static uint8_t room[ROOM_SIZE];
	struct iovec parts[2];
	unsigned count = stream_input_parts(&world->input, room, sizeof(room), parts);
	size_t done = 0;
	int err;

	wish = MIN(wish, world->written - world->read);
	for (unsigned i = 0; i < count; i++) {
		size_t len = MIN(parts[i].iov_len, wish - done);

		check(parts[i].iov_len > 0);
		memcpy(parts[i].iov_base, stream + world->read, len);
		world->read += len;
		done += len;
	}
	if (!done)
		return;
	err = stream_input_take(
		&world->input, &world->from, room, done, NSEC_PER_SEC, &world->bad_len);
	check(!err || err == -EBADMSG);
	world->is_bad = err;
}

static void do_read(struct world *world, struct reader *r)
{
	uint8_t shift = read_u8(r);

	world->piece = read_u8(r) * 97u;
	read_once(world, ((size_t)read_u8(r) + 1) << shift % 12);
}

static void check_end(struct world *world)
{
	size_t left;

	while (!world->is_bad && world->read < world->written)
		read_once(world, STREAM_MAX);
	take_out(world, FRAME_QUEUE_SIZE);
	check(!world->queue.bytes);
	left = world->read - world->returned;
	if (world->is_bad) {
		check(left >= 4 && load_be32(stream + world->returned) == world->bad_len);
		check(!world->bad_len || world->bad_len > STREAM_FRAME_MAX);
	} else if (left >= 4) {
		check(load_be32(stream + world->returned) > left - 4);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const deeds[DEED_COUNT])(struct world *, struct reader *) = {
		[DEED_RAW] = do_raw,
		[DEED_FRAME] = do_frame,
		[DEED_READ] = do_read,
	};
	static const struct port_ops ops = {"vm", nothing_to_send, nothing_to_free};
	const struct hash_key key = {1, 2};
	struct world world = {.from.ops = &ops, .capture.on_frame = on_frame};
	struct reader r = reader_on(bytes, len);

	world.hub = hub_new("hub8", &key);
	check(!hub_attach(world.hub, &world.from, NSEC_PER_SEC));
	hub_capture_start(world.hub, &world.capture);
	while (reader_left(&r) && !world.is_bad)
		deeds[read_u8(&r) % DEED_COUNT](&world, &r);
	check_end(&world);
	hub_capture_stop(&world.capture);
	hub_free(world.hub);
	stream_input_done(&world.input);
	frame_queue_done(&world.queue);
	return 0;
}
