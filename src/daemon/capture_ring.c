/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture_ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture_ring {
	uint8_t *bytes; /* size of them, and the same ones again */
	size_t size;
	atomic_size_t written, read; /* since the ring was made: written - read are in it */
	atomic_bool is_resting;
};

/* Twice the address space first, so that nobody else gets what follows the first half. */
static int map_twice(struct capture_ring *ring, int fd)
{
	const int access = PROT_READ | PROT_WRITE;
	uint8_t *bytes = mmap(NULL, 2 * ring->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return -errno;
	ring->bytes = bytes;
	for (unsigned half = 0; half < 2; half++) {
		if (mmap(bytes + half * ring->size, ring->size, access, MAP_SHARED | MAP_FIXED, fd,
			    0) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

static int open_memory(struct capture_ring *ring)
{
	int fd = memfd_create("capture", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = ftruncate(fd, (off_t)ring->size) < 0 ? -errno : map_twice(ring, fd);
	close(fd);
	return err;
}

struct capture_ring *capture_ring_new(size_t size)
{
	struct capture_ring *ring = calloc(1, sizeof(*ring));
	int err;

	if (!ring)
		return NULL;
	ring->size = size;
	atomic_init(&ring->is_resting, true);
	err = open_memory(ring);
	if (!err)
		return ring;
	capture_ring_free(ring);
	errno = -err;
	return NULL;
}

void capture_ring_free(struct capture_ring *ring)
{
	if (!ring)
		return;
	if (ring->bytes)
		munmap(ring->bytes, 2 * ring->size);
	free(ring);
}

uint8_t *capture_ring_room(struct capture_ring *ring, size_t len)
{
	size_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
	size_t used = written - atomic_load_explicit(&ring->read, memory_order_acquire);

	return len > ring->size - used ? NULL : ring->bytes + written % ring->size;
}

/* Both sides store one of written and is_resting, then look at the other: in one total order, so
 * that one of them sees what the other did. */
bool capture_ring_commit(struct capture_ring *ring, size_t len)
{
	atomic_fetch_add(&ring->written, len);
	return atomic_load(&ring->is_resting) && atomic_exchange(&ring->is_resting, false);
}

size_t capture_ring_peek(const struct capture_ring *ring, const uint8_t **ret_bytes)
{
	size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);

	*ret_bytes = ring->bytes + read % ring->size;
	return atomic_load(&ring->written) - read;
}

void capture_ring_consume(struct capture_ring *ring, size_t len)
{
	atomic_fetch_add_explicit(&ring->read, len, memory_order_release);
}

bool capture_ring_rest(struct capture_ring *ring)
{
	const uint8_t *bytes;

	atomic_store(&ring->is_resting, true);
	if (!capture_ring_peek(ring, &bytes))
		return true;
	/* Where the writer was faster, it wakes us: once too often is no harm. */
	atomic_store(&ring->is_resting, false);
	return false;
}
