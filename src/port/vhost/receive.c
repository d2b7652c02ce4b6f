/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the hub to the guest: a frame is copied into buffers that the guest has made available, as
 * many as it takes (MRG_RXBUF) or the one there may be. */
#include "port/vhost/features.h"
#include "port/vhost/port.h"

#include <string.h>

#define PARTS_MAX (2 * QUEUE_SIZE_MAX)

/* Buffers taken for one frame. Not cleared: it is large, and only its beginning is used. */
struct buffers {
	unsigned count, slots, descriptors;
	uint64_t len; /* bytes there is room for */
	struct chain_parts left;
	struct chain chains[QUEUE_SIZE_MAX];
	struct iovec parts[PARTS_MAX];
};

/* 1: there is another buffer; 0: there is none; below 0: the ring is broken. A driver has no more
 * descriptors out than the queue has, and gives no buffer that holds no header (virtio 1.2
 * 5.1.6.3.1): so what one frame costs us has a limit. */
static int take_buffer(struct virtqueue *ring, uint32_t header_len, struct buffers *buffers)
{
	struct chain *chain = &buffers->chains[buffers->count];
	int result;

	if (buffers->count == QUEUE_SIZE_MAX)
		return 0;
	result = virtqueue_take(ring, &buffers->left, chain);
	if (result <= 0)
		return result;
	buffers->count++;
	buffers->slots += chain->slots;
	buffers->descriptors += chain->descriptors;
	buffers->len += chain->len;
	if (chain->len < header_len)
		return virtqueue_refuse(
			ring, "a buffer of %u bytes to receive in", (unsigned)chain->len);
	if (buffers->descriptors > ring->size)
		return virtqueue_refuse(ring, "more buffers than the queue has descriptors");
	return 1;
}

/* Buffers for len bytes. False: none is taken; *ret_reason says why not. A frame that all the
 * buffers a queue can have do not hold will never go. */
static bool take_buffers(struct vhost_port *self, struct virtqueue *ring, uint32_t len,
	struct buffers *buffers, enum drop *ret_reason)
{
	const bool may_merge = vhost_device_has(&self->device, VIRTIO_NET_F_MRG_RXBUF);
	const uint32_t header_len = vhost_device_header_len(&self->device);
	int result;

	buffers->count = buffers->slots = buffers->descriptors = 0;
	buffers->len = 0;
	buffers->left = (struct chain_parts){buffers->parts, PARTS_MAX};
	do
		result = take_buffer(ring, header_len, buffers);
	while (result > 0 && may_merge && buffers->len < len);
	if (result > 0 && buffers->len >= len)
		return true;
	virtqueue_untake(ring, buffers->slots);
	if (result < 0)
		vhost_port_give_up(self);
	*ret_reason = DROP_QUEUE_FULL;
	if (result < 0)
		*ret_reason = DROP_LINK_DOWN;
	else if (result > 0 || buffers->slots >= ring->size)
		*ret_reason = DROP_GIANT;
	return false;
}

/* Where the next byte goes; there is room for all that is put. */
struct place {
	const struct iovec *part;
	size_t offset;
};

static void put(struct place *place, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len) {
		size_t take = MIN(len, place->part->iov_len - place->offset);

		memcpy((uint8_t *)place->part->iov_base + place->offset, at, take);
		at += take;
		len -= take;
		place->offset += take;
		if (place->offset == place->part->iov_len) {
			place->part++;
			place->offset = 0;
		}
	}
}

static void put_header(const struct vhost_device *device, struct place *place,
	const struct frame *frame, unsigned buffer_count)
{
	struct virtio_net_hdr_mrg_rxbuf header = {.num_buffers = (uint16_t)buffer_count};
	struct offload offload = frame->offload;

	if (!vhost_device_has(device, VIRTIO_NET_F_GUEST_CSUM))
		offload.is_checked = false; /* virtio 1.2 5.1.6.4.1: then no flags at all */
	vnet_write((uint8_t *)&header, &offload);
	put(place, &header, vhost_device_header_len(device));
}

static void copy_frame(
	const struct vhost_device *device, const struct frame *frame, const struct buffers *buffers)
{
	struct place place = {.part = buffers->parts};

	put_header(device, &place, frame, buffers->count);
	put(&place, frame->head, frame->head_len);
	for (unsigned i = 0; i < frame->body_count; i++)
		put(&place, frame->body[i].iov_base, frame->body[i].iov_len);
}

static void log_buffers(
	const struct vhost_device *device, const struct buffers *buffers, uint32_t len)
{
	for (const struct iovec *part = buffers->parts; len; part++) {
		uint32_t written = (uint32_t)MIN(part->iov_len, len);

		vhost_log_write(device, part->iov_base, written);
		len -= written;
	}
}

static void give_buffers(struct virtqueue *ring, const struct buffers *buffers, uint32_t len)
{
	for (unsigned i = 0; i < buffers->count; i++) {
		uint32_t written = (uint32_t)MIN(buffers->chains[i].len, len);

		virtqueue_give(ring, &buffers->chains[i], written);
		len -= written;
	}
}

/* DROP_COUNT: the guest has it. DROP_QUEUE_FULL: not yet, and *ret_left slots were too few. */
static enum drop deliver(struct vhost_port *self, struct virtqueue *ring, const struct frame *frame,
	unsigned *ret_left)
{
	const uint32_t len = vhost_device_header_len(&self->device) + frame->len;
	struct buffers buffers;
	enum drop reason;

	if (self->is_deaf)
		return DROP_LINK_DOWN;
	if (!take_buffers(self, ring, len, &buffers, &reason)) {
		*ret_left = buffers.slots;
		return reason;
	}
	copy_frame(&self->device, frame, &buffers);
	if (vhost_device_is_logged(&self->device))
		log_buffers(&self->device, &buffers, len);
	give_buffers(ring, &buffers, len);
	return DROP_COUNT;
}

bool vhost_catch_up(struct vhost_port *self, struct vhost_queue *queue)
{
	struct backlog *backlog = vhost_backlog_of(self, queue);
	struct frame frame;
	unsigned left = 0;

	while (backlog_first(backlog, &frame)) {
		enum drop reason = deliver(self, &queue->ring, &frame, &left);

		if (reason == DROP_QUEUE_FULL)
			break;
		if (reason != DROP_COUNT)
			port_drop(&self->port, reason, &frame);
		backlog_remove_first(backlog);
	}
	vhost_port_publish(self, queue);
	return !backlog_is_empty(backlog) && !self->is_deaf && virtqueue_listen(&queue->ring, left);
}

/* Behind those that wait already, and at the end of the turn they are looked at. */
static void wait_for_buffers(
	struct vhost_port *self, const struct vhost_queue *queue, const struct frame *frame)
{
	if (backlog_add(vhost_backlog_of(self, queue), frame))
		vhost_port_work_later(self, queue);
	else
		port_drop(&self->port, DROP_QUEUE_FULL, frame);
}

static void receive(struct vhost_port *self, struct vhost_queue *queue, const struct frame *frame)
{
	enum drop reason = DROP_QUEUE_FULL;
	unsigned left;

	if (backlog_is_empty(vhost_backlog_of(self, queue)))
		reason = deliver(self, &queue->ring, frame, &left);
	if (reason == DROP_QUEUE_FULL)
		wait_for_buffers(self, queue, frame);
	else if (reason != DROP_COUNT)
		port_drop(&self->port, reason, frame);
}

static void receive_run(
	struct vhost_port *self, unsigned index, const struct frame *frames, unsigned count)
{
	struct vhost_queue *queue = &self->device.queues[index];

	for (unsigned i = 0; i < count; i++)
		receive(self, queue, &frames[i]);
	vhost_port_publish(self, queue);
}

/* Frames that go to the same queue go together. */
void vhost_receive(struct port *port, const struct frame *frames, unsigned count)
{
	struct vhost_port *self = vhost_port_of(port);
	unsigned start = 0, queue, next;

	for (unsigned i = 0; !self->receivers && i < count; i++)
		port_drop(port, DROP_LINK_DOWN, &frames[i]);
	if (!self->receivers)
		return;
	queue = vhost_flow_queue(self, &frames[0]);
	for (unsigned i = 1; i < count; i++, queue = next) {
		next = vhost_flow_queue(self, &frames[i]);
		if (next == queue)
			continue;
		receive_run(self, queue, frames + start, i - start);
		start = i;
	}
	receive_run(self, queue, frames + start, count - start);
}
