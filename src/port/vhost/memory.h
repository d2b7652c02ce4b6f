/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's memory as it is shared with us: regions of files, mapped. Addresses of the guest's, and
 * of the front end's own, become ours here or nowhere.
 *
 * Whoever shares a file can also cut it short, and a touch of what is no longer there is SIGBUS.
 * Then zeroes take the region's place, is_broken says so, and the port goes: see fault.c.
 *
 * One thread maps, looks and unmaps: the loop's.
 */
#pragma once

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define GUEST_REGIONS_MAX 32
#define GUEST_MEMORY_MAX  (1ull << 40) /* bytes, over all regions of a guest */

/* As the front end describes one: vhost-user, "memory region description". */
struct guest_range {
	uint64_t guest, size, user, offset; /* offset: in the file */
};

struct guest_region {
	struct guest_range range;
	uint8_t *at;	  /* where range.guest lies */
	void *map;	  /* and what was mapped for it: from a boundary the file's pages have */
	uint64_t map_len; /* bytes */
	unsigned adds;	  /* how often it was added: as often it is removed */
};

struct guest_memory {
	struct guest_region regions[GUEST_REGIONS_MAX];
	unsigned count;
	volatile sig_atomic_t is_broken;
	struct guest_memory *next; /* fault.c's: all that this thread has mapped */
};

/* Maps a range of fd, which stays the caller's. Fills error with what is wrong with it. A range
 * that is there already is counted: QEMU before 8.0 adds each once for every pair of queues. */
int guest_memory_add(struct guest_memory *memory, int fd, const struct guest_range *range,
	struct error *error) MUST_USE;
/* By its addresses and size. -ENOENT: there is no such region. */
int guest_memory_remove(
	struct guest_memory *memory, const struct guest_range *range, struct error *error) MUST_USE;
/* Unmaps everything; the struct is then as new. */
void guest_memory_clear(struct guest_memory *memory);
uint64_t guest_memory_size(const struct guest_memory *memory);

/*
 * Where len bytes at a guest address lie: in one part, or in more when they cross from a region to
 * the next. Returns the count of parts, at most max; 0: not all of it is the guest's memory, or max
 * is too small. len: not 0.
 */
unsigned guest_memory_find(const struct guest_memory *memory, uint64_t guest, uint32_t len,
	struct iovec *parts, unsigned max);
/* len bytes at an address of the front end's, in one region and aligned; or NULL. */
void *guest_memory_at_user(
	const struct guest_memory *memory, uint64_t user, uint64_t len, unsigned align);

/* fault.c: from now on, and until it is forgotten, a fault in memory is survived on this thread. */
void fault_watch(struct guest_memory *memory);
void fault_forget(struct guest_memory *memory);
