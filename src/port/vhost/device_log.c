/* SPDX-License-Identifier: GPL-2.0-or-later */
/* While a guest migrates, its front end keeps a bit for each page of 4 KiB, and whoever writes to
 * the guest's memory sets it: a frame that came after its page was sent would be lost. */
#include "port/vhost/device.h"
#include "port/vhost/features.h"

#define PAGE_SHIFT 12

int vhost_log_set(struct vhost_device *device, const struct vhost_log *log, int fd)
{
	const struct guest_range range = {.size = log->size, .offset = log->offset};

	guest_memory_clear(&device->log);
	return guest_memory_add(&device->log, fd, &range, &device->error);
}

static void mark(const struct guest_region *log, uint64_t guest, uint64_t len)
{
	for (uint64_t page = guest >> PAGE_SHIFT; page <= (guest + len - 1) >> PAGE_SHIFT; page++) {
		if (page / 8 < log->range.size)
			__atomic_fetch_or(
				log->at + page / 8, (uint8_t)(1u << page % 8), __ATOMIC_RELAXED);
	}
}

void vhost_log_write(const struct vhost_device *device, const void *at, uint64_t len)
{
	for (unsigned i = 0; i < device->memory.count && device->log.count && len; i++) {
		const struct guest_region *region = &device->memory.regions[i];
		const uint64_t offset = (uint64_t)((const uint8_t *)at - region->at);

		if (offset < region->range.size) {
			mark(&device->log.regions[0], region->range.guest + offset, len);
			return;
		}
	}
}

void vhost_log_rings(const struct vhost_device *device, const struct vhost_queue *queue)
{
	const struct virtqueue_areas areas = virtqueue_areas(&queue->ring);

	if (!(queue->addr.flags & 1u << VHOST_VRING_F_LOG))
		return;
	vhost_log_write(device, queue->ring.device, areas.device);
	if (queue->ring.is_packed)
		vhost_log_write(device, queue->ring.descriptors, areas.descriptors);
}
