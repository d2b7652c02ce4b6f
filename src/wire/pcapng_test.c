/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/pcapng.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define OF_SIXTEEN(v) (uint8_t)(v), (uint8_t)((v) >> 8)
#define OF_LONG(v)    OF_SIXTEEN(v), (uint8_t)((v) >> 16), (uint8_t)((v) >> 24)

static uint8_t bytes[1024];

/* What was written is these bytes; they are those of a little-endian machine. */
static void assert_written(const struct writer *w, const uint8_t *golden, size_t len)
{
	assert_false(w->failed);
	assert_int_equal(writer_len(w), len);
	assert_memory_equal(bytes, golden, len);
}

static void test_section(void **)
{
	static const uint8_t golden[] = {OF_LONG(0x0a0d0d0a), OF_LONG(40), OF_LONG(0x1a2b3c4d),
		OF_SIXTEEN(1), OF_SIXTEEN(0), OF_LONG(0xffffffff), OF_LONG(0xffffffff),
		OF_SIXTEEN(4), OF_SIXTEEN(3), 'a', 'b', 'c', 0, OF_SIXTEEN(0), OF_SIXTEEN(0),
		OF_LONG(40)};
	struct writer w = writer_on(bytes, PCAPNG_SECTION_ROOM);

	pcapng_write_section(&w, "abc");
	assert_written(&w, golden, sizeof(golden));
}

static void test_interface(void **)
{
	static const uint8_t golden[] = {OF_LONG(1), OF_LONG(64), OF_SIXTEEN(1), OF_SIXTEEN(0),
		OF_LONG(0), OF_SIXTEEN(2), OF_SIXTEEN(6), 'h', 'u', 'b', '8', '.', '3', 0, 0,
		OF_SIXTEEN(3), OF_SIXTEEN(4), 'r', 'e', 'd', '!', OF_SIXTEEN(9), OF_SIXTEEN(1), 9,
		0, 0, 0, OF_SIXTEEN(11), OF_SIXTEEN(5), 0, 'i', 'c', 'm', 'p', 0, 0, 0,
		OF_SIXTEEN(0), OF_SIXTEEN(0), OF_LONG(64)};
	struct writer w = writer_on(bytes, sizeof(bytes));

	pcapng_write_interface(&w, &(struct pcapng_interface){"hub8.3", "red!", .filter = "icmp"});
	assert_written(&w, golden, sizeof(golden));
}

static void test_packet(void **)
{
	static const uint8_t golden[] = {OF_LONG(6), OF_LONG(72), OF_LONG(7), OF_LONG(0x01234567),
		OF_LONG(0x89abcdef), OF_LONG(5), OF_LONG(99), 1, 2, 3, 4, 5, 0, 0, 0, OF_SIXTEEN(1),
		OF_SIXTEEN(2), 'n', 'o', 0, 0, OF_SIXTEEN(2), OF_SIXTEEN(4), OF_LONG(2),
		OF_SIXTEEN(4), OF_SIXTEEN(8), OF_LONG(3), OF_LONG(0), OF_SIXTEEN(0), OF_SIXTEEN(0),
		OF_LONG(72)};
	const struct pcapng_packet packet = {
		.interface = 7,
		.time = 0x0123456789abcdef,
		.captured_len = 5,
		.len = 99,
		.direction = PCAPNG_OUTBOUND,
		.lost = 3,
		.comment = "no",
	};
	struct writer w = writer_on(bytes, sizeof(bytes));
	uint8_t *frame = pcapng_write_packet(&w, &packet);

	assert_ptr_equal(frame, bytes + 28);
	memcpy(frame, "\1\2\3\4\5", 5);
	assert_written(&w, golden, sizeof(golden));
}

static void test_statistics(void **)
{
	static const uint8_t golden[] = {OF_LONG(5), OF_LONG(52), OF_LONG(1), OF_LONG(2),
		OF_LONG(3), OF_SIXTEEN(4), OF_SIXTEEN(8), OF_LONG(4), OF_LONG(0), OF_SIXTEEN(5),
		OF_SIXTEEN(8), OF_LONG(5), OF_LONG(0), OF_SIXTEEN(0), OF_SIXTEEN(0), OF_LONG(52)};
	struct writer w = writer_on(bytes, PCAPNG_STATISTICS_ROOM);

	pcapng_write_statistics(
		&w, &(struct pcapng_statistics){1, (uint64_t)2 << 32 | 3, .received = 4, 5});
	assert_written(&w, golden, sizeof(golden));
}

/* All there is to say of a packet fits in the room that is promised, and one byte less fails. */
static void test_room(void **)
{
	const struct pcapng_packet packet = {
		.captured_len = 61,
		.direction = PCAPNG_INBOUND,
		.lost = 1,
		.comment = "a comment of 20 byte",
	};
	struct writer w = writer_on(bytes, PCAPNG_PACKET_ROOM + 61 + 20);
	size_t len;

	assert_non_null(pcapng_write_packet(&w, &packet));
	len = writer_len(&w);
	for (size_t size = 0; size < len; size++) {
		w = writer_on(bytes, size);
		assert_null(pcapng_write_packet(&w, &packet));
		assert_true(w.failed);
	}
	w = writer_on(bytes, PCAPNG_INTERFACE_ROOM);
	pcapng_write_interface(&w, &(struct pcapng_interface){"", "", ""});
	assert_false(w.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
