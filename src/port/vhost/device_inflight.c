/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the records of what is in flight lie: memory that we make when the front end asks, and that
 * it hands to whoever serves the device next. */
#include "port/vhost/device.h"
#include "port/vhost/features.h"
#include "port/vhost/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t stride(const struct vhost_device *device, uint16_t queue_size)
{
	return inflight_stride(queue_size, vhost_device_has(device, VIRTIO_F_RING_PACKED));
}

static int check(struct vhost_device *device, const struct vhost_inflight *inflight)
{
	if (!inflight->queue_count || inflight->queue_count > VHOST_QUEUES_MAX ||
		!inflight->queue_size || inflight->queue_size > QUEUE_SIZE_MAX)
		return vhost_device_refuse(device, "records of %u queues of %u",
			inflight->queue_count, inflight->queue_size);
	if (vhost_device_is_running(device))
		return vhost_device_refuse(device, "other records while a queue runs");
	return 0;
}

/* Sealed, so that nobody makes it shorter while we write. */
static int make_file(uint64_t size)
{
	int fd = memfd_create("inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int vhost_inflight_get(struct vhost_device *device, struct vhost_inflight *inflight, int *ret_fd)
{
	int fd, err = check(device, inflight);

	if (err)
		return err;
	inflight->offset = 0;
	inflight->size = inflight->queue_count * stride(device, inflight->queue_size);
	fd = make_file(inflight->size);
	if (fd < 0)
		return vhost_device_refuse(device, "no memory for records: %s", strerror(-fd));
	err = vhost_inflight_set(device, inflight, fd);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int vhost_inflight_set(struct vhost_device *device, const struct vhost_inflight *inflight, int fd)
{
	const struct guest_range range = {.size = inflight->size, .offset = inflight->offset};
	int err = check(device, inflight);

	if (err)
		return err;
	if (inflight->size < inflight->queue_count * stride(device, inflight->queue_size) ||
		inflight->offset % 8)
		return vhost_device_refuse(device, "records of %u queues of %u in %llu bytes",
			inflight->queue_count, inflight->queue_size,
			(unsigned long long)inflight->size);
	guest_memory_clear(&device->inflight);
	err = guest_memory_add(&device->inflight, fd, &range, &device->error);
	if (err)
		return err;
	device->inflight_queues = inflight->queue_count;
	device->inflight_queue_size = inflight->queue_size;
	return 0;
}

int vhost_inflight_start(struct vhost_device *device, struct virtqueue *ring)
{
	const uint64_t step = stride(device, device->inflight_queue_size);

	if (!device->inflight.count)
		return 0;
	if (ring->index >= device->inflight_queues || ring->size > device->inflight_queue_size ||
		step * device->inflight_queues > device->inflight.regions[0].range.size)
		return vhost_device_refuse(
			device, "queue %u: there is no room for its record", ring->index);
	ring->inflight = device->inflight.regions[0].at + step * ring->index;
	return inflight_resume(ring);
}
