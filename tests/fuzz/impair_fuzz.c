/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wire that is changed, filled, run and cleared in any order, with frames whose offload fields
 * are anything: no frame is held beyond the limit, none comes before its time, none is forgotten.
 */
#include "hub/impair.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct impair wire;
static uint64_t out, lost;
static nsec now;

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void on_release(struct impair *, const struct frame *frames, unsigned count, nsec when)
{
	require(when == now);
	for (unsigned i = 0; i < count; i++) {
		require(frames[i].len && frames[i].head_len == frames[i].len);
		out++;
	}
}

static void on_lose(struct impair *, enum drop reason, const struct frame *)
{
	require(reason < DROP_COUNT);
	lost++;
}

static void change(struct reader *r)
{
	struct impair_settings settings = {.delay = read_be16(r) * NSEC_PER_MSEC,
		.loss = read_be16(r) * 16u,
		.duplicate = read_be16(r) * 16u,
		.reorder = read_be16(r) * 16u,
		.rate = (uint64_t)read_be16(r) << read_u8(r) % 24};

	settings.jitter = settings.delay ? read_be16(r) * NSEC_PER_MSEC % settings.delay : 0;
	impair_change(&wire, &settings, now);
}

static void put(struct reader *r)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	uint32_t wanted = read_be16(r), len = MAX(wanted, ETH_HEADER_LEN);
	uint32_t head_len = MIN(len, 80);
	struct frame frame = frame_linear(bytes, len);
	uint8_t header[VNET_HEADER_LEN];
	uint64_t before = out + lost;

	read_copy(r, header, sizeof(header));
	read_copy(r, bytes, MIN(head_len, reader_left(r)));
	if (!vnet_read(header, len, &frame.offload))
		frame.offload = (struct offload){.kind = header[1], .segment_size = header[2]};
	for (unsigned i = read_u8(r) % 8; i; i--)
		impair_take(&wire, &frame, 1, now);
	require(before <= out + lost);
}

static void run(void)
{
	nsec next = wire.machine.run(&wire.machine, now);

	require(next > now);
	require((next == NSEC_NEVER) == !wire.bytes);
}

/* data: a seed, then what happens: a kind in one byte and its values. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_on(data, size);

	out = lost = 0;
	now = NSEC_PER_SEC;
	impair_init(&wire, read_u8(&r));
	wire.release = on_release;
	wire.lose = on_lose;
	while (reader_left(&r)) {
		switch (read_u8(&r) % 5) {
		case 0:
			change(&r);
			break;
		case 1:
			impair_clear(&wire, DROP_LINK_DOWN);
			require(!wire.bytes);
			break;
		case 2:
			now += read_be16(&r) * NSEC_PER_USEC * 100;
			run();
			break;
		default:
			put(&r);
		}
		require(wire.bytes <= IMPAIR_BYTES_MAX);
	}
	now += 30 * 86400 * NSEC_PER_SEC; /* a frame of 64 KiB takes 6 days at a bit a second */
	run();
	require(!wire.bytes);
	impair_done(&wire);
	return 0;
}
