/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What messages say about one queue. It runs as soon as its size, its rings and its kicks are
 * known, whichever came last. */
#include "port/vhost/device.h"

#include "port/vhost/features.h"
#include "port/vhost/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Eventfds only, which do not wait when they are told not to: a write to anything else might be one
 * for the front end to end. */
static bool is_event_counter(int fd)
{
	char link[32], target[32] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, target, sizeof(target) - 1) > 0 &&
	       !strcmp(target, "anon_inode:[eventfd]") &&
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

/* What nobody will see any more is not left for the front end, which would take it for a kick of
 * its own. */
static void drain(int fd)
{
	uint64_t count;
	struct iovec part = {&count, sizeof(count)};

	(void)!preadv2(fd, &part, 1, -1, RWF_NOWAIT);
}

static struct vhost_queue *queue_at(struct vhost_device *device, uint64_t index)
{
	if (index < VHOST_QUEUES_MAX)
		return &device->queues[index];
	vhost_device_refuse(device, "queue %" PRIu64 " of %u", index, VHOST_QUEUES_MAX);
	return NULL;
}

void vhost_queue_call(struct vhost_queue *queue)
{
	const uint64_t one = 1;

	if (virtqueue_wants_call(&queue->ring) && queue->call_fd >= 0)
		(void)!write(queue->call_fd, &one, sizeof(one)); /* full: told often enough */
}

static int find_rings(struct vhost_device *device, struct vhost_queue *queue)
{
	const struct virtqueue_areas areas = virtqueue_areas(&queue->ring);
	const struct vhost_vring_addr *addr = &queue->addr;
	struct virtqueue *ring = &queue->ring;

	ring->descriptors = guest_memory_at_user(
		&device->memory, addr->desc_user_addr, areas.descriptors, 16);
	ring->driver = guest_memory_at_user(
		&device->memory, addr->avail_user_addr, areas.driver, ring->is_packed ? 4 : 2);
	ring->device = guest_memory_at_user(&device->memory, addr->used_user_addr, areas.device, 4);
	if (ring->descriptors && ring->driver && ring->device)
		return 0;
	return vhost_device_refuse(
		device, "queue %u: its rings are not in the guest's memory", ring->index);
}

int vhost_queues_find_rings(struct vhost_device *device)
{
	int err = 0;

	for (unsigned i = 0; i < VHOST_QUEUES_MAX && !err; i++) {
		if (device->queues[i].is_running)
			err = find_rings(device, &device->queues[i]);
	}
	return err;
}

static void stop(struct vhost_device *device, struct vhost_queue *queue)
{
	if (!queue->is_running)
		return;
	queue->is_running = false;
	queue->base = virtqueue_base(&queue->ring);
	inflight_forget(&queue->ring);
	device->ops->on_queue(device, queue->ring.index);
}

/* The kicks go with it: it starts when new ones come. */
static void stop_for_good(struct vhost_device *device, struct vhost_queue *queue)
{
	stop(device, queue);
	if (queue->kick_fd >= 0)
		drain(queue->kick_fd);
	close_fd(&queue->kick_fd);
}

void vhost_queues_stop(struct vhost_device *device)
{
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		stop_for_good(device, &device->queues[i]);
}

/* virtio 1.2 2.7: a split ring's size is a power of 2; a packed one's may be anything. */
static int check_size(struct vhost_device *device, const struct virtqueue *ring)
{
	if (!ring->is_packed && ring->size & (ring->size - 1))
		return vhost_device_refuse(device, "queue %u: a split ring of %u descriptors",
			ring->index, ring->size);
	if (ring->is_packed && ring->next >= ring->size)
		return vhost_device_refuse(device, "queue %u: begins at %u of %u", ring->index,
			ring->next, ring->size);
	return 0;
}

static int start(struct vhost_device *device, struct vhost_queue *queue)
{
	struct virtqueue *ring = &queue->ring;
	int err;

	if (queue->is_running || !ring->size || !queue->has_addr || queue->kick_fd < 0)
		return 0;
	ring->is_packed = vhost_device_has(device, VIRTIO_F_RING_PACKED);
	ring->has_indirect = vhost_device_has(device, VIRTIO_RING_F_INDIRECT_DESC);
	ring->has_event_index = vhost_device_has(device, VIRTIO_RING_F_EVENT_IDX);
	virtqueue_set_base(ring, queue->base);
	err = check_size(device, ring);
	if (!err)
		err = find_rings(device, queue);
	if (!err)
		err = vhost_inflight_start(device, ring);
	if (err)
		return err;
	if (!vhost_device_has(device, VHOST_FEATURE_PROTOCOL))
		queue->is_enabled = true;
	queue->is_running = true;
	device->ops->on_queue(device, ring->index);
	return 0;
}

int vhost_queue_set_size(struct vhost_device *device, const struct vhost_vring_state *state)
{
	struct vhost_queue *queue = queue_at(device, state->index);

	if (!queue)
		return -EPROTO;
	if (!state->num || state->num > QUEUE_SIZE_MAX)
		return vhost_device_refuse(device, "queue %u: of %u descriptors, at most %u may be",
			state->index, state->num, QUEUE_SIZE_MAX);
	if (queue->is_running && state->num != queue->ring.size)
		return vhost_device_refuse(
			device, "queue %u: another size while it runs", state->index);
	queue->ring.size = (uint16_t)state->num;
	return start(device, queue);
}

int vhost_queue_set_addr(struct vhost_device *device, const struct vhost_vring_addr *addr)
{
	struct vhost_queue *queue = queue_at(device, addr->index);

	if (!queue)
		return -EPROTO;
	queue->addr = *addr;
	queue->has_addr = true;
	return queue->is_running ? find_rings(device, queue) : start(device, queue);
}

int vhost_queue_set_base(struct vhost_device *device, const struct vhost_vring_state *state)
{
	struct vhost_queue *queue = queue_at(device, state->index);

	if (!queue)
		return -EPROTO;
	if (queue->is_running)
		return vhost_device_refuse(
			device, "queue %u: another base while it runs", state->index);
	queue->base = state->num;
	return 0;
}

int vhost_queue_get_base(struct vhost_device *device, struct vhost_vring_state *state)
{
	struct vhost_queue *queue = queue_at(device, state->index);

	if (!queue)
		return -EPROTO;
	stop_for_good(device, queue);
	state->num = queue->base;
	return 0;
}

int vhost_queue_enable(struct vhost_device *device, const struct vhost_vring_state *state)
{
	struct vhost_queue *queue = queue_at(device, state->index);

	if (!queue)
		return -EPROTO;
	if (queue->is_enabled == !!state->num)
		return 0;
	queue->is_enabled = state->num;
	if (queue->is_running)
		device->ops->on_queue(device, state->index);
	return 0;
}

/* The descriptor that came; -1 with VHOST_NO_FD. False: neither, or one that cannot be. */
static bool take_counter(struct vhost_device *device, struct vhost_message *message, int *ret_fd)
{
	const char *name = vhost_request_name(message->header.request);
	const bool has_none = message->payload.value & VHOST_NO_FD;

	if (has_none != !message->fd_count) {
		vhost_device_refuse(device, "%s 0x%" PRIx64 " with %u descriptors", name,
			message->payload.value, message->fd_count);
		return false;
	}
	if (!has_none && !is_event_counter(message->fds[0])) {
		vhost_device_refuse(device, "%s with a descriptor that is no eventfd", name);
		return false;
	}
	*ret_fd = vhost_message_take_fd(message, 0);
	return true;
}

int vhost_queue_set_kick(struct vhost_device *device, struct vhost_message *message)
{
	struct vhost_queue *queue = queue_at(device, message->payload.value & ~VHOST_NO_FD);
	int fd;

	if (!queue || !take_counter(device, message, &fd))
		return -EPROTO;
	if (fd < 0)
		return vhost_device_refuse(device,
			"queue %u is to be polled, which is not done here", queue->ring.index);
	stop(device, queue);
	close_fd(&queue->kick_fd);
	queue->kick_fd = fd;
	return start(device, queue);
}

/* What was published before is told again: nobody listened to the new one then. */
int vhost_queue_set_call(struct vhost_device *device, struct vhost_message *message)
{
	struct vhost_queue *queue = queue_at(device, message->payload.value & ~VHOST_NO_FD);
	const uint64_t one = 1;
	int fd;

	if (!queue || !take_counter(device, message, &fd))
		return -EPROTO;
	close_fd(&queue->call_fd);
	queue->call_fd = fd;
	if (fd >= 0 && queue->is_running)
		(void)!write(fd, &one, sizeof(one));
	return 0;
}
