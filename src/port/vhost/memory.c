/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define XFS_MAGIC 0x58465342 /* xfs has no line in linux/magic.h */

/* A page of the file is touched on the thread that serves a hub: only file systems whose pages come
 * from this machine may be behind it, not those where somebody's program or server answers. */
static bool is_local(int fd)
{
	struct statfs info;

	if (fstatfs(fd, &info) < 0)
		return false;
	switch ((uint32_t)info.f_type) {
	case TMPFS_MAGIC: /* memfd_create(2) too */
	case HUGETLBFS_MAGIC:
	case RAMFS_MAGIC:
	case EXT4_SUPER_MAGIC:
	case (uint32_t)BTRFS_SUPER_MAGIC:
	case XFS_MAGIC:
		return true;
	default:
		return false;
	}
}

static bool overlaps(uint64_t a, uint64_t b, uint64_t a_len, uint64_t b_len)
{
	return a < b ? b - a < a_len : a - b < b_len;
}

static int check_place(
	const struct guest_memory *memory, const struct guest_range *range, struct error *error)
{
	unsigned number = memory->count;

	if (number == GUEST_REGIONS_MAX)
		return error_set(error, ENOSPC, "more than %u memory regions", number);
	if (!range->size)
		return error_set(error, EINVAL, "memory region %u is empty", number);
	if (range->size > GUEST_MEMORY_MAX - guest_memory_size(memory))
		return error_set(error, EFBIG, "memory region %u brings the guest above %llu GiB",
			number, GUEST_MEMORY_MAX >> 30);
	if (range->guest + range->size < range->size || range->user + range->size < range->size ||
		range->offset + range->size < range->size ||
		range->offset + range->size > INT64_MAX)
		return error_set(error, EINVAL, "memory region %u wraps around", number);
	for (unsigned i = 0; i < number; i++) {
		const struct guest_range *other = &memory->regions[i].range;

		if (overlaps(range->guest, other->guest, range->size, other->size) ||
			overlaps(range->user, other->user, range->size, other->size))
			return error_set(
				error, EINVAL, "memory region %u overlaps region %u", number, i);
	}
	return 0;
}

static int check_file(int fd, const struct guest_range *range, unsigned number,
	struct stat *ret_info, struct error *error)
{
	if (fstat(fd, ret_info) < 0 || !S_ISREG(ret_info->st_mode))
		return error_set(
			error, EINVAL, "memory region %u is no file that can be mapped", number);
	if (!is_local(fd))
		return error_set(error, EINVAL,
			"memory region %u is on a file system that is neither memory nor a local "
			"disk; memory-backend-memfd is right",
			number);
	if ((uint64_t)ret_info->st_size < range->offset + range->size)
		return error_set(error, EINVAL,
			"memory region %u ends at %" PRIu64 " in a file of %" PRIi64 " bytes",
			number, range->offset + range->size, (int64_t)ret_info->st_size);
	return 0;
}

/* Pages of hugetlbfs can only be mapped whole. */
static int map(int fd, const struct stat *info, struct guest_region *region)
{
	const uint64_t page = MAX((uint64_t)info->st_blksize, (uint64_t)sysconf(_SC_PAGESIZE));
	const struct guest_range *range = &region->range;
	uint64_t start = range->offset & ~(page - 1);

	region->map_len = (range->offset - start + range->size + page - 1) & ~(page - 1);
	region->map = mmap(NULL, region->map_len, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_NORESERVE, fd, (off_t)start);
	if (region->map == MAP_FAILED)
		return -errno;
	madvise(region->map, region->map_len, MADV_DONTDUMP);
	region->at = (uint8_t *)region->map + (range->offset - start);
	return 0;
}

static struct guest_region *region_like(
	struct guest_memory *memory, const struct guest_range *range)
{
	for (unsigned i = 0; i < memory->count; i++) {
		struct guest_region *region = &memory->regions[i];

		if (region->range.guest == range->guest && region->range.user == range->user &&
			region->range.size == range->size)
			return region;
	}
	return NULL;
}

static int add_new(
	struct guest_memory *memory, int fd, const struct guest_range *range, struct error *error)
{
	struct guest_region *region = &memory->regions[memory->count];
	struct stat info;
	int err;

	err = check_place(memory, range, error);
	if (!err)
		err = check_file(fd, range, memory->count, &info, error);
	if (err)
		return err;
	*region = (struct guest_region){.range = *range, .adds = 1};
	err = map(fd, &info, region);
	if (err)
		return error_set(error, -err, "memory region %u of %" PRIu64 " bytes: %s",
			memory->count, range->size, strerror(-err));
	memory->count++;
	fault_watch(memory);
	return 0;
}

int guest_memory_add(
	struct guest_memory *memory, int fd, const struct guest_range *range, struct error *error)
{
	struct guest_region *region = region_like(memory, range);

	if (!region || region->range.offset != range->offset)
		return add_new(memory, fd, range, error);
	region->adds++;
	return 0;
}

int guest_memory_remove(
	struct guest_memory *memory, const struct guest_range *range, struct error *error)
{
	struct guest_region *region = region_like(memory, range);

	if (!region)
		return error_set(error, ENOENT,
			"no memory region of %" PRIu64 " bytes at 0x%" PRIx64, range->size,
			range->guest);
	if (--region->adds)
		return 0;
	munmap(region->map, region->map_len);
	*region = memory->regions[--memory->count];
	return 0;
}

void guest_memory_clear(struct guest_memory *memory)
{
	fault_forget(memory);
	for (unsigned i = 0; i < memory->count; i++)
		munmap(memory->regions[i].map, memory->regions[i].map_len);
	*memory = (struct guest_memory){0};
}

uint64_t guest_memory_size(const struct guest_memory *memory)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < memory->count; i++)
		size += memory->regions[i].range.size;
	return size;
}

static const struct guest_region *region_of(const struct guest_memory *memory, uint64_t guest)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_region *region = &memory->regions[i];

		if (guest - region->range.guest < region->range.size)
			return region;
	}
	return NULL;
}

unsigned guest_memory_find(const struct guest_memory *memory, uint64_t guest, uint32_t len,
	struct iovec *parts, unsigned max)
{
	unsigned count = 0;

	while (len) {
		const struct guest_region *region = region_of(memory, guest);
		uint64_t offset;
		uint32_t take;

		if (!region || count == max)
			return 0;
		offset = guest - region->range.guest;
		take = (uint32_t)MIN(region->range.size - offset, len);
		parts[count++] = (struct iovec){region->at + offset, take};
		guest += take;
		len -= take;
	}
	return count;
}

void *guest_memory_at_user(
	const struct guest_memory *memory, uint64_t user, uint64_t len, unsigned align)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_region *region = &memory->regions[i];
		uint64_t offset = user - region->range.user;

		if (offset < region->range.size && len <= region->range.size - offset &&
			!((uintptr_t)(region->at + offset) % align))
			return region->at + offset;
	}
	return NULL;
}
