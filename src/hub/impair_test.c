/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a bad wire does to frames, under a clock of the test's own. */
#include "hub/fake_port.h"
#include "hub/impair.h"
#include "wire/checksum.h"
#include "wire/golden.h"

#define MSEC	 NSEC_PER_MSEC
#define OUT_MAX	 200000
#define BIG_LEN	 (66 + 14480) /* ten segments of 1448 bytes */
#define SEED	 7
#define FRAMES	 100000
#define WIRE_LEN 1514

/* A wire, and what came out of it. */
struct rig {
	struct impair wire;
	nsec now, next;
	unsigned count;
	struct {
		nsec at;
		uint32_t len, number;
		bool is_super;
	} out[OUT_MAX];
	unsigned lost[DROP_COUNT];
};

static struct rig rig;
static uint8_t bytes[WIRE_LEN], big[BIG_LEN];

static void on_release(struct impair *, const struct frame *frames, unsigned count, nsec now)
{
	for (unsigned i = 0; i < count; i++, rig.count++) {
		assert_in_range(rig.count, 0, OUT_MAX - 1);
		rig.out[rig.count].at = now;
		rig.out[rig.count].len = frames[i].len;
		rig.out[rig.count].is_super = frames[i].offload.kind != SEGMENT_NONE;
		memcpy(&rig.out[rig.count].number, frames[i].head + ETH_HEADER_LEN, 4);
	}
}

static void on_lose(struct impair *, enum drop reason, const struct frame *frame)
{
	rig.lost[reason] += frame_wire_count(frame);
}

static void open_wire(struct impair_settings settings)
{
	memset(&rig, 0, sizeof(rig));
	rig.now = NOW;
	impair_init(&rig.wire, SEED);
	rig.wire.release = on_release;
	rig.wire.lose = on_lose;
	impair_change(&rig.wire, &settings, NOW);
}

static void close_wire(void)
{
	impair_done(&rig.wire);
	assert_int_equal(rig.wire.bytes, 0);
}

static void run(void)
{
	rig.next = rig.wire.machine.run(&rig.wire.machine, rig.now);
	assert_true(rig.next > rig.now);
}

/* As a driver would, until then. */
static void run_until(nsec then)
{
	run();
	while (rig.next <= then) {
		rig.now = rig.next;
		run();
	}
	rig.now = then;
}

static void put(uint32_t number, uint32_t len)
{
	struct frame frame = frame_linear(bytes, len);

	memcpy(bytes + ETH_HEADER_LEN, &number, sizeof(number));
	impair_take(&rig.wire, &frame, 1, rig.now);
}

/* One every `between`, running meanwhile. */
static void put_many(unsigned count, uint32_t len, nsec between)
{
	for (unsigned i = 0; i < count; i++) {
		put(i, len);
		run_until(rig.now + between);
	}
}

static struct frame super_frame(void)
{
	struct frame frame;
	uint16_t checksum = 0;

	memcpy(big, golden_tcp4, sizeof(golden_tcp4));
	store_be16(big + 16, BIG_LEN - ETH_HEADER_LEN);
	memcpy(big + 24, &checksum, 2);
	checksum = checksum_fold(checksum_add(0, big + 14, 20));
	memcpy(big + 24, &checksum, 2);
	frame = frame_linear(big, BIG_LEN);
	frame.offload = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_TCP4,
		.segment_size = 1448,
		.checksum_start = 34,
		.checksum_offset = 16};
	return frame;
}

static void put_super_frame(void)
{
	struct frame frame = super_frame();

	impair_take(&rig.wire, &frame, 1, rig.now);
}

/* Not before its time, and not long after it: what is due soon comes together. */
static void assert_late(nsec at, nsec due)
{
	assert_in_range(at, due, due + MSEC / 5);
}

static void assert_about(double is, double wanted, double tolerance)
{
	if (is < wanted * (1 - tolerance) || is > wanted * (1 + tolerance))
		fail_msg("%g is not %g +- %g%%", is, wanted, tolerance * 100);
}

static unsigned count_overtaken(void)
{
	unsigned overtaken = 0;
	uint32_t highest = 0;

	for (unsigned i = 0; i < rig.count; i++) {
		overtaken += rig.out[i].number < highest;
		highest = MAX(highest, rig.out[i].number);
	}
	return overtaken;
}

static void test_good_wire(void **)
{
	open_wire((struct impair_settings){0});
	assert_false(impair_is_needed(&rig.wire));
	for (unsigned i = 0; i < 200; i++) /* more than are handed on at a time */
		put(i, 60);
	assert_true(impair_is_needed(&rig.wire));
	run();
	assert_int_equal(rig.count, 200);
	assert_int_equal(count_overtaken(), 0);
	assert_int_equal(rig.out[199].number, 199);
	assert_int_equal(rig.next, NSEC_NEVER);
	assert_false(impair_is_needed(&rig.wire));
	close_wire();
}

static void test_delay(void **)
{
	open_wire((struct impair_settings){.delay = 50 * MSEC});
	put(0, 60);
	run();
	assert_int_equal(rig.count, 0);
	assert_int_equal(rig.next, NOW + 50 * MSEC);
	rig.now += 10 * MSEC;
	put(1, 60);
	run_until(NOW + 60 * MSEC - 1);
	assert_int_equal(rig.count, 1);
	assert_int_equal(rig.out[0].at, NOW + 50 * MSEC);
	run_until(NOW + 60 * MSEC);
	assert_int_equal(rig.count, 2);
	close_wire();
}

/* A frame that is copied from many parts, and keeps its offload fields. */
static void test_copies(void **)
{
	struct iovec body[3] = {
		{big + 200, 5000}, {big + 5200, 9000}, {big + 14200, BIG_LEN - 14200}};
	struct frame frame = super_frame();

	open_wire((struct impair_settings){.delay = MSEC});
	frame.head_len = 200;
	frame.body = body;
	frame.body_count = 3;
	impair_take(&rig.wire, &frame, 1, rig.now);
	memset(big, 0xee, sizeof(big)); /* it was only lent */
	run_until(NOW + MSEC);
	assert_int_equal(rig.count, 1);
	assert_true(rig.out[0].is_super);
	assert_int_equal(rig.out[0].len, BIG_LEN);
	assert_memory_equal(&rig.out[0].number, golden_tcp4 + ETH_HEADER_LEN, 1);
	close_wire();
}

static void test_jitter_keeps_order(void **)
{
	nsec least = NSEC_NEVER, most = 0, sum = 0;

	open_wire((struct impair_settings){.delay = 20 * MSEC, .jitter = 5 * MSEC});
	put_many(2000, 60, 100 * MSEC); /* far apart: each has a delay of its own */
	assert_int_equal(rig.count, 2000);
	for (unsigned i = 0; i < rig.count; i++) {
		nsec took = rig.out[i].at - (NOW + i * 100 * MSEC);

		least = MIN(least, took);
		most = MAX(most, took);
		sum += took;
	}
	assert_in_range(least, 15 * MSEC, 15 * MSEC + MSEC / 2);
	assert_in_range(most, 25 * MSEC - MSEC / 2, 25 * MSEC);
	assert_about((double)sum / rig.count, 20. * MSEC, .02);
	rig.count = 0;
	put_many(2000, 60, MSEC / 10); /* close together */
	run_until(rig.now + 25 * MSEC);
	assert_int_equal(rig.count, 2000);
	assert_int_equal(count_overtaken(), 0);
	close_wire();
}

static void test_loss(void **)
{
	open_wire((struct impair_settings){.loss = 10000}); /* 1 % */
	put_many(FRAMES, 60, 1);
	assert_about(rig.lost[DROP_IMPAIRED], FRAMES / 100., .1);
	assert_int_equal(rig.count + rig.lost[DROP_IMPAIRED], FRAMES);
	close_wire();
	open_wire((struct impair_settings){.loss = IMPAIR_ALWAYS});
	put_many(1000, 60, 1);
	assert_int_equal(rig.lost[DROP_IMPAIRED], 1000);
	close_wire();
}

static void test_same_seed_same_fate(void **)
{
	static uint32_t numbers[2000];

	for (unsigned round = 0; round < 2; round++) {
		open_wire((struct impair_settings){.loss = 300000});
		put_many(1000, 60, 1);
		for (unsigned i = 0; i < rig.count; i++) {
			assert_true(!round || numbers[i] == rig.out[i].number);
			numbers[i] = rig.out[i].number;
		}
		close_wire();
	}
}

static void test_duplicate(void **)
{
	unsigned twice = 0;

	open_wire((struct impair_settings){.delay = MSEC, .duplicate = 50000});
	put_many(FRAMES, 60, 1000);
	run_until(rig.now + 2 * MSEC);
	for (unsigned i = 1; i < rig.count; i++)
		twice += rig.out[i].number == rig.out[i - 1].number;
	assert_int_equal(rig.count, FRAMES + twice);
	assert_about(twice, FRAMES * .05, .1);
	close_wire();
}

static void test_reorder(void **)
{
	unsigned early = 0;

	open_wire((struct impair_settings){.delay = 10 * MSEC, .reorder = 20000});
	put_many(FRAMES, 60, MSEC / 10);
	run_until(rig.now + 10 * MSEC);
	assert_int_equal(rig.count, FRAMES);
	for (unsigned i = 0; i < rig.count; i++)
		early += rig.out[i].at == NOW + rig.out[i].number * (MSEC / 10);
	assert_about(early, FRAMES * .02, .1);
	assert_true(count_overtaken() > early); /* each overtakes the 100 that travel */
	close_wire();
}

static unsigned bits_out_until(nsec then)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < rig.count && rig.out[i].at <= then; i++)
		bits += rig.out[i].len * 8;
	return (unsigned)bits;
}

static void test_rate(void **)
{
	static const uint64_t rates[] = {10000000, 100000000, 1000000000};

	for (unsigned r = 0; r < ARRAY_SIZE(rates); r++) {
		nsec between = (nsec)(WIRE_LEN * 8 * NSEC_PER_SEC / (nsec)rates[r] / 2);

		open_wire((struct impair_settings){.rate = rates[r]});
		while (rig.now < NOW + NSEC_PER_SEC) /* twice what it takes */
			put_many(1, WIRE_LEN, between);
		for (unsigned part = 1; part <= 10; part++)
			assert_about(bits_out_until(NOW + part * 100 * MSEC),
				(double)rates[r] * part / 10, .03);
		assert_true(rig.lost[DROP_QUEUE_FULL] > 0);
		close_wire();
	}
}

/* What waits is bounded by time: 100 ms, or one frame of 64 KiB. */
/* However short frames are, somebody is woken 5000 times a second at most. */
static void test_releases_together(void **)
{
	unsigned runs = 0;

	open_wire((struct impair_settings){.rate = 100000000});
	for (unsigned i = 0; i < 5000; i++)
		put(i, 100);
	for (run(); rig.next != NSEC_NEVER; runs++) {
		rig.now = rig.next;
		run();
	}
	assert_int_equal(rig.count, 5000);
	assert_in_range(runs, 190, 210); /* of 40 ms */
	close_wire();
}

static void test_rate_queue(void **)
{
	open_wire((struct impair_settings){.rate = 100000000});
	for (unsigned i = 0; i < 2000; i++)
		put(i, WIRE_LEN);
	run_until(NOW + NSEC_PER_SEC);
	assert_in_range(rig.out[rig.count - 1].at, NOW + 100 * MSEC, NOW + 101 * MSEC);
	assert_int_equal(rig.count + rig.lost[DROP_QUEUE_FULL], 2000);
	close_wire();
	open_wire((struct impair_settings){.rate = 64000});
	for (unsigned i = 0; i < 43; i++)
		put(i, WIRE_LEN);
	assert_int_equal(rig.lost[DROP_QUEUE_FULL], 0);
	close_wire();
}

/* Below half a gigabit it is the frame on the wire that takes turns; above, time is right. */
static void test_rate_of_super_frames(void **)
{
	open_wire((struct impair_settings){.rate = 100000000});
	put_super_frame();
	run_until(NOW + NSEC_PER_SEC);
	assert_int_equal(rig.count, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(rig.out[i].len, WIRE_LEN);
		assert_late(rig.out[i].at, NOW + (i + 1) * WIRE_LEN * 80);
	}
	close_wire();
	open_wire((struct impair_settings){.rate = 1000000000});
	put_super_frame();
	run_until(NOW + NSEC_PER_SEC);
	assert_int_equal(rig.count, 1);
	assert_int_equal(rig.out[0].at, NOW + 10 * WIRE_LEN * 8);
	close_wire();
}

static void test_loss_within_super_frames(void **)
{
	open_wire((struct impair_settings){.loss = 300000});
	for (unsigned i = 0; i < 1000; i++) {
		put_super_frame();
		run();
	}
	assert_about(rig.count, 7000, .05);
	assert_int_equal(rig.count + rig.lost[DROP_IMPAIRED], 10000);
	close_wire();
}

static void test_malformed(void **)
{
	struct frame frame = super_frame();

	open_wire((struct impair_settings){.loss = 1});
	frame.offload.kind = SEGMENT_TCP6;
	impair_take(&rig.wire, &frame, 1, rig.now);
	frame.offload.kind = 0xff;
	impair_take(&rig.wire, &frame, 1, rig.now);
	assert_int_equal(rig.lost[DROP_MALFORMED], 10 + 1);
	run();
	assert_int_equal(rig.count, 0);
	close_wire();
}

static void test_memory_is_bounded(void **)
{
	unsigned count = 2 * IMPAIR_BYTES_MAX / WIRE_LEN;

	open_wire((struct impair_settings){.delay = NSEC_PER_SEC, .duplicate = IMPAIR_ALWAYS});
	for (unsigned i = 0; i < count; i++)
		put(i, WIRE_LEN);
	assert_in_range(rig.wire.bytes, IMPAIR_BYTES_MAX - 2 * WIRE_LEN, IMPAIR_BYTES_MAX);
	run_until(NOW + NSEC_PER_SEC);
	assert_int_equal((rig.count + 1) / 2 + rig.lost[DROP_QUEUE_FULL], count);
	assert_int_equal(rig.wire.bytes, 0);
	close_wire();
}

static void test_change(void **)
{
	struct impair_settings good = {0}, faster = {.rate = 100000000};

	open_wire((struct impair_settings){.delay = 10 * NSEC_PER_SEC});
	put(0, 60);
	run();
	impair_change(&rig.wire, &good, rig.now);
	put(1, 60);
	run();
	assert_int_equal(rig.count, 2);
	assert_int_equal(rig.out[0].number, 0);
	close_wire();

	open_wire((struct impair_settings){.rate = 1000000, .delay = NSEC_PER_SEC});
	for (unsigned i = 0; i < 8; i++)
		put(i, WIRE_LEN);
	rig.now += 40 * MSEC; /* three are sent and travel */
	run();
	impair_change(&rig.wire, &faster, rig.now);
	run();
	assert_int_equal(rig.count, 3);
	put(8, WIRE_LEN);
	run_until(NOW + NSEC_PER_SEC);
	assert_int_equal(rig.count, 9);
	assert_late(rig.out[8].at, NOW + 40 * MSEC + 6 * WIRE_LEN * 80);
	assert_int_equal(count_overtaken(), 0);
	close_wire();
}

/* A slower wire does not hold back longer what was put on the faster one. */
static void test_change_to_slower(void **)
{
	struct impair_settings slower = {.rate = 1000000};

	open_wire((struct impair_settings){.delay = 100 * MSEC});
	for (unsigned i = 0; i < 1000; i++)
		put(i, WIRE_LEN);
	impair_change(&rig.wire, &slower, rig.now);
	put(1000, WIRE_LEN);
	run_until(NOW + 100 * MSEC);
	assert_int_equal(rig.count, 1001);
	close_wire();
}

static void test_clear(void **)
{
	open_wire((struct impair_settings){.delay = MSEC, .reorder = 500000, .rate = 1000000});
	for (unsigned i = 0; i < 20; i++)
		put(i, WIRE_LEN);
	impair_clear(&rig.wire, DROP_LINK_DOWN);
	assert_int_equal(rig.lost[DROP_LINK_DOWN], 20);
	run();
	assert_int_equal(rig.count, 0);
	assert_int_equal(rig.next, NSEC_NEVER);
	close_wire();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_wire),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_jitter_keeps_order),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_same_seed_same_fate),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_releases_together),
		cmocka_unit_test(test_rate_queue),
		cmocka_unit_test(test_rate_of_super_frames),
		cmocka_unit_test(test_loss_within_super_frames),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_change_to_slower),
		cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
