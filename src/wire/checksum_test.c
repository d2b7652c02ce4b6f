/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/checksum.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* RFC 1071 4.1, as slow as it is plain: the value in host order. */
static uint16_t slow_checksum(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t in_host_order(uint16_t stored)
{
	return load_be16(&stored);
}

static void fill(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)rand();
}

/* The worked example of RFC 1071 3. */
static void test_rfc1071_example(void **)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	assert_int_equal(
		in_host_order(checksum_fold(checksum_add(0, bytes, sizeof(bytes)))), 0x220d);
}

static void test_all_lengths_and_places(void **)
{
	uint8_t bytes[400];

	fill(bytes, sizeof(bytes));
	for (size_t at = 0; at < 9; at++) {
		for (size_t len = 0; at + len <= sizeof(bytes); len++) {
			uint16_t sum = checksum_fold(checksum_add(0, bytes + at, len));

			assert_int_equal(in_host_order(sum), slow_checksum(bytes + at, len));
		}
	}
}

static void test_carries_come_back(void **)
{
	enum {
		LEN = 1 << 20
	};
	uint8_t *bytes = malloc(LEN);

	memset(bytes, 0xff, LEN);
	assert_int_equal(checksum_fold(checksum_add(0, bytes, LEN)), 0);
	assert_int_equal(checksum_fold(checksum_add(0xffffffff, bytes, LEN)), 0);
	bytes[LEN - 1] = 0xfe;
	assert_int_equal(in_host_order(checksum_fold(checksum_add(0, bytes, LEN))), 1);
	free(bytes);
}

static void test_parts_add_up(void **)
{
	uint8_t bytes[600];
	uint32_t sum;

	fill(bytes, sizeof(bytes));
	sum = checksum_add(0, bytes, 20);
	sum = checksum_add(sum, bytes + 20, 100);
	sum = checksum_add(sum, bytes + 120, 33);
	assert_int_equal(in_host_order(checksum_fold(sum)), slow_checksum(bytes, 153));
}

static void test_scattered(void **)
{
	uint8_t bytes[600];

	fill(bytes, sizeof(bytes));
	for (unsigned round = 0; round < 2000; round++) {
		struct iovec parts[8];
		size_t used = 0, offset, len;

		for (unsigned i = 0; i < 8; i++) {
			size_t part = (size_t)rand() % 70;

			parts[i] = (struct iovec){bytes + used, part};
			used += part;
		}
		offset = (size_t)rand() % (used + 1);
		len = (size_t)rand() % (used - offset + 1);
		assert_int_equal(
			in_host_order(checksum_fold(checksum_add_iov(0, parts, 8, offset, len))),
			slow_checksum(bytes + offset, len));
	}
}

static void test_pseudo_header(void **)
{
	static const uint8_t v4[] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0x12, 0x34};
	uint8_t v6[40] = {0xfd, [15] = 1, [16] = 0xfd, [31] = 2, [32] = 0, 1, 2, 3, [39] = 58};

	assert_int_equal(in_host_order(checksum_fold(checksum_pseudo(
				 ip_from_bytes4(v4), ip_from_bytes4(v4 + 4), 17, 0x1234))),
		slow_checksum(v4, sizeof(v4)));
	assert_int_equal(in_host_order(checksum_fold(checksum_pseudo(
				 ip_from_bytes6(v6), ip_from_bytes6(v6 + 16), 58, 0x00010203))),
		slow_checksum(v6, sizeof(v6)));
}

static void test_update(void **)
{
	uint8_t bytes[64];
	uint16_t stored, updated;

	for (unsigned round = 0; round < 2000; round++) {
		uint8_t old[8];
		size_t at = (size_t)rand() % 28 * 2, len = (size_t)rand() % 5 * 2;

		fill(bytes, sizeof(bytes));
		if (round % 4 == 0)
			memset(bytes + at, round % 8 ? 0xff : 0, 8);
		stored = checksum_fold(checksum_add(0, bytes, sizeof(bytes)));
		memcpy(old, bytes + at, 8);
		fill(bytes + at, len);
		updated = checksum_update(stored, old, bytes + at, len);
		assert_int_equal(in_host_order(updated), slow_checksum(bytes, sizeof(bytes)));
	}
}

/* RFC 1624 3: where equation 2 of RFC 1141 goes wrong. */
static void test_rfc1624_example(void **)
{
	uint16_t stored, from, to, updated;

	store_be16(&stored, 0xdd2f);
	store_be16(&from, 0x5555);
	store_be16(&to, 0x3285);
	updated = checksum_update(stored, &from, &to, 2);
	assert_int_equal(in_host_order(updated), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071_example),
		cmocka_unit_test(test_all_lengths_and_places),
		cmocka_unit_test(test_carries_come_back),
		cmocka_unit_test(test_parts_add_up),
		cmocka_unit_test(test_scattered),
		cmocka_unit_test(test_pseudo_header),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_rfc1624_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
