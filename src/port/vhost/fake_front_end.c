/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/fake_front_end.h"

#include "port/vhost/features.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKED_AVAILABLE (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	 (1u << VRING_PACKED_DESC_F_USED)
#define PACKED_WRAP	 (1u << VRING_PACKED_EVENT_F_WRAP_CTR)

static uint64_t offset_of(const struct front_end *front, const void *at)
{
	return (uint64_t)((const uint8_t *)at - front->memory);
}

static uint64_t align(uint64_t v)
{
	return (v + 4095) & ~4095ull;
}

/* Each area on pages of its own; the tables for indirect chains behind them. */
static uint64_t lay_out(struct front_end *front, struct front_queue *queue, uint64_t at)
{
	const struct virtqueue like = {.size = queue->size, .is_packed = front->is_packed};
	const struct virtqueue_areas areas = virtqueue_areas(&like);

	queue->descriptors = front->memory + at;
	queue->driver = queue->descriptors + align(areas.descriptors);
	queue->device = queue->driver + align(areas.driver);
	at = offset_of(front, queue->device) + align(areas.device);
	queue->indirect = at;
	return align(at + (uint64_t)queue->size * 32 * 16);
}

static void init_queue(struct front_queue *queue, uint16_t size)
{
	*queue = (struct front_queue){.size = size,
		.free_count = size,
		.free_slots = size,
		.next_wrap = true,
		.used_wrap = true};
	for (unsigned i = 0; i < size; i++)
		queue->free[i] = (uint16_t)(size - 1 - i);
	queue->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int front_open(struct front_end *front, int socket, const struct front_settings *settings)
{
	uint64_t at = 4096;

	*front = (struct front_end){.socket = socket,
		.memory_size = settings->memory_size ? settings->memory_size : FRONT_MEMORY_SIZE,
		.features = settings->features | 1ull << VHOST_FEATURE_PROTOCOL,
		.is_packed = settings->features >> VIRTIO_F_RING_PACKED & 1,
		.queue_count = 2 * (settings->pairs ? settings->pairs : 1)};
	front->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (front->memory_fd < 0 || ftruncate(front->memory_fd, (off_t)front->memory_size) < 0)
		return -errno;
	front->memory = mmap(
		NULL, front->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, front->memory_fd, 0);
	if (front->memory == MAP_FAILED)
		return -errno;
	for (unsigned i = 0; i < front->queue_count; i++) {
		init_queue(&front->queues[i], settings->size);
		at = lay_out(front, &front->queues[i], at);
	}
	return at <= FRONT_BUFFERS ? 0 : -E2BIG;
}

void front_close(struct front_end *front)
{
	for (unsigned i = 0; i < front->queue_count; i++) {
		close(front->queues[i].kick_fd);
		close(front->queues[i].call_fd);
	}
	if (front->memory)
		munmap(front->memory, front->memory_size);
	close(front->memory_fd);
	if (front->socket >= 0)
		close(front->socket);
	*front = (struct front_end){.socket = -1, .memory_fd = -1};
}

bool front_say(struct front_end *front, uint32_t request, const void *payload, uint32_t payload_len,
	const int *fds, unsigned fd_count)
{
	struct vhost_header header = {request, VHOST_FLAG_VERSION, payload_len};
	struct iovec parts[2] = {{&header, sizeof(header)}, {(void *)payload, payload_len}};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(32 * sizeof(int))];
	} control = {.header = {CMSG_LEN(fd_count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};

	if (fd_count) {
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	}
	return sendmsg(front->socket, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(header) + payload_len;
}

bool front_say_value(struct front_end *front, uint32_t request, uint64_t value)
{
	return front_say(front, request, &value, sizeof(value), NULL, 0);
}

bool front_say_state(struct front_end *front, uint32_t request, unsigned index, unsigned num)
{
	const struct vhost_vring_state state = {index, num};

	return front_say(front, request, &state, sizeof(state), NULL, 0);
}

bool front_hear(struct front_end *front, struct vhost_message *ret, int *ret_fd)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec parts[2] = {
		{&ret->header, sizeof(ret->header)}, {&ret->payload, sizeof(ret->payload)}};
	struct msghdr m = {.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t got;

	*ret = (struct vhost_message){0};
	parts[1].iov_len = 0;
	m.msg_iovlen = 1;
	got = recvmsg(front->socket, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	if (got != sizeof(ret->header) || ret->header.size > sizeof(ret->payload))
		return false;
	*ret_fd = -1;
	if (m.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(&control.header), sizeof(int));
	return recv(front->socket, &ret->payload, ret->header.size, MSG_WAITALL) ==
	       (ssize_t)ret->header.size;
}

void front_say_features(struct front_end *front, const struct front_settings *settings)
{
	front_say(front, VHOST_SET_OWNER, NULL, 0, NULL, 0);
	front_say_value(front, VHOST_SET_PROTOCOL_FEATURES,
		settings->protocol_features
			? settings->protocol_features
			: 1ull << VHOST_PROTOCOL_MQ | 1ull << VHOST_PROTOCOL_REPLY_ACK);
	front_say_value(front, VHOST_SET_FEATURES, front->features);
}

void front_say_memory(struct front_end *front)
{
	const struct {
		uint32_t count, padding;
		struct guest_range range;
	} table = {.count = 1, .range = {FRONT_GUEST_BASE, front->memory_size, FRONT_USER_BASE, 0}};

	front_say(front, VHOST_SET_MEM_TABLE, &table, sizeof(table), &front->memory_fd, 1);
}

struct vhost_vring_addr front_addr(const struct front_end *front, unsigned index)
{
	const struct front_queue *queue = &front->queues[index];

	return (struct vhost_vring_addr){.index = index,
		.desc_user_addr = FRONT_USER_BASE + offset_of(front, queue->descriptors),
		.avail_user_addr = FRONT_USER_BASE + offset_of(front, queue->driver),
		.used_user_addr = FRONT_USER_BASE + offset_of(front, queue->device)};
}

void front_say_queue(struct front_end *front, unsigned index)
{
	const struct vhost_vring_addr addr = front_addr(front, index);
	const struct front_queue *queue = &front->queues[index];
	const uint64_t number = index;

	front_say_state(front, VHOST_SET_VRING_NUM, index, queue->size);
	front_say_state(front, VHOST_SET_VRING_BASE, index, front->is_packed ? 0x8000 : 0);
	front_say(front, VHOST_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	front_say(front, VHOST_SET_VRING_CALL, &number, sizeof(number), &queue->call_fd, 1);
	front_say(front, VHOST_SET_VRING_KICK, &number, sizeof(number), &queue->kick_fd, 1);
	front_say_state(front, VHOST_SET_VRING_ENABLE, index, 1);
}

void front_start(struct front_end *front, const struct front_settings *settings)
{
	front_say_features(front, settings);
	front_say_memory(front);
	for (unsigned i = 0; i < front->queue_count; i++)
		front_say_queue(front, i);
}

static void write_descriptor(
	uint8_t *at, uint64_t addr, uint32_t len, uint16_t third, uint16_t fourth)
{
	memcpy(at, &addr, 8);
	memcpy(at + 8, &len, 4);
	memcpy(at + 12, &third, 2);
	memcpy(at + 14, &fourth, 2);
}

static uint64_t write_table(struct front_end *front, const struct front_queue *queue, uint16_t id,
	const struct front_part *parts, unsigned count, uint16_t flags)
{
	const uint64_t offset = queue->indirect + (uint64_t)id * 32 * 16;

	for (unsigned i = 0; i < count; i++) {
		const uint16_t next = i + 1 < count ? VRING_DESC_F_NEXT : 0;
		uint8_t *at = front->memory + offset + 16 * i;

		if (front->is_packed)
			write_descriptor(
				at, FRONT_GUEST_BASE + parts[i].at, parts[i].len, 0, flags);
		else
			write_descriptor(at, FRONT_GUEST_BASE + parts[i].at, parts[i].len,
				flags | next, (uint16_t)(i + 1));
	}
	return offset;
}

/* Returns the head. */
static uint16_t offer_split(
	struct front_queue *queue, const struct front_part *parts, unsigned count, uint16_t flags)
{
	uint16_t at = queue->free[queue->free_count - 1], head = at;

	for (unsigned i = 0; i < count; i++) {
		const bool has_next = i + 1 < count;
		uint16_t next = 0;

		queue->free_count--;
		if (has_next)
			next = queue->free[queue->free_count - 1];
		write_descriptor(queue->descriptors + 16 * at, FRONT_GUEST_BASE + parts[i].at,
			parts[i].len, (uint16_t)(flags | (has_next ? VRING_DESC_F_NEXT : 0)), next);
		at = next;
	}
	((uint16_t *)queue->driver)[2 + (queue->next++ & (queue->size - 1))] = head;
	return head;
}

/* Packed: the first descriptor's flags last. Returns the id. */
static uint16_t offer_packed(
	struct front_queue *queue, const struct front_part *parts, unsigned count, uint16_t flags)
{
	const uint16_t id = queue->free[--queue->free_count];
	uint16_t *first_flags = (uint16_t *)(queue->descriptors + 16 * queue->next + 14);
	uint16_t first = 0;

	for (unsigned i = 0; i < count; i++) {
		uint16_t all = (uint16_t)(flags | (i + 1 < count ? VRING_DESC_F_NEXT : 0) |
					  (queue->next_wrap ? PACKED_AVAILABLE : PACKED_USED));
		uint8_t *at = queue->descriptors + 16 * queue->next;
		uint64_t addr = FRONT_GUEST_BASE + parts[i].at;

		memcpy(at, &addr, 8);
		memcpy(at + 8, &parts[i].len, 4);
		memcpy(at + 12, &id, 2);
		if (i)
			memcpy(at + 14, &all, 2);
		else
			first = all;
		if (++queue->next == queue->size) {
			queue->next = 0;
			queue->next_wrap = !queue->next_wrap;
		}
	}
	show_u16(first_flags, first);
	return id;
}

bool front_offer(struct front_end *front, unsigned index, const struct front_part *parts,
	unsigned count, unsigned how, uint64_t token)
{
	struct front_queue *queue = &front->queues[index];
	uint16_t flags = how & FRONT_WRITE ? VRING_DESC_F_WRITE : 0, id;
	struct front_part table;

	if (queue->free_slots < (how & FRONT_INDIRECT ? 1 : count))
		return false;
	if (how & FRONT_INDIRECT) {
		id = queue->free[queue->free_count - 1];
		table.at = write_table(front, queue, id, parts, count, flags);
		table.len = 16 * count;
		parts = &table;
		count = 1;
		flags = VRING_DESC_F_INDIRECT;
	}
	id = front->is_packed ? offer_packed(queue, parts, count, flags)
			      : offer_split(queue, parts, count, flags);
	queue->free_slots = (uint16_t)(queue->free_slots - count);
	queue->slots[id] = (uint16_t)count;
	queue->tokens[id] = token;
	return true;
}

/* The driver's half of virtio 1.2 2.7.10 and 2.8.10. */
static bool split_wants_kick(const struct front_end *front, const struct front_queue *queue)
{
	const uint16_t *event = (const uint16_t *)(queue->device + 4 + 8 * (size_t)queue->size);

	if (front->features >> VIRTIO_RING_F_EVENT_IDX & 1)
		return vring_need_event(look_u16(event), queue->next, queue->published);
	return !(look_u16(queue->device) & VRING_USED_F_NO_NOTIFY);
}

static bool packed_wants_kick(const struct front_queue *queue)
{
	const uint16_t event = look_u16(queue->device);
	const uint16_t flags = look_u16(queue->device + 2);
	uint16_t place = event & 0x7fff;
	const uint16_t since = (uint16_t)(queue->next - queue->published +
					  (queue->next < queue->published ? queue->size : 0));

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	if (!!(event & PACKED_WRAP) != queue->next_wrap)
		place = (uint16_t)(place - queue->size);
	return vring_need_event(place, queue->next, (uint16_t)(queue->next - since));
}

bool front_kick(struct front_end *front, unsigned index)
{
	struct front_queue *queue = &front->queues[index];
	const uint64_t one = 1;
	bool does;

	if (!front->is_packed)
		show_u16(queue->driver + 2, queue->next);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	does = front->is_packed ? packed_wants_kick(queue) : split_wants_kick(front, queue);
	queue->published = queue->next;
	return does && write(queue->kick_fd, &one, sizeof(one)) == sizeof(one);
}

static void free_split(struct front_queue *queue, uint16_t head)
{
	uint16_t at = head;

	for (unsigned i = 0; i < queue->slots[head]; i++) {
		queue->free[queue->free_count++] = at;
		memcpy(&at, queue->descriptors + 16 * at + 14, sizeof(at));
	}
}

static bool used_split(struct front_queue *queue, uint16_t *ret_id, uint32_t *ret_len)
{
	const uint8_t *element = queue->device + 4 +
				 8 * (size_t)(queue->next_used & (queue->size - 1));
	uint32_t id;

	if (look_u16(queue->device + 2) == queue->next_used)
		return false;
	memcpy(&id, element, sizeof(id));
	memcpy(ret_len, element + 4, sizeof(*ret_len));
	*ret_id = (uint16_t)id;
	queue->next_used++;
	return true;
}

static bool used_packed(struct front_queue *queue, uint16_t *ret_id, uint32_t *ret_len)
{
	const uint8_t *at = queue->descriptors + 16 * (size_t)queue->next_used;
	const uint16_t flags = look_u16(at + 14);

	if (!!(flags & PACKED_AVAILABLE) != queue->used_wrap ||
		!!(flags & PACKED_USED) != queue->used_wrap)
		return false;
	memcpy(ret_len, at + 8, sizeof(*ret_len));
	memcpy(ret_id, at + 12, sizeof(*ret_id));
	queue->next_used = (uint16_t)(queue->next_used + queue->slots[*ret_id]);
	if (queue->next_used >= queue->size) {
		queue->next_used = (uint16_t)(queue->next_used - queue->size);
		queue->used_wrap = !queue->used_wrap;
	}
	return true;
}

bool front_used(struct front_end *front, unsigned index, uint64_t *ret_token, uint32_t *ret_len)
{
	struct front_queue *queue = &front->queues[index];
	uint16_t id;

	if (!(front->is_packed ? used_packed(queue, &id, ret_len)
			       : used_split(queue, &id, ret_len)))
		return false;
	if (front->is_packed)
		queue->free[queue->free_count++] = id;
	else
		free_split(queue, id);
	queue->free_slots = (uint16_t)(queue->free_slots + queue->slots[id]);
	*ret_token = queue->tokens[id];
	return true;
}

void front_listen(struct front_end *front, unsigned index, bool is_wanted)
{
	struct front_queue *queue = &front->queues[index];
	uint16_t *driver = (uint16_t *)queue->driver;
	const bool has_event_index = front->features >> VIRTIO_RING_F_EVENT_IDX & 1;

	if (front->is_packed)
		show_u16(driver + 1, is_wanted ? VRING_PACKED_EVENT_FLAG_ENABLE
					       : VRING_PACKED_EVENT_FLAG_DISABLE);
	else if (has_event_index) /* at the next one, or when the indexes have gone half round */
		show_u16(driver + 2 + queue->size,
			(uint16_t)(queue->next_used - (is_wanted ? 0 : 0x8000)));
	else
		show_u16(driver, is_wanted ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
