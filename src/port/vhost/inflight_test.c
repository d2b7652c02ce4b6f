/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A back end is killed with chains in its hands; the next one finds them in the records. */
#include "port/vhost/inflight.h"
#include "port/vhost/port_fixture.h"

#include <sys/mman.h>

#define PACKED (1ull << VIRTIO_F_RING_PACKED)

static struct {
	struct front_end front;
	struct guest_memory memory;
	struct error error;
	struct iovec parts[64];
	uint8_t record[16384];
} desk;

/* A back end that begins where the front end, which knows nothing, says. */
static struct virtqueue take_over(void)
{
	const struct front_queue *ring = &desk.front.queues[1];
	struct virtqueue queue = {.memory = &desk.memory,
		.error = &desk.error,
		.index = 1,
		.size = ring->size,
		.is_packed = desk.front.is_packed,
		.descriptors = desk.memory.regions[0].at + (ring->descriptors - desk.front.memory),
		.driver = desk.memory.regions[0].at + (ring->driver - desk.front.memory),
		.device = desk.memory.regions[0].at + (ring->device - desk.front.memory),
		.inflight = desk.record};

	virtqueue_set_base(&queue, desk.front.is_packed ? 0x8000 : 0);
	assert_int_equal(inflight_resume(&queue), 0);
	return queue;
}

static void open_desk(uint64_t features)
{
	const struct front_settings settings = {.features = FEATURES_PLAIN | features, .size = 8};

	memset(&desk, 0, sizeof(desk));
	assert_int_equal(front_open(&desk.front, -1, &settings), 0);
	assert_int_equal(guest_memory_add(&desk.memory, desk.front.memory_fd,
				 &(struct guest_range){
					 FRONT_GUEST_BASE, FRONT_MEMORY_SIZE, FRONT_USER_BASE, 0},
				 &desk.error),
		0);
}

static void close_desk(void)
{
	guest_memory_clear(&desk.memory);
	front_close(&desk.front);
}

/* Chains of `tag` bytes, so that they are known again. */
static void offer(uint32_t tag)
{
	const struct front_part part = {FRONT_BUFFERS, tag};

	assert_true(front_offer(&desk.front, 1, &part, 1, 0, tag));
	front_kick(&desk.front, 1);
}

static struct chain take(struct virtqueue *queue, uint64_t tag)
{
	struct chain_parts parts = {desk.parts, ARRAY_SIZE(desk.parts)};
	struct chain chain;

	assert_int_equal(virtqueue_take(queue, &parts, &chain), 1);
	assert_int_equal(chain.len, tag);
	return chain;
}

static void take_none(struct virtqueue *queue)
{
	struct chain_parts parts = {desk.parts, ARRAY_SIZE(desk.parts)};
	struct chain chain;

	assert_int_equal(virtqueue_take(queue, &parts, &chain), 0);
}

static void give(struct virtqueue *queue, uint64_t tag)
{
	struct chain chain = take(queue, tag);

	virtqueue_give(queue, &chain, 0);
}

static void expect_used(uint64_t tag)
{
	uint64_t token;
	uint32_t len;

	assert_true(front_used(&desk.front, 1, &token, &len));
	assert_int_equal(token, tag);
}

static void play_killed_in_hand(void)
{
	struct virtqueue first = take_over(), second;

	for (uint32_t round = 0; round < 5; round++) {
		offer(100 + round);
		give(&first, 100 + round);
		virtqueue_publish(&first);
		expect_used(100 + round);
	}
	for (uint32_t i = 0; i < 5; i++)
		offer(200 + i);
	give(&first, 200); /* and not published */
	take(&first, 201);
	take(&first, 202);
	second = take_over();
	for (uint32_t i = 0; i < 5; i++)
		give(&second, 200 + i);
	virtqueue_publish(&second);
	take_none(&second);
	for (uint32_t i = 0; i < 5; i++)
		expect_used(200 + i);
	inflight_leave(&second);
}

/* What was not taken after all is not taken twice. */
static void play_untaken(void)
{
	struct virtqueue first = take_over(), second;

	for (uint32_t i = 0; i < 3; i++)
		offer(100 + i);
	give(&first, 100);
	virtqueue_publish(&first);
	take(&first, 101);
	take(&first, 102);
	virtqueue_untake(&first, 2);
	second = take_over();
	give(&second, 101);
	give(&second, 102);
	take_none(&second);
	inflight_leave(&second);
}

/* Killed after the driver saw a batch, before it was struck off: it is not done twice. */
static void play_killed_while_publishing(void)
{
	uint8_t before[sizeof(desk.record)];
	struct virtqueue first = take_over(), second;

	for (uint32_t i = 0; i < 5; i++)
		offer(100 + i);
	give(&first, 100);
	virtqueue_publish(&first);
	give(&first, 101);
	give(&first, 102);
	memcpy(before, desk.record, sizeof(before));
	virtqueue_publish(&first);
	memcpy(desk.record, before, sizeof(before));
	if (first.is_packed) /* where to go on, and a batch of 2, is said before */
		memcpy(desk.record + 16, (uint16_t[]){3, 1, 2}, 6);
	second = take_over();
	give(&second, 103);
	give(&second, 104);
	virtqueue_publish(&second);
	for (uint32_t i = 0; i < 5; i++)
		expect_used(100 + i);
	inflight_leave(&second);
}

/* Killed before the driver saw anything of a batch that was written in part: it is written. */
static void test_killed_while_writing_a_packed_batch(void **)
{
	struct virtqueue first, second;

	open_desk(PACKED);
	first = take_over();
	for (uint32_t i = 0; i < 4; i++)
		offer(100 + i);
	give(&first, 100);
	give(&first, 101);
	give(&first, 102);
	memcpy(desk.record + 16, (uint16_t[]){3, 1, 3}, 6);
	memset((uint8_t *)first.descriptors + 24, 0, 8);
	second = take_over();
	give(&second, 103);
	virtqueue_publish(&second);
	for (uint32_t i = 0; i < 4; i++)
		expect_used(100 + i);
	inflight_leave(&second);
	close_desk();
}

static void play_stopped_cleanly(void)
{
	struct virtqueue first = take_over(), second;

	offer(100);
	give(&first, 100);
	virtqueue_publish(&first);
	inflight_forget(&first);
	memset(desk.front.memory, 0, FRONT_BUFFERS); /* a guest that starts anew */
	second = take_over();
	assert_int_equal(virtqueue_base(&second), desk.front.is_packed ? 0x80008000 : 0);
	inflight_leave(&second);
}

static void play_in_both(void (*play)(void))
{
	open_desk(0);
	play();
	close_desk();
	open_desk(PACKED);
	play();
	close_desk();
}

static void test_killed_in_hand(void **)
{
	play_in_both(play_killed_in_hand);
}

static void test_untaken(void **)
{
	play_in_both(play_untaken);
}

static void test_killed_while_publishing(void **)
{
	play_in_both(play_killed_while_publishing);
}

static void test_stopped_cleanly(void **)
{
	play_in_both(play_stopped_cleanly);
}

/* Another device may have given back in any order: counters say which came first. */
static void test_what_is_in_flight_is_done_by_age(void **)
{
	uint64_t counters[8] = {9, 3, 12, 7};
	struct virtqueue queue;

	open_desk(0);
	queue = take_over();
	for (uint32_t i = 0; i < 6; i++)
		offer(100 + i);
	for (unsigned i = 0; i < 4; i++) { /* heads are 0, 1, 2... */
		desk.record[16 + 16 * i] = 1;
		memcpy(desk.record + 16 + 16 * i + 8, &counters[i], 8);
	}
	queue = take_over();
	give(&queue, 101);
	give(&queue, 103);
	give(&queue, 100);
	give(&queue, 102);
	give(&queue, 104);
	give(&queue, 105);
	take_none(&queue);
	inflight_leave(&queue);
	close_desk();
}

static void test_records_that_are_garbage(void **)
{
	struct virtqueue queue;

	for (unsigned seed = 0; seed < 2000; seed++) {
		open_desk(seed & 1 ? PACKED : 0);
		queue = take_over();
		srandom(seed);
		for (unsigned i = 0; i < 300; i++)
			desk.record[i] = (uint8_t)random();
		desk.record[8] = 1, desk.record[9] = 0;
		desk.record[10] = 8, desk.record[11] = 0;
		for (uint32_t i = 0; i < 6; i++)
			offer(100 + i);
		if (!inflight_resume(&queue)) {
			struct chain_parts parts = {desk.parts, ARRAY_SIZE(desk.parts)};
			struct chain chain;

			for (unsigned i = 0; i < 20; i++) {
				if (virtqueue_take(&queue, &parts, &chain) <= 0)
					break;
				virtqueue_give(&queue, &chain, 0);
				virtqueue_publish(&queue);
			}
		}
		inflight_leave(&queue);
		close_desk();
	}
}

static void test_the_front_end_gets_memory_for_records(void **)
{
	const struct front_settings settings = {.features = FEATURES_PLAIN,
		.size = 256,
		.protocol_features = 1ull << VHOST_PROTOCOL_INFLIGHT_SHMFD};
	struct vhost_inflight wish = {.queue_count = 2, .queue_size = 256};
	struct vhost_message answer;
	int fd;

	plug(&settings);
	front_say_features(&stage.front, &settings);
	front_say(&stage.front, VHOST_GET_INFLIGHT_FD, &wish, sizeof(wish), NULL, 0);
	turn();
	assert_true(front_hear(&stage.front, &answer, &fd));
	assert_true(fd >= 0);
	assert_true(answer.payload.inflight.size >= 2 * 256 * 16);
	assert_int_equal(ftruncate(fd, 0), -1);
	wish = answer.payload.inflight;
	front_say(&stage.front, VHOST_SET_INFLIGHT_FD, &wish, sizeof(wish), &fd, 1);
	front_say_memory(&stage.front);
	front_say_queue(&stage.front, 0);
	front_say_queue(&stage.front, 1);
	guest_offers(0, &(struct offload){0}, 60, 1, 1, 0);
	guest_kicks(0);
	assert_string_equal(stage.gone, "");
	assert_int_equal(stage.seen, 1);
	wish.queue_size = 9;
	front_say(&stage.front, VHOST_SET_INFLIGHT_FD, &wish, sizeof(wish), &fd, 1);
	turn();
	assert_string_equal(stage.gone, "other records while a queue runs");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_in_hand),
		cmocka_unit_test(test_untaken),
		cmocka_unit_test(test_killed_while_publishing),
		cmocka_unit_test(test_killed_while_writing_a_packed_batch),
		cmocka_unit_test(test_stopped_cleanly),
		cmocka_unit_test(test_what_is_in_flight_is_done_by_age),
		cmocka_unit_test(test_records_that_are_garbage),
		PORT_TEST(test_the_front_end_gets_memory_for_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
