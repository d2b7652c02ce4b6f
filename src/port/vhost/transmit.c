/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the guest into the hub. The header and the frame's first bytes are copied once and are all
 * that anybody decides on; the rest stays in the guest's memory, lent to the hub, and its chains
 * are given back when the hub has returned.
 */
#include "port/vhost/features.h"
#include "port/vhost/port.h"

#include <string.h>

/*
 * What is taken before the hub gets it: few enough frames that other descriptors are served, few
 * enough bytes that they are in the cache when they are read a second time.
 */
#define BATCH_FRAMES	  64
#define BATCH_BYTES	  (256 * 1024)
#define BATCH_DESCRIPTORS (2 * QUEUE_SIZE_MAX)
/* As many parts as the longest chain can have, and as many again before a batch is full. */
#define BATCH_PARTS (2 * QUEUE_SIZE_MAX)

/* A frame that fits in here is copied whole. Its Ethernet header begins 2 bytes before a multiple
 * of 16, as that of IP likes it. */
#define HEAD_SIZE    256
#define HEAD_PADDING 2

struct batch {
	unsigned count, descriptors;
	uint32_t bytes;
	bool is_tail_used;
	struct chain_parts left; /* of parts */
	struct frame frames[BATCH_FRAMES];
	struct chain chains[BATCH_FRAMES];
	struct iovec parts[BATCH_PARTS];
	uint8_t heads[BATCH_FRAMES][HEAD_SIZE];
	uint8_t tail[ETH_FRAME_MAX]; /* of a frame in more parts than a body may have */
};

/* Copies the chain's next bytes and moves past them. len: at most what it has. */
static void pull(struct chain *chain, void *into, size_t len)
{
	uint8_t *at = into;

	while (len) {
		struct iovec *part = chain->parts;
		size_t take = MIN(len, part->iov_len);

		memcpy(at, part->iov_base, take);
		part->iov_base = (uint8_t *)part->iov_base + take;
		part->iov_len -= take;
		if (!part->iov_len) {
			chain->parts++;
			chain->part_count--;
		}
		at += take;
		len -= take;
	}
}

/* What would not fit in a body's parts becomes its last one. */
static void join_tail(struct batch *batch, struct chain *chain)
{
	struct iovec *last = &chain->parts[FRAME_BODY_MAX - 1];
	struct chain tail = {
		.parts = last, .part_count = (uint16_t)(chain->part_count - FRAME_BODY_MAX + 1)};
	size_t len = 0;

	for (unsigned i = 0; i < tail.part_count; i++)
		len += last[i].iov_len;
	pull(&tail, batch->tail, len);
	*last = (struct iovec){batch->tail, len};
	chain->part_count = FRAME_BODY_MAX;
	batch->is_tail_used = true;
}

/* Whether the frame is to go to the hub. What is not is counted here. */
static bool read_frame(
	struct vhost_port *self, struct batch *batch, struct chain *chain, uint32_t header_len)
{
	uint8_t header[sizeof(struct virtio_net_hdr_mrg_rxbuf)];
	struct frame *frame = &batch->frames[batch->count];
	uint8_t *head = batch->heads[batch->count] + HEAD_PADDING;
	uint32_t len;

	*frame = frame_linear(head, 0);
	if (chain->len <= header_len || chain->len - header_len > ETH_FRAME_MAX) {
		port_drop_in(&self->port, chain->len <= header_len ? DROP_RUNT : DROP_GIANT, frame);
		return false;
	}
	len = (uint32_t)chain->len - header_len;
	pull(chain, header, header_len);
	frame->len = len;
	frame->head_len = len <= HEAD_SIZE - HEAD_PADDING ? len : FRAME_HEAD_MIN;
	pull(chain, head, frame->head_len);
	if (chain->part_count > FRAME_BODY_MAX)
		join_tail(batch, chain);
	frame->body = chain->parts;
	frame->body_count = chain->part_count;
	if (vnet_read(header, len, &frame->offload))
		return true;
	port_drop_in(&self->port, DROP_MALFORMED, frame);
	return false;
}

static bool has_room(const struct batch *batch)
{
	return batch->count < BATCH_FRAMES && batch->bytes < BATCH_BYTES &&
	       batch->descriptors < BATCH_DESCRIPTORS && batch->left.left >= QUEUE_SIZE_MAX &&
	       !batch->is_tail_used;
}

/* Fills the batch; the chains of frames that are lost are there too, to be given back in order.
 * Returns their count. */
static unsigned fill(struct vhost_port *self, struct vhost_queue *queue, struct batch *batch)
{
	const uint32_t header_len = vhost_device_header_len(&self->device);
	unsigned taken = 0;
	int result = 1;

	while (taken < BATCH_FRAMES && has_room(batch)) {
		struct chain chain;

		result = virtqueue_take(&queue->ring, &batch->left, &chain);
		if (result <= 0)
			break;
		batch->chains[taken++] = chain;
		batch->descriptors += chain.descriptors;
		batch->bytes += (uint32_t)MIN(chain.len, ETH_FRAME_MAX);
		if (read_frame(self, batch, &chain, header_len))
			batch->count++;
	}
	if (result < 0)
		vhost_port_give_up(self);
	return taken;
}

static void hand_on(struct vhost_port *self, const struct vhost_queue *queue, struct batch *batch)
{
	if (vhost_queue_is_live(queue)) {
		vhost_flows_learn(self, queue, batch->frames, batch->count);
		hub_receive(&self->port, batch->frames, batch->count, loop_now(self->loop));
		return;
	}
	for (unsigned i = 0; i < batch->count; i++)
		port_drop_in(&self->port, DROP_LINK_DOWN, &batch->frames[i]);
}

bool vhost_transmit(struct vhost_port *self, struct vhost_queue *queue)
{
	struct batch *batch = loop_scratch(self->loop, sizeof(*batch));
	unsigned taken;

	if (!batch)
		return true; /* the chains wait */
	batch->count = batch->descriptors = batch->bytes = 0;
	batch->is_tail_used = false;
	batch->left = (struct chain_parts){batch->parts, BATCH_PARTS};
	taken = fill(self, queue, batch);
	if (!vhost_port_is_sound(self))
		return false;
	if (batch->count)
		hand_on(self, queue, batch);
	for (unsigned i = 0; i < taken; i++)
		virtqueue_give(&queue->ring, &batch->chains[i], 0);
	vhost_port_publish(self, queue);
	return vhost_port_is_sound(self) && (taken || virtqueue_listen(&queue->ring, 0));
}
