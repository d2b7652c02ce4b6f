/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames between a guest and a hub, in both layouts. */
#include "port/vhost/backlog.h"
#include "port/vhost/port_fixture.h"

#include <sys/mman.h>

#define PACKED (1ull << VIRTIO_F_RING_PACKED)
#define EVENT  (1ull << VIRTIO_RING_F_EVENT_IDX)

static const uint64_t layouts[] = {0, PACKED, EVENT, PACKED | EVENT};

/* Each of the ways rings can be, one after the other on stages of their own. */
static void in_each_layout(uint64_t features, void (*play)(void))
{
	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
		if (i) {
			tear_down(NULL);
			assert_int_equal(set_up(NULL), 0);
		}
		plug_running(features | layouts[i], 1);
		play();
		assert_string_equal(stage.gone, "");
	}
}

static const struct offload plain;

static void expect_returned(unsigned queue, unsigned count)
{
	uint64_t token;
	uint32_t len;

	for (unsigned i = 0; i < count; i++)
		assert_true(front_used(&stage.front, queue, &token, &len));
	assert_false(front_used(&stage.front, queue, &token, &len));
}

static void play_sending(void)
{
	static const unsigned parts[] = {1, 2, 3, 17, 40};
	static const uint32_t lens[] = {14, 60, 254, 255, 1514};
	uint32_t sums[50];
	unsigned count = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		for (unsigned k = 0; k < ARRAY_SIZE(lens); k++) {
			unsigned n = MIN(parts[i], lens[k] / 2);

			sums[count++] = guest_offers(0, &plain, lens[k], 1, n, 0);
			guest_kicks(0);
			sums[count++] = guest_offers(
				0, &plain, lens[k], 2, MIN(n, 32), FRONT_INDIRECT);
			guest_kicks(0);
			expect_returned(1, 2);
		}
	}
	assert_int_equal(stage.seen, count);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(stage.frames[i].len, lens[i / 2 % ARRAY_SIZE(lens)]);
		assert_int_equal(stage.frames[i].sum, sums[i]);
	}
	assert_int_equal(stage.port->in.frames, count);
}

static void test_what_the_guest_sends_arrives(void **)
{
	in_each_layout(FEATURES_PLAIN, play_sending);
}

static void play_batches(void)
{
	for (unsigned i = 0; i < 200; i++)
		guest_offers(0, &plain, 100 + i, (uint8_t)i, 1, 0);
	guest_kicks(0);
	assert_int_equal(stage.seen, 200);
	assert_in_range(stage.batches, 4, 8);
	expect_returned(1, 200);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(stage.frames[i].len, 100 + i);
}

static void test_frames_come_in_batches(void **)
{
	in_each_layout(FEATURES_PLAIN, play_batches);
}

/* The rings go round many times, with chains that do not divide their size. */
static void play_rounds(void)
{
	uint8_t bytes[1514];
	const struct frame hello = frame_linear(bytes, sizeof(bytes));
	unsigned sent = 0;

	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 9);
	for (unsigned round = 0; round < 300; round++) {
		unsigned count = 1 + round % 7;

		for (unsigned i = 0; i < count; i++, sent++)
			guest_offers(0, &plain, 60 + round, (uint8_t)sent, 1 + round % 5, 0);
		guest_makes_room(0, 3, 700);
		other_says(&hello, 1);
		guest_kicks(0);
		expect_returned(1, count);
		expect_returned(0, 3);
	}
	assert_int_equal(stage.port->in.frames, sent);
	assert_int_equal(stage.port->out.drops[DROP_QUEUE_FULL], 0);
}

static void test_the_rings_go_round(void **)
{
	in_each_layout(FEATURES_PLAIN, play_rounds);
}

static void play_offloads(void)
{
	const struct offload offload = {.needs_checksum = true,
		.kind = SEGMENT_TCP4,
		.header_len = 54,
		.segment_size = 1448,
		.checksum_start = 34,
		.checksum_offset = 16};

	guest_offers(0, &offload, 65000, 1, 17, 0);
	guest_kicks(0);
	assert_int_equal(stage.seen, 1);
	assert_int_equal(stage.frames[0].len, 65000);
	assert_memory_equal(&stage.frames[0].offload, &offload, sizeof(offload));
}

static void test_offloads_travel_with_the_frame(void **)
{
	in_each_layout(FEATURES_PLAIN | FEATURES_OFFLOADS, play_offloads);
}

static void play_bad_frames(void)
{
	const struct offload beyond = {
		.needs_checksum = true, .checksum_start = 5000, .checksum_offset = 16};
	const struct front_part runt = {FRONT_BUFFERS, 12}, giant = {FRONT_BUFFERS, 66000},
				none = {FRONT_BUFFERS, 0};

	guest_offers(0, &beyond, 100, 1, 1, 0);
	assert_true(front_offer(&stage.front, 1, &runt, 1, 0, 0));
	assert_true(front_offer(&stage.front, 1, &giant, 1, 0, 0));
	assert_true(front_offer(&stage.front, 1, &none, 1, 0, 0));
	guest_offers(0, &plain, 100, 2, 1, 0);
	guest_kicks(0);
	assert_int_equal(stage.seen, 1);
	assert_int_equal(stage.port->in.drops[DROP_MALFORMED], 1);
	assert_int_equal(stage.port->in.drops[DROP_RUNT], 2);
	assert_int_equal(stage.port->in.drops[DROP_GIANT], 1);
	expect_returned(1, 5);
}

static void test_frames_that_are_none_are_counted(void **)
{
	in_each_layout(FEATURES_PLAIN, play_bad_frames);
}

/* A frame in parts, into buffers smaller than it; returns how many of them. */
static unsigned say_and_collect(uint8_t *ret_header, uint8_t *ret_frame, uint32_t *ret_len)
{
	unsigned count = 0;
	uint64_t token;
	uint32_t len, done = 0;

	while (front_used(&stage.front, 0, &token, &len)) {
		const uint8_t *bytes = stage.front.memory + token;

		if (!count++) {
			memcpy(ret_header, bytes, 12);
			bytes += 12;
			len -= 12;
		}
		memcpy(ret_frame + done, bytes, len);
		done += len;
	}
	*ret_len = done;
	return count;
}

static void play_receiving(void)
{
	static uint8_t sent[65000], got[80000];
	struct iovec body[2] = {{sent + 200, 20000}, {sent + 20200, 44800}};
	const struct frame frame = {.head = sent,
		.head_len = 200,
		.len = sizeof(sent),
		.body = body,
		.body_count = 2,
		.offload = {.needs_checksum = true,
			.kind = SEGMENT_TCP6,
			.segment_size = 1428,
			.checksum_start = 54,
			.checksum_offset = 16}};
	uint8_t header[12], wanted[12] = {0};
	uint32_t len;

	write_frame(sent, OTHER, GUEST, sizeof(sent), 3);
	sent[54 + 12] = 0x50; /* TCP, a header of 20 bytes */
	guest_makes_room(0, 100, 1536);
	other_says(&frame, 1);
	turn();
	vnet_write(wanted, &frame.offload);
	wanted[10] = 43;
	assert_int_equal(say_and_collect(header, got, &len), 43);
	assert_int_equal(len, sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	assert_memory_equal(header, wanted, sizeof(wanted));
	assert_int_equal(stage.port->out.drops[DROP_QUEUE_FULL], 0);
}

static void test_what_comes_is_spread_over_buffers(void **)
{
	in_each_layout(FEATURES_PLAIN | FEATURES_OFFLOADS, play_receiving);
}

/* What the guest has no buffers for waits until it has some, in order, and so far as there is room.
 */
static void play_waiting(void)
{
	static uint8_t bytes[60000], got[4000];
	struct frame frame = frame_linear(bytes, 1514);
	const uint64_t *drops = stage.port->out.drops;
	uint8_t header[12];
	uint32_t len;

	stage.port->mtu = 0;
	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 1);
	guest_makes_room(0, 4, 700);
	other_says(&frame, 1);
	bytes[ETH_HEADER_LEN] = 2;
	other_says(&frame, 1);
	turn();
	assert_int_equal(say_and_collect(header, got, &len), 3);
	guest_makes_room(0, 1, 700);
	turn(); /* not enough yet, and nobody runs in circles */
	assert_int_equal(say_and_collect(header, got, &len), 0);
	guest_makes_room(0, 1, 700);
	turn();
	assert_int_equal(say_and_collect(header, got, &len), 3);
	assert_int_equal(len, 1514);
	assert_int_equal(got[ETH_HEADER_LEN], 2);
	frame = frame_linear(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 40; i++)
		other_says(&frame, 1);
	assert_int_equal(drops[DROP_QUEUE_FULL], 40 - BACKLOG_SIZE / sizeof(bytes));
	front_say_state(&stage.front, VHOST_SET_VRING_ENABLE, 0, 0);
	turn();
	assert_int_equal(drops[DROP_LINK_DOWN], BACKLOG_SIZE / sizeof(bytes));
}

static void test_frames_wait_for_buffers(void **)
{
	in_each_layout(FEATURES_PLAIN, play_waiting);
}

static void test_a_frame_beyond_all_buffers_does_not_wait(void **)
{
	static uint8_t bytes[60000];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));

	plug_running(FEATURES_PLAIN, 1);
	stage.port->mtu = 0;
	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 1);
	guest_makes_room(0, 256, 200);
	other_says(&frame, 1);
	assert_int_equal(stage.port->out.drops[DROP_GIANT], 1);
}

static void test_one_buffer_has_to_do_without_merging(void **)
{
	uint8_t bytes[1514], header[12], got[2000];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));
	uint32_t len;

	plug_running(1ull << VIRTIO_F_VERSION_1, 1);
	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 3);
	guest_makes_room(0, 1, 1000);
	other_says(&frame, 1);
	assert_int_equal(stage.port->out.drops[DROP_GIANT], 1);
	other_says(&(struct frame){.head = bytes, .head_len = 988, .len = 988}, 1);
	turn();
	assert_int_equal(say_and_collect(header, got, &len), 1);
	assert_int_equal(len, 988);
	assert_int_equal(header[10], 1);
}

static void test_a_legacy_header_is_shorter(void **)
{
	static uint8_t bytes[100], message[110];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));
	const struct front_part part = {FRONT_BUFFERS, 110};
	uint64_t token;
	uint32_t len;

	plug_running(1ull << VIRTIO_F_ANY_LAYOUT, 1);
	write_frame(stage.front.memory + FRONT_BUFFERS + 10, GUEST, OTHER, 100, 8);
	assert_true(front_offer(&stage.front, 1, &part, 1, 0, 0));
	guest_kicks(0);
	assert_int_equal(stage.seen, 1);
	assert_int_equal(stage.frames[0].len, 100);
	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 3);
	guest_makes_room(0, 1, 2000);
	other_says(&frame, 1);
	assert_true(front_used(&stage.front, 0, &token, &len));
	assert_int_equal(len, sizeof(message));
	assert_memory_equal(stage.front.memory + token + 10, bytes, sizeof(bytes));
}

static uint64_t calls(unsigned queue)
{
	uint64_t count = 0;

	return read(stage.front.queues[queue].call_fd, &count, sizeof(count)) < 0 ? 0 : count;
}

static void play_calls(void)
{
	uint8_t bytes[60];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));

	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 3);
	calls(0);
	guest_makes_room(0, 9, 1536);
	front_listen(&stage.front, 0, true);
	for (unsigned i = 0; i < 3; i++)
		other_says(&frame, 1);
	/* With event indexes it is called for the first only: that is what it asked for. */
	assert_int_equal(calls(0), stage.front.features & EVENT && !stage.front.is_packed ? 1 : 3);
	expect_returned(0, 3);
	front_listen(&stage.front, 0, false);
	other_says(&frame, 1);
	turn();
	assert_int_equal(calls(0), 0);
	expect_returned(0, 1);
}

static void test_the_guest_is_called_when_it_wants(void **)
{
	in_each_layout(FEATURES_PLAIN, play_calls);
}

/* In one turn the guest gets a frame, and its memory goes. */
static void play_a_call_before_memory_goes(void)
{
	uint8_t bytes[60];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));

	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 3);
	calls(0);
	guest_makes_room(0, 1, 1536);
	front_listen(&stage.front, 0, true);
	other_says(&frame, 1);
	front_say(&stage.front, VHOST_RESET_DEVICE, NULL, 0, NULL, 0);
	turn();
	assert_int_equal(calls(0), 1);
	expect_returned(0, 1);
}

static void test_a_call_comes_before_memory_goes(void **)
{
	in_each_layout(FEATURES_PLAIN, play_a_call_before_memory_goes);
}

static void play_kicks(void)
{
	guest_offers(0, &plain, 60, 1, 1, 0);
	assert_true(front_kick(&stage.front, 1));
	turn();
	guest_offers(0, &plain, 60, 2, 1, 0);
	assert_true(front_kick(&stage.front, 1)); /* it sleeps again */
	turn();
	assert_int_equal(stage.seen, 2);
	guest_makes_room(0, 1, 1536);
	assert_false(front_kick(&stage.front, 0)); /* room is looked for when it is needed */
}

static void test_kicks_are_wanted_only_when_they_help(void **)
{
	in_each_layout(FEATURES_PLAIN, play_kicks);
}

static void test_down_until_a_queue_runs(void **)
{
	const struct front_settings settings = {.features = FEATURES_PLAIN, .size = 256};
	uint8_t bytes[60];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));

	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 3);
	plug(&settings);
	other_says(&frame, 1);
	assert_int_equal(stage.port->out.drops[DROP_LINK_DOWN], 1);
	front_start(&stage.front, &settings);
	turn();
	guest_makes_room(0, 4, 1536);
	other_says(&frame, 1);
	assert_int_equal(stage.port->out.drops[DROP_LINK_DOWN], 1);
	expect_returned(0, 1);
	front_say_state(&stage.front, VHOST_SET_VRING_ENABLE, 0, 0);
	turn();
	other_says(&frame, 1);
	assert_int_equal(stage.port->out.drops[DROP_LINK_DOWN], 2);
	front_say_state(&stage.front, VHOST_SET_VRING_ENABLE, 1, 0);
	guest_offers(0, &plain, 60, 1, 1, 0);
	guest_kicks(0); /* taken and lost: that is what disabled means */
	assert_int_equal(stage.seen, 0);
	assert_int_equal(stage.port->in.drops[DROP_LINK_DOWN], 1);
	expect_returned(1, 1);
}

/* As QEMU does when a guest is paused, or resets its device. */
static void play_stop_and_go(void)
{
	struct vhost_message answer;
	int fd;

	guest_offers(0, &plain, 60, 1, 3, 0);
	guest_kicks(0);
	expect_returned(1, 1);
	guest_offers(0, &plain, 60, 2, 3, 0);
	front_say_state(&stage.front, VHOST_GET_VRING_BASE, 1, 0);
	turn();
	assert_true(front_hear(&stage.front, &answer, &fd));
	front_kick(&stage.front, 1);
	turn();
	assert_int_equal(stage.seen, 1);
	front_say_state(&stage.front, VHOST_SET_VRING_BASE, 1, answer.payload.state.num);
	front_say(&stage.front, VHOST_SET_VRING_KICK, &(uint64_t){1}, 8,
		&stage.front.queues[1].kick_fd, 1);
	turn(); /* what waited goes without a kick */
	assert_int_equal(stage.seen, 2);
	expect_returned(1, 1);
}

static void test_a_queue_goes_on_where_it_stopped(void **)
{
	in_each_layout(FEATURES_PLAIN, play_stop_and_go);
}

static void test_takes_follow_from_features(void **)
{
	struct vhost_port_state state;

	plug_running(FEATURES_PLAIN | FEATURES_OFFLOADS, 2);
	assert_int_equal(stage.port->takes, TAKES_CHECKSUM | TAKES_TCP4 | TAKES_TCP6);
	assert_int_equal(stage.port->mtu, 1500);
	assert_string_equal(stage.port->ops->kind, "vhost-user");
	vhost_port_describe(stage.port, &state);
	assert_int_equal(state.pair_count, 2);
	assert_int_equal(state.queue_count, 4);
	assert_int_equal(state.queue_size, 256);
	assert_int_equal(state.memory_size, FRONT_MEMORY_SIZE);
	assert_int_equal(state.features, stage.front.features);
	assert_false(state.is_packed);
	assert_string_equal(vhost_feature_name(VIRTIO_NET_F_MRG_RXBUF), "mrg-rxbuf");
}

/* An IPv4 UDP frame; the headers' other fields do not matter to a switch. */
static void write_udp_frame(uint8_t *bytes, struct mac from, struct mac to, uint8_t from_host,
	uint8_t to_host, uint16_t from_port, uint16_t to_port)
{
	static const uint8_t ip[20] = {0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 10};
	uint32_t sum = 0;

	write_frame(bytes, from, to, 60, 0x45);
	store_be16(bytes + 12, ETHERTYPE_IP4);
	memcpy(bytes + 14, ip, sizeof(ip));
	bytes[14 + 15] = from_host;
	bytes[14 + 16] = 10, bytes[14 + 17] = bytes[14 + 18] = 0;
	bytes[14 + 19] = to_host;
	for (unsigned i = 0; i < 20; i += 2)
		sum += load_be16(bytes + 14 + i);
	store_be16(bytes + 24, (uint16_t) ~(sum + (sum >> 16)));
	store_be16(bytes + 34, from_port);
	store_be16(bytes + 36, to_port);
	store_be16(bytes + 38, 26);
}

static void test_a_flow_is_received_where_it_is_sent(void **)
{
	uint8_t bytes[60];
	const struct frame frame = frame_linear(bytes, sizeof(bytes));
	const struct front_part part = {FRONT_BUFFERS, 72};

	plug_running(FEATURES_PLAIN, 3);
	for (unsigned pair = 0; pair < 3; pair++)
		guest_makes_room(pair, 20, 1536);
	for (uint16_t flow = 0; flow < 9; flow++) {
		unsigned pair = flow % 3;

		memset(stage.front.memory + part.at, 0, 12);
		write_udp_frame(stage.front.memory + part.at + 12, GUEST, OTHER, 1, 2,
			(uint16_t)(5000 + flow), 53);
		assert_true(front_offer(&stage.front, 2 * pair + 1, &part, 1, 0, 0));
		guest_kicks(pair);
		write_udp_frame(bytes, OTHER, GUEST, 2, 1, 53, (uint16_t)(5000 + flow));
		other_says(&frame, 1);
		expect_returned(2 * pair, 1);
	}
	assert_int_equal(stage.seen, 9);
	front_say_state(&stage.front, VHOST_SET_VRING_ENABLE, 4, 0);
	turn(); /* its flows go to the first then */
	other_says(&frame, 1);
	expect_returned(0, 1);
}

static void test_a_guest_that_moved_is_announced(void **)
{
	plug_running(FEATURES_PLAIN, 1);
	front_say(&stage.front, VHOST_SEND_RARP, "\2\0\0\0\0\7\0\0", 8, NULL, 0);
	turn();
	assert_int_equal(stage.seen, 1);
	assert_int_equal(stage.frames[0].len, ETH_FRAME_MIN);
	assert_ptr_equal(
		hub_lookup(stage.hub, (struct mac){{2, 0, 0, 0, 0, 7}}, loop_now(stage.loop)),
		stage.port);
}

static uint64_t ask(uint32_t request, uint64_t value)
{
	const struct vhost_header header = {
		request, VHOST_FLAG_VERSION | VHOST_FLAG_NEEDS_REPLY, sizeof(value)};
	struct vhost_message answer;
	uint8_t bytes[sizeof(header) + sizeof(value)];
	int fd;

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &value, sizeof(value));
	assert_int_equal(send(stage.front.socket, bytes, sizeof(bytes), 0), sizeof(bytes));
	turn();
	assert_true(front_hear(&stage.front, &answer, &fd));
	assert_int_equal(answer.header.request, request);
	assert_int_equal(answer.header.flags, VHOST_FLAG_VERSION | VHOST_FLAG_REPLY);
	return answer.payload.value;
}

static void test_requests_are_answered(void **)
{
	struct vhost_port_state state;

	plug_running(FEATURES_PLAIN, 1);
	assert_int_equal(ask(VHOST_GET_FEATURES, 0), FEATURES_OFFERED);
	assert_int_equal(ask(VHOST_GET_PROTOCOL_FEATURES, 0), PROTOCOL_FEATURES_OFFERED);
	assert_int_equal(ask(VHOST_GET_QUEUE_NUM, 0), 16);
	assert_int_equal(ask(VHOST_GET_MAX_MEM_SLOTS, 0), GUEST_REGIONS_MAX);
	assert_int_equal(ask(VHOST_NET_SET_MTU, 1400), 0);
	assert_int_equal(ask(VHOST_NET_SET_MTU, 1501), 1);
	assert_int_equal(ask(VHOST_NET_SET_MTU, 20), 1);
	assert_int_equal(ask(25, 0), 1); /* nothing we know */
	assert_int_equal(ask(VHOST_SET_STATUS, 15), 0);
	assert_int_equal(ask(VHOST_GET_STATUS, 0), 15);
	vhost_port_describe(stage.port, &state);
	assert_int_equal(state.guest_mtu, 1400);
	assert_int_equal(state.queue_count, 2);
	assert_int_equal(ask(VHOST_SET_STATUS, 0), 0);
	vhost_port_describe(stage.port, &state);
	assert_int_equal(state.queue_count, 0);
	assert_true(stage.port->is_down);
	assert_int_equal(ask(VHOST_RESET_DEVICE, 0), 0);
	vhost_port_describe(stage.port, &state);
	assert_int_equal(state.memory_size, 0);
}

/* Memory that is plugged in while the guest runs, and taken out again. */
static void test_memory_comes_and_goes(void **)
{
	int fd = memfd_create("more", MFD_CLOEXEC);
	const struct {
		uint64_t padding;
		struct guest_range range;
	} slot = {0, {FRONT_GUEST_BASE + FRONT_MEMORY_SIZE, 1 << 20, FRONT_USER_BASE << 1, 0}};
	/* half in the one, half in the other */
	const struct front_part part = {FRONT_MEMORY_SIZE - 50, 112};

	plug_running(FEATURES_PLAIN, 1);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	front_say(&stage.front, VHOST_ADD_MEM_REG, &slot, sizeof(slot), &fd, 1);
	front_say(&stage.front, VHOST_ADD_MEM_REG, &slot, sizeof(slot), &fd, 1);
	front_say(&stage.front, VHOST_REM_MEM_REG, &slot, sizeof(slot), NULL, 0);
	turn(); /* added twice, removed once: still there */
	write_frame(stage.front.memory + FRONT_MEMORY_SIZE - 38, GUEST, OTHER, 38, 5);
	assert_int_equal(pwrite(fd, "the rest of it", 14, 0), 14);
	assert_true(front_offer(&stage.front, 1, &part, 1, 0, 0));
	guest_kicks(0);
	assert_int_equal(stage.seen, 1);
	assert_int_equal(stage.frames[0].len, 100);
	front_say(&stage.front, VHOST_REM_MEM_REG, &slot, sizeof(slot), NULL, 0);
	front_say_memory(&stage.front);
	turn();
	guest_offers(0, &plain, 60, 1, 1, 0);
	guest_kicks(0);
	assert_int_equal(stage.seen, 2);
	close(fd);
}

static bool is_dirty(const uint8_t *log, uint64_t offset)
{
	const uint64_t page = (FRONT_GUEST_BASE + offset) >> 12;

	return log[page / 8] >> page % 8 & 1;
}

/* As while a guest migrates: every page that a frame was written to has its bit set. */
static void play_migrating(void)
{
	const uint64_t size = (FRONT_GUEST_BASE + FRONT_MEMORY_SIZE) >> 15;
	const struct vhost_log log = {.size = size};
	struct vhost_vring_addr addr = front_addr(&stage.front, 0);
	uint8_t bytes[1514], *bits;
	const struct frame frame = frame_linear(bytes, sizeof(bytes));
	int fd = memfd_create("log", MFD_CLOEXEC);

	write_frame(bytes, OTHER, GUEST, sizeof(bytes), 3);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	bits = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	guest_makes_room(0, 3, 8192);
	other_says(&frame, 1);
	front_say(&stage.front, VHOST_SET_LOG_BASE, &log, sizeof(log), &fd, 1);
	front_say_value(
		&stage.front, VHOST_SET_FEATURES, stage.front.features | 1ull << VHOST_F_LOG_ALL);
	addr.flags = 1;
	front_say(&stage.front, VHOST_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	turn();
	assert_false(is_dirty(bits, FRONT_BUFFERS + 0x480000));
	other_says(&frame, 1);
	turn();
	assert_true(is_dirty(bits, FRONT_BUFFERS + 0x480000 + 8192));
	assert_false(is_dirty(bits, FRONT_BUFFERS + 0x480000 + 12288));
	assert_true(is_dirty(bits, (uint64_t)(stage.front.queues[0].device - stage.front.memory)));
	assert_int_equal(stage.front.is_packed,
		is_dirty(bits, (uint64_t)(stage.front.queues[0].descriptors - stage.front.memory)));
	munmap(bits, size);
	close(fd);
}

static void test_writes_are_logged_while_a_guest_migrates(void **)
{
	in_each_layout(FEATURES_PLAIN, play_migrating);
}

static void test_a_front_end_that_leaves(void **)
{
	plug_running(FEATURES_PLAIN, 1);
	front_close(&stage.front);
	turn();
	assert_string_equal(stage.gone, "the front end disconnected");
	assert_null(stage.port);
	assert_null(hub_find(stage.hub, "guest"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_what_the_guest_sends_arrives),
		PORT_TEST(test_frames_come_in_batches),
		PORT_TEST(test_the_rings_go_round),
		PORT_TEST(test_offloads_travel_with_the_frame),
		PORT_TEST(test_frames_that_are_none_are_counted),
		PORT_TEST(test_what_comes_is_spread_over_buffers),
		PORT_TEST(test_frames_wait_for_buffers),
		PORT_TEST(test_a_frame_beyond_all_buffers_does_not_wait),
		PORT_TEST(test_one_buffer_has_to_do_without_merging),
		PORT_TEST(test_a_legacy_header_is_shorter),
		PORT_TEST(test_the_guest_is_called_when_it_wants),
		PORT_TEST(test_a_call_comes_before_memory_goes),
		PORT_TEST(test_kicks_are_wanted_only_when_they_help),
		PORT_TEST(test_down_until_a_queue_runs),
		PORT_TEST(test_a_queue_goes_on_where_it_stopped),
		PORT_TEST(test_takes_follow_from_features),
		PORT_TEST(test_a_flow_is_received_where_it_is_sent),
		PORT_TEST(test_a_guest_that_moved_is_announced),
		PORT_TEST(test_requests_are_answered),
		PORT_TEST(test_memory_comes_and_goes),
		PORT_TEST(test_writes_are_logged_while_a_guest_migrates),
		PORT_TEST(test_a_front_end_that_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
