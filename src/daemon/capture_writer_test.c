/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture_writer.h"

#include "daemon/capture_ring.h"
#include "hub/fake_port.h"

#include <errno.h>

#define RING_SIZE 8192

static void on_wake(struct task *)
{
}

static struct task wake = {.run = on_wake}; /* of the reader: queued or not is what is asked */

/* A hub with three ports that know each other, and a capture of it. */
struct fixture {
	struct loop *loop;
	struct hub *hub;
	struct fake *f[3];
	struct capture_writer *writer;
	char text[4096];
};

static void begin(struct fixture *fixture, unsigned slot, const char *filter)
{
	struct capture_settings settings = {.slot = slot, .filter = filter, .wake = &wake};
	struct error error = {0};

	*fixture = (struct fixture){.loop = loop_new(), .hub = open_hub()};
	fixture->f[0] = plug(fixture->hub, "a");
	fixture->f[1] = plug(fixture->hub, "b");
	fixture->f[2] = plug(fixture->hub, "c");
	introduce(fixture->f, 3);
	settings.loop = fixture->loop;
	settings.ring_size = RING_SIZE;
	assert_int_equal(capture_writer_new(&settings, &fixture->writer, &error), 0);
	capture_writer_start(fixture->writer, fixture->hub);
}

static void end(struct fixture *fixture)
{
	capture_writer_free(fixture->writer);
	hub_free(fixture->hub);
	loop_undefer(fixture->loop, &wake);
	loop_free(fixture->loop);
}

static uint32_t u32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint16_t u16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static void say(struct fixture *fixture, const char *format, ...)
{
	size_t used = strlen(fixture->text);
	va_list args;

	va_start(args, format);
	vsnprintf(fixture->text + used, sizeof(fixture->text) - used, format, args);
	va_end(args);
}

/* "[comment]", "<" in, ">" out, "-N" lost before it. */
static void say_options(struct fixture *fixture, const uint8_t *at)
{
	for (; u16(at); at += 4 + ((u16(at + 2) + 3) & ~3)) {
		if (u16(at) == 1)
			say(fixture, "[%.*s]", (int)u16(at + 2), at + 4);
		else if (u16(at) == 2)
			say(fixture, "%s", u32(at + 4) == 1 ? "<" : ">");
		else if (u16(at) == 4)
			say(fixture, "-%u", u32(at + 4));
	}
}

static void say_block(struct fixture *fixture, const uint8_t *block)
{
	uint32_t padded;

	switch (u32(block)) {
	case 1:
		padded = (u16(block + 18) + 3u) & ~3u;
		say(fixture, "I(%.*s, %.*s) ", (int)u16(block + 18), block + 20,
			(int)u16(block + 22 + padded), block + 24 + padded);
		break;
	case 5:
		say(fixture, "T(%u %u-%u) ", u32(block + 8), u32(block + 24), u32(block + 36));
		break;
	case 6:
		padded = (u32(block + 20) + 3) & ~3u;
		say(fixture, "P(%u", u32(block + 8));
		say_options(fixture, block + 28 + padded);
		say(fixture, ") ");
		break;
	default:
		assert_int_equal(u32(block), 0x0a0d0d0a);
		say(fixture, "S ");
	}
}

/* The blocks as text: section, interface, packet, statistics. */
static const char *read_blocks(struct fixture *fixture)
{
	struct capture_ring *ring = capture_writer_ring(fixture->writer);
	const uint8_t *block;
	size_t left;

	fixture->text[0] = '\0';
	while ((left = capture_ring_peek(ring, &block))) {
		uint32_t len = u32(block + 4);

		assert_in_range(len, 12, left);
		assert_int_equal(u32(block + len - 4), len);
		say_block(fixture, block);
		capture_ring_consume(ring, len);
	}
	return fixture->text;
}

static void test_whole_hub(void **)
{
	struct fixture t;

	begin(&t, HUB_PORTS_MAX, " ");
	receive(t.f[0], frame_of(0xff, 1), NOW);
	receive(t.f[1], frame_of(1, 2), NOW);
	receive(t.f[0], frame_of(1, 1), NOW);
	t.f[1]->drops = DROP_QUEUE_FULL;
	receive(t.f[0], frame_of(2, 1), NOW);
	assert_string_equal(read_blocks(&t),
		"S I(hub8.0, a (fake)) P(0<) I(hub8.1, b (fake)) P(1<) "
		"P(0<) P(0[dropped: hairpin]) "
		"P(0<) P(1[dropped: queue_full]) ");
	capture_writer_stop(t.writer);
	assert_string_equal(read_blocks(&t), "T(0 4-0) T(1 2-0) ");
	receive(t.f[0], frame_of(0xff, 1), NOW);
	assert_string_equal(read_blocks(&t), "");
	end(&t);
}

static void test_one_port(void **)
{
	struct fixture t;

	begin(&t, 1, NULL);
	receive(t.f[0], frame_of(0xff, 1), NOW);
	receive(t.f[1], frame_of(1, 2), NOW);
	receive(t.f[0], frame_of(3, 1), NOW);
	assert_string_equal(read_blocks(&t), "S I(hub8.1, b (fake)) P(0>) P(0<) ");
	capture_writer_stop(t.writer);
	end(&t);
}

/* The slot's next port is another interface. */
static void test_another_port_in_the_slot(void **)
{
	struct fixture t;

	begin(&t, HUB_PORTS_MAX, NULL);
	receive(t.f[2], frame_of(0xff, 3), NOW);
	hub_detach(&t.f[2]->port);
	fake_free(&t.f[2]->port);
	t.f[2] = calloc(1, sizeof(*t.f[2]));
	t.f[2]->port.ops = &fake_ops;
	t.f[2]->drops = DROP_COUNT;
	assert_int_equal(hub_attach(t.hub, &t.f[2]->port, NOW + 1), 0);
	receive(t.f[2], frame_of(0xff, 3), NOW);
	assert_string_equal(
		read_blocks(&t), "S I(hub8.2, c (fake)) P(0<) I(hub8.2, fake2 (fake)) P(1<) ");
	capture_writer_stop(t.writer);
	end(&t);
}

static void test_filter(void **)
{
	struct fixture t;

	begin(&t, HUB_PORTS_MAX, "ether dst 02:00:00:00:00:02");
	receive(t.f[0], frame_of(0xff, 1), NOW);
	receive(t.f[0], frame_of(2, 1), NOW);
	receive(t.f[0], frame_of(3, 1), NOW);
	assert_string_equal(read_blocks(&t), "S I(hub8.0, a (fake)) P(0<) ");
	capture_writer_stop(t.writer);
	end(&t);
}

/* A filter that looks past the head, and a frame in pieces. */
static void test_pieces(void **)
{
	uint8_t bytes[600] = {[300] = 0xaa, [599] = 0xbb};
	const struct iovec body[] = {{bytes + 200, 100}, {bytes + 300, 300}};
	struct frame frame = {bytes, 200, 600, body, 2, {0}};
	struct eth_header eth = {mac_of(2), mac_of(1), 0};
	const uint8_t *ring;
	struct fixture t;

	memcpy(bytes, &eth, sizeof(eth));
	begin(&t, HUB_PORTS_MAX, "ether[300] = 0xaa and ether[599] = 0xbb");
	read_blocks(&t);
	receive(t.f[0], frame, NOW);
	assert_true(capture_ring_peek(capture_writer_ring(t.writer), &ring) > 600);
	assert_int_equal(u32(ring), 1);
	ring += u32(ring + 4);
	assert_int_equal(u32(ring + 20), 600);
	assert_memory_equal(ring + 28, bytes, 600);
	bytes[599] = 0;
	read_blocks(&t);
	receive(t.f[0], frame, NOW);
	assert_string_equal(read_blocks(&t), "");
	capture_writer_stop(t.writer);
	end(&t);
}

static void test_bad_filter(void **)
{
	const struct capture_settings settings = {
		.filter = "not a filter", .ring_size = RING_SIZE, .wake = &wake};
	struct capture_writer *writer = NULL;
	struct error error = {0};

	assert_int_equal(capture_writer_new(&settings, &writer, &error), -EINVAL);
	assert_null(writer);
	assert_non_null(strstr(error.text, "filter 'not a filter': "));
	assert_true(strlen(error.text) > strlen("filter 'not a filter': "));
}

/* What there is no room for is counted, and said with the next frame that there is room for. */
static void test_loss(void **)
{
	struct fixture t;
	char wanted[64];
	unsigned written = 0;

	begin(&t, HUB_PORTS_MAX, NULL);
	for (unsigned i = 0; i < 100; i++)
		receive(t.f[0], frame_of(2, 1), NOW);
	assert_true(capture_writer_lost(t.writer) > 0);
	for (const char *at = read_blocks(&t); (at = strstr(at, "P(0<) ")); at++)
		written++;
	assert_int_equal(written + capture_writer_lost(t.writer), 100);
	receive(t.f[0], frame_of(2, 1), NOW);
	receive(t.f[0], frame_of(2, 1), NOW);
	snprintf(wanted, sizeof(wanted), "P(0<-%u) P(0<) ", 100 - written);
	assert_string_equal(read_blocks(&t), wanted);
	snprintf(wanted, sizeof(wanted), "T(0 102-%u) ", 100 - written);
	capture_writer_tell(t.writer);
	assert_string_equal(read_blocks(&t), wanted);
	capture_writer_stop(t.writer);
	end(&t);
}

/* No room even for the interface: its frames are counted when there is. */
static void test_loss_before_the_interface(void **)
{
	struct fixture t;

	begin(&t, HUB_PORTS_MAX, NULL);
	for (unsigned i = 0; i < 100; i++)
		receive(t.f[0], frame_of(2, 1), NOW);
	receive(t.f[2], frame_of(2, 3), NOW);
	read_blocks(&t);
	receive(t.f[2], frame_of(2, 3), NOW);
	assert_string_equal(read_blocks(&t), "I(hub8.2, c (fake)) P(1<-1) ");
	capture_writer_stop(t.writer);
	end(&t);
}

/* The reader is woken when it rests, not for each frame. */
static void test_wakes_the_reader(void **)
{
	struct fixture t;

	begin(&t, HUB_PORTS_MAX, NULL);
	assert_true(wake.is_queued); /* the section */
	loop_undefer(t.loop, &wake);
	receive(t.f[0], frame_of(2, 1), NOW);
	assert_false(wake.is_queued);
	read_blocks(&t);
	assert_true(capture_ring_rest(capture_writer_ring(t.writer)));
	receive(t.f[0], frame_of(2, 1), NOW);
	assert_true(wake.is_queued);
	loop_undefer(t.loop, &wake);
	capture_writer_stop(t.writer);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_hub),
		cmocka_unit_test(test_one_port),
		cmocka_unit_test(test_another_port_in_the_slot),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_bad_filter),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_loss_before_the_interface),
		cmocka_unit_test(test_wakes_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
