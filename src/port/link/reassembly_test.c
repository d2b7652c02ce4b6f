/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LEN  5000
#define SIZE 1400

static uint8_t bytes[LEN];

static const uint8_t *add(
	struct reassembly *r, unsigned number, uint32_t offset, nsec now, uint32_t *len)
{
	struct link_header header = {.flags = LINK_FRAGMENT,
		.number = (uint16_t)number,
		.offset = offset,
		.len = (uint16_t)(LEN - offset < SIZE ? LEN - offset : SIZE),
		.is_last = LEN - offset <= SIZE};

	return reassembly_add(r, &header, bytes + offset, now, len);
}

static void setup(struct reassembly *r)
{
	reassembly_init(r);
	for (unsigned i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
}

static void in_any_order(void **)
{
	static const uint32_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
	struct reassembly r;
	uint32_t len;

	setup(&r);
	for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
		const uint8_t *whole = NULL;

		for (unsigned j = 0; j < 4; j++) {
			assert_null(whole);
			whole = add(&r, i, orders[i][j] * SIZE, 0, &len);
		}
		assert_non_null(whole);
		assert_int_equal(len, LEN);
		assert_memory_equal(whole, bytes, LEN);
	}
	assert_int_equal(r.lost, 0);
	reassembly_done(&r);
	assert_int_equal(r.bytes, 0);
}

/* A piece that is there twice, or overlaps, ends its frame. */
static void refuses_overlap(void **)
{
	struct reassembly r;
	uint32_t len;

	setup(&r);
	assert_null(add(&r, 1, 0, 0, &len));
	assert_null(add(&r, 1, 1398, 0, &len));
	assert_int_equal(r.lost, 1);
	assert_int_equal(r.count, 0);
	assert_null(add(&r, 2, 4200, 0, &len));
	assert_null(add(&r, 2, 4200, 0, &len));
	assert_int_equal(r.lost, 2);
	reassembly_done(&r);
}

static void gives_up_what_is_old(void **)
{
	struct reassembly r;
	uint32_t len;

	setup(&r);
	for (uint32_t i = 0; i < 3; i++)
		assert_null(add(&r, 1, i * SIZE, 0, &len));
	assert_null(add(&r, 1, 3 * SIZE, REASSEMBLY_AGE + 1, &len));
	assert_int_equal(r.lost, 1);
	reassembly_done(&r);
}

/* However many are begun, and however long they say they are. */
static void is_bounded(void **)
{
	static const uint8_t zeros[65535];
	struct link_header header = {.flags = LINK_FRAGMENT, .len = 30000, .offset = 30000};
	struct reassembly r;
	uint32_t len;

	setup(&r);
	for (unsigned i = 0; i < 1000; i++) {
		header.number = (uint16_t)i;
		assert_null(reassembly_add(&r, &header, zeros, 0, &len));
		assert_true(r.bytes <= REASSEMBLY_BYTES_MAX && r.count <= REASSEMBLY_FRAMES_MAX);
	}
	header = (struct link_header){.flags = LINK_FRAGMENT, .len = 2};
	for (unsigned i = 0; i < 1000; i++) {
		header.number = (uint16_t)(2000 + i);
		assert_null(reassembly_add(&r, &header, zeros, 0, &len));
		assert_true(r.bytes <= REASSEMBLY_BYTES_MAX && r.count <= REASSEMBLY_FRAMES_MAX);
	}
	header.len = 65535;
	header.offset = 65534;
	assert_null(reassembly_add(&r, &header, zeros, 0, &len));
	reassembly_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_any_order),
		cmocka_unit_test(refuses_overlap),
		cmocka_unit_test(gives_up_what_is_old),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
