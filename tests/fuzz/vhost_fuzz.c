/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front end that says and does what the bytes say: messages with descriptors of all kinds, rings
 * and descriptors written at will while queues run, memory that is cut short, frames from the other
 * side in between. The port may go, with a reason; the hub and the other port live.
 */
#include "hub/hub.h"
#include "port/vhost/fake_front_end.h"
#include "port/vhost/features.h"
#include "port/vhost/vhost.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MEMORY_SIZE (2u << 20)
#define STEPS_MAX   64

enum step {
	SAY,	  /* a message */
	START,	  /* all that a good front end says */
	WRITE,	  /* bytes somewhere in memory */
	DESCRIBE, /* one descriptor of a queue */
	SHOW,	  /* some chains as available */
	OFFER,	  /* a good chain */
	KICK,
	RECEIVE, /* frames from the other port */
	CUT,	 /* the file of the memory */
	TURN,
	STEP_COUNT,
};

static struct {
	struct loop *loop;
	struct hub *hub;
	struct port *port;
	struct front_end front;
	struct port other;
	uint64_t seen;
} desk;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void other_send(struct port *, const struct frame *frames, unsigned count)
{
	static uint8_t bytes[ETH_FRAME_MAX];

	for (unsigned i = 0; i < count; i++) {
		check(frames[i].len <= ETH_FRAME_MAX && frames[i].body_count <= FRAME_BODY_MAX);
		check(frames[i].head_len >= MIN(frames[i].len, FRAME_HEAD_MIN));
		check(frame_copy(&frames[i], 0, bytes, frames[i].len) == frames[i].len);
		for (uint32_t k = 0; k < frames[i].len; k += 64)
			desk.seen += bytes[k];
	}
}

static void nothing_to_free(struct port *)
{
}

static const struct port_ops other_ops = {"other", other_send, nothing_to_free};

static void on_gone(void *, struct port *port, const char *why)
{
	check(port == desk.port && why[0]);
	hub_detach(port);
	port->ops->free(port);
	desk.port = NULL;
}

static void on_turn_ends(struct timer *, nsec)
{
	loop_stop(desk.loop);
}

static void turn(void)
{
	struct timer timer = {.on_expire = on_turn_ends};

	timer_set(desk.loop, &timer, loop_now(desk.loop));
	loop_run(desk.loop);
}

static uint64_t read_u64(struct reader *r)
{
	uint64_t high = read_be32(r);

	return high << 32 | read_be32(r);
}

/* Nine in ten are small or near something that is there. */
static uint64_t read_address(struct reader *r)
{
	const uint8_t how = read_u8(r);

	switch (how % 5) {
	case 0:
		return read_u64(r);
	case 1:
		return FRONT_USER_BASE + (uint64_t)read_be16(r) * 16;
	case 2:
		return FRONT_GUEST_BASE + MEMORY_SIZE - read_be16(r);
	default:
		return FRONT_GUEST_BASE + (uint64_t)read_be16(r) * 16;
	}
}

static int pick_fd(uint8_t which)
{
	const int fds[] = {desk.front.memory_fd, desk.front.queues[0].kick_fd,
		desk.front.queues[1].kick_fd, desk.front.queues[1].call_fd, desk.front.socket};

	return fds[which % ARRAY_SIZE(fds)];
}

static void say(struct reader *r)
{
	const uint8_t request = read_u8(r) % 44, fd_count = read_u8(r) % 12, shape = read_u8(r);
	uint8_t payload[300];
	uint32_t len = 0;
	int fds[12];

	for (unsigned i = 0; i < fd_count; i++)
		fds[i] = pick_fd(read_u8(r));
	while (len + 8 <= (shape & 0x3fu) * 8 && len + 8 <= sizeof(payload)) {
		uint64_t word = shape & 0x40 ? read_address(r) : read_u8(r);

		memcpy(payload + len, &word, sizeof(word));
		len += sizeof(word);
	}
	if (shape & 0x80 && len)
		payload[4] = read_u8(r); /* the upper half of an index and a number */
	front_say(&desk.front, request, payload, len, fds, fd_count);
}

/* Not in the last pages: those may be cut off, for us as well. */
static void write_somewhere(struct reader *r)
{
	const uint32_t at = read_be32(r) % (MEMORY_SIZE - 4 * 4096);

	read_copy(r, desk.front.memory + at, read_u8(r));
}

static struct front_queue *pick_queue(struct reader *r)
{
	return &desk.front.queues[read_u8(r) % desk.front.queue_count];
}

static void describe(struct reader *r)
{
	struct front_queue *queue = pick_queue(r);
	uint8_t *at = queue->descriptors + 16 * (read_u8(r) % queue->size);
	uint64_t addr = read_address(r);
	uint32_t len = read_be16(r);
	uint16_t rest[2] = {read_be16(r), read_be16(r)};

	memcpy(at, &addr, sizeof(addr));
	memcpy(at + 8, &len, sizeof(len));
	memcpy(at + 12, rest, sizeof(rest));
}

static void show(struct reader *r)
{
	struct front_queue *queue = pick_queue(r);
	uint16_t *available = (uint16_t *)queue->driver;

	available[0] = read_u8(r);
	available[2 + read_u8(r) % queue->size] = read_u8(r);
	available[1] = (uint16_t)(available[1] + read_u8(r));
}

static void offer(struct reader *r)
{
	const unsigned index = read_u8(r) % desk.front.queue_count, how = read_u8(r);
	struct front_part parts[8];
	unsigned count = 1 + how / 4 % ARRAY_SIZE(parts);

	for (unsigned i = 0; i < count; i++)
		parts[i] = (struct front_part){FRONT_BUFFERS + read_u8(r) * 16u, read_be16(r)};
	front_offer(&desk.front, index, parts, count, (how & FRONT_INDIRECT) | (index % 2 == 0), 0);
	front_kick(&desk.front, index);
}

static void kick(struct reader *r)
{
	const uint64_t one = 1;

	(void)!write(pick_queue(r)->kick_fd, &one, sizeof(one));
}

static void receive(struct reader *r)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	struct eth_header header = {MAC_BROADCAST, {{2, 0, 0, 0, 0, 9}}, 0};
	uint32_t len = MAX(read_be16(r), ETH_HEADER_LEN);
	struct iovec body = {
		bytes + FRAME_HEAD_MIN, len > FRAME_HEAD_MIN ? len - FRAME_HEAD_MIN : 0};
	struct frame frames[3];

	memcpy(bytes, &header, sizeof(header));
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
		frames[i] = (struct frame){.head = bytes,
			.head_len = MIN(len, FRAME_HEAD_MIN),
			.len = len,
			.body = &body,
			.body_count = len > FRAME_HEAD_MIN};
	hub_receive(&desk.other, frames, ARRAY_SIZE(frames), loop_now(desk.loop));
}

static void cut(struct reader *r)
{
	const uint8_t pages = read_u8(r);

	if (pages < 2)
		(void)!ftruncate(desk.front.memory_fd, MEMORY_SIZE - 4096 * (off_t)(pages + 1));
}

static void take_step(struct reader *r, const struct front_settings *settings)
{
	switch ((enum step)(read_u8(r) % STEP_COUNT)) {
	case SAY:
		say(r);
		return;
	case START:
		front_start(&desk.front, settings);
		return;
	case WRITE:
		write_somewhere(r);
		return;
	case DESCRIBE:
		describe(r);
		return;
	case SHOW:
		show(r);
		return;
	case OFFER:
		offer(r);
		return;
	case KICK:
		kick(r);
		return;
	case RECEIVE:
		receive(r);
		return;
	case CUT:
		cut(r);
		return;
	case TURN:
	case STEP_COUNT:
		turn();
		return;
	}
}

static uint64_t read_features(struct reader *r)
{
	uint64_t features = 1ull << VIRTIO_F_VERSION_1;
	const uint8_t bits = read_u8(r);

	features |= bits & 1 ? 1ull << VIRTIO_F_RING_PACKED : 0;
	features |= bits & 2 ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0;
	features |= bits & 4 ? 1ull << VIRTIO_RING_F_INDIRECT_DESC : 0;
	features |= bits & 8 ? 1ull << VIRTIO_NET_F_MRG_RXBUF : 0;
	features |= bits & 16 ? 1ull << VIRTIO_NET_F_GUEST_CSUM : 0;
	return features;
}

static void open_desk(const struct front_settings *settings)
{
	static const struct port_settings port_settings = {.on_gone = on_gone};
	static const struct hash_key key = {1, 2};
	int ends[2];

	desk.loop = loop_new();
	desk.hub = hub_new("hub0", &key);
	desk.other = (struct port){.ops = &other_ops, .takes = TAKES_ALL};
	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	check(!front_open(&desk.front, ends[0], settings));
	desk.port = vhost_port_new(desk.loop, ends[1], &port_settings);
	check(desk.port && !hub_attach(desk.hub, desk.port, 0));
	check(!hub_attach(desk.hub, &desk.other, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct reader r = reader_on(bytes, len);
	struct front_settings settings = {.features = read_features(&r),
		.size = 16,
		.memory_size = MEMORY_SIZE,
		.protocol_features = 1ull << VHOST_PROTOCOL_REPLY_ACK};

	open_desk(&settings);
	for (unsigned i = 0; i < STEPS_MAX && reader_left(&r) && desk.port; i++)
		take_step(&r, &settings);
	turn();
	turn();
	hub_free(desk.hub);
	loop_free(desk.loop);
	front_close(&desk.front);
	return 0;
}
