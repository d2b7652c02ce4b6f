/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_read(void **)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct reader r = reader_on(bytes, sizeof(bytes));
	uint8_t copy[2];

	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_be16(&r), 0x0203);
	assert_int_equal(read_be32(&r), 0x04050607);
	read_copy(&r, copy, 2);
	assert_memory_equal(copy, bytes + 7, 2);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.failed);
}

static void test_read_past_the_end_sticks(void **)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct reader r = reader_on(bytes, sizeof(bytes));
	uint8_t copy[4] = {9, 9, 9, 9};

	assert_int_equal(read_be32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(read_u8(&r), 0); /* although one is there */
	assert_int_equal(reader_left(&r), 0);
	assert_null(read_bytes(&r, 0));
	read_copy(&r, copy, 4);
	assert_memory_equal(copy, "\0\0\0\0", 4);
}

static void test_read_part(void **)
{
	static const uint8_t bytes[] = {1, 2, 3, 4};
	struct reader r = reader_on(bytes, sizeof(bytes)), part = read_part(&r, 2);

	assert_int_equal(read_be16(&part), 0x0102);
	assert_int_equal(read_u8(&part), 0);
	assert_true(part.failed);
	assert_int_equal(read_be16(&r), 0x0304);
	assert_false(r.failed);
	part = read_part(&r, 1);
	assert_true(part.failed && r.failed);
}

static void test_write(void **)
{
	static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 0, 0, 0xaa, 0xbb};
	uint8_t bytes[11];
	struct writer w = writer_on(bytes, sizeof(bytes));

	write_u8(&w, 1);
	write_be16(&w, 0x0203);
	write_be32(&w, 0x04050607);
	write_zeros(&w, 2);
	write_bytes(&w, "\xaa\xbb", 2);
	assert_false(w.failed);
	assert_int_equal(writer_len(&w), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void test_write_past_the_end_sticks(void **)
{
	uint8_t bytes[4] = {9, 9, 9, 9};
	struct writer w = writer_on(bytes, 3);

	write_be16(&w, 0x0102);
	write_be16(&w, 0x0304);
	assert_true(w.failed);
	write_u8(&w, 5);
	assert_null(write_room(&w, 1));
	assert_int_equal(writer_len(&w), 2);
	assert_memory_equal(bytes, "\x01\x02\x09\x09", 4);
}

static void test_load_and_store(void **)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t out[4];

	assert_int_equal(load_be16(bytes + 1), 0x0203);
	assert_int_equal(load_be32(bytes + 1), 0x02030405);
	assert_int_equal(load_be64(bytes), 0x0102030405060708);
	store_be16(out, 0x0102);
	assert_memory_equal(out, bytes, 2);
	store_be32(out, 0x01020304);
	assert_memory_equal(out, bytes, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_past_the_end_sticks),
		cmocka_unit_test(test_read_part),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_past_the_end_sticks),
		cmocka_unit_test(test_load_and_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
