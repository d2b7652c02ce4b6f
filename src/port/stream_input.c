/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/stream_input.h"

#include <errno.h>
#include <stdlib.h>

#define LENGTH_LEN 4

/* What the hub gets in one call: enough that a port behind it has much to write at once, few enough
 * that the array stays in the first cache. */
#define BATCH_FRAMES 256

struct batch {
	struct port *from;
	nsec now;
	unsigned count;
	struct frame frames[BATCH_FRAMES];
};

static void batch_flush(struct batch *batch)
{
	if (batch->count)
		hub_receive(batch->from, batch->frames, batch->count, batch->now);
	batch->count = 0;
}

static void batch_add(struct batch *batch, const uint8_t *bytes, uint32_t len)
{
	const struct frame frame = frame_linear(bytes, len);

	if (UNLIKELY(len > ETH_FRAME_MAX)) {
		batch_flush(batch); /* captures show frames in order */
		port_drop_in(batch->from, DROP_GIANT, &frame);
		return;
	}
	batch->frames[batch->count++] = frame;
	if (batch->count == BATCH_FRAMES)
		batch_flush(batch);
}

void stream_input_done(struct stream_input *input)
{
	free(input->frame);
	*input = (struct stream_input){0};
}

unsigned stream_input_parts(
	const struct stream_input *input, void *room, size_t size, struct iovec parts[2])
{
	unsigned count = 0;

	if (input->frame)
		parts[count++] = (struct iovec){
			input->frame + input->frame_have, input->frame_len - input->frame_have};
	parts[count++] = (struct iovec){
		(uint8_t *)room + input->length_len, size - input->length_len};
	return count;
}

/* What follows the last whole frame. */
static int keep(struct stream_input *input, const uint8_t *at, size_t len)
{
	if (len < LENGTH_LEN) {
		memcpy(input->length, at, len);
		input->length_len = (uint32_t)len;
		return 0;
	}
	input->frame_len = load_be32(at);
	input->frame_have = (uint32_t)(len - LENGTH_LEN);
	input->frame = malloc(input->frame_len);
	if (!input->frame)
		return -ENOMEM;
	memcpy(input->frame, at + LENGTH_LEN, input->frame_have);
	return 0;
}

static int cut(struct stream_input *input, struct batch *batch, const uint8_t *at, size_t left,
	uint32_t *ret_bad_len)
{
	while (left >= LENGTH_LEN) {
		uint32_t len = load_be32(at);

		if (UNLIKELY(!len || len > STREAM_FRAME_MAX)) {
			*ret_bad_len = len;
			return -EBADMSG;
		}
		if (left < LENGTH_LEN + len)
			break;
		batch_add(batch, at + LENGTH_LEN, len);
		at += LENGTH_LEN + len;
		left -= LENGTH_LEN + len;
	}
	return keep(input, at, left);
}

int stream_input_take(struct stream_input *input, struct port *from, void *room, size_t len,
	nsec now, uint32_t *ret_bad_len)
{
	struct batch batch;
	uint8_t *first = input->frame;
	int err;

	batch.from = from;
	batch.now = now;
	batch.count = 0;
	if (first) {
		uint32_t part = (uint32_t)MIN(len, input->frame_len - input->frame_have);

		input->frame_have += part;
		len -= part;
		if (input->frame_have < input->frame_len)
			return 0;
		batch_add(&batch, first, input->frame_len);
		input->frame = NULL;
	} else {
		memcpy(room, input->length, input->length_len);
		len += input->length_len;
		input->length_len = 0;
	}
	err = cut(input, &batch, room, len, ret_bad_len);
	batch_flush(&batch);
	free(first);
	return err;
}
