/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port over one end of a pair of stream sockets; the other end plays QEMU. */
#include "port/stream.h"

#include "port/frame_queue.h"
#include "port/stage.h"
#include "port/stream_input.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>

static void plug_stream(int fd)
{
	const struct port_settings settings = stage_settings();

	plug(stream_port_new(stage.loop, fd, &settings));
}

static int set_up(void **)
{
	int ends[2], size = 1 << 20;

	if (set_up_hub() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends))
		return -1;
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	stage.guest = ends[0];
	plug_stream(ends[1]);
	return 0;
}

/* A pair over TCP. */
static int set_up_tcp(void **)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);

	stage.guest = -1;
	if (set_up_hub() || bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) ||
		getsockname(listener, (struct sockaddr *)&at, &len))
		return -1;
	stage.guest = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(stage.guest, (struct sockaddr *)&at, len))
		return -1;
	fcntl(stage.guest, F_SETFL, O_NONBLOCK);
	plug_stream(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
	close(listener);
	return 0;
}

/* Writes a length and a frame of that many bytes that ends with `last`. */
static size_t compose(uint8_t *out, uint32_t len, uint8_t last)
{
	const struct eth_header header = {OTHER, GUEST, __builtin_bswap16(0x88b5)};

	store_be32(out, len);
	memset(out + 4, 0, len);
	memcpy(out + 4, &header, MIN(sizeof(header), len));
	if (len > sizeof(header))
		out[4 + len - 1] = last;
	return 4 + len;
}

static void guest_writes(const void *bytes, size_t len)
{
	assert_int_equal(send(stage.guest, bytes, len, MSG_NOSIGNAL), len);
}

static void guest_sends(uint32_t len, uint8_t last)
{
	static uint8_t bytes[4 + STREAM_FRAME_MAX + 1];

	guest_writes(bytes, compose(bytes, len, last));
}

static void other_says(uint32_t len, uint8_t last)
{
	static uint8_t bytes[4 + STREAM_FRAME_MAX];
	const struct eth_header header = {GUEST, OTHER, __builtin_bswap16(0x88b5)};
	struct frame frame = frame_linear(bytes + 4, len);

	compose(bytes, len, last);
	memcpy(bytes + 4, &header, sizeof(header));
	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
}

static void test_frames_come_in_batches(void **)
{
	static uint8_t bytes[100000];
	size_t len = 0;

	for (unsigned i = 0; i < 300; i++)
		len += compose(bytes + len, 100 + i, (uint8_t)i);
	guest_writes(bytes, len);
	run_until_seen(300);
	assert_int_equal(other.batches, 2); /* one read, 256 at a time */
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(other.lens[i], 100 + i);
		assert_int_equal(other.lasts[i], (uint8_t)i);
	}
	assert_int_equal(stage.port->in.frames, 300);
	assert_ptr_equal(hub_lookup(stage.hub, GUEST, loop_now(stage.loop)), stage.port);
}

/* Two frames in three pieces, cut at each two places there are, lengths included. */
static void test_frames_cut_anywhere(void **)
{
	uint8_t bytes[100];
	size_t len = compose(bytes, 20, 1);

	len += compose(bytes + len, 30, 2);
	for (size_t i = 0; i < len * len; i++) {
		size_t first = i / len, second = i % len;

		if (!first || second <= first)
			continue;
		other.frames = 0;
		guest_writes(bytes, first);
		turn();
		guest_writes(bytes + first, second - first);
		turn();
		guest_writes(bytes + second, len - second);
		run_until_seen(2);
		assert_int_equal(other.lens[0], 20);
		assert_int_equal(other.lasts[0], 1);
		assert_int_equal(other.lens[1], 30);
		assert_int_equal(other.lasts[1], 2);
	}
}

static void test_frames_byte_by_byte(void **)
{
	uint8_t bytes[200];
	size_t len = compose(bytes, 60, 1);

	len += compose(bytes + len, 70, 2);
	for (size_t i = 0; i < len; i++) {
		guest_writes(bytes + i, 1);
		turn();
	}
	assert_int_equal(other.frames, 2);
	assert_int_equal(other.lasts[1], 2);
}

static void test_the_largest_frames(void **)
{
	other.port.mtu = 0;
	guest_sends(ETH_FRAME_MAX, 7);
	guest_sends(ETH_FRAME_MAX + 1, 8);
	guest_sends(STREAM_FRAME_MAX, 9);
	guest_sends(60, 10);
	run_until_seen(2);
	assert_int_equal(other.lens[0], ETH_FRAME_MAX);
	assert_int_equal(other.lasts[0], 7);
	assert_int_equal(other.lasts[1], 10);
	assert_int_equal(stage.port->in.drops[DROP_GIANT], 2);
}

static void test_a_runt_is_counted(void **)
{
	guest_sends(1, 0);
	guest_sends(13, 0);
	guest_sends(14, 0);
	run_until_seen(1);
	assert_int_equal(stage.port->in.drops[DROP_RUNT], 2);
	assert_int_equal(other.lens[0], 14);
}

static void expect_bad_length(uint32_t len, const char *why)
{
	uint8_t bytes[4];

	guest_sends(60, 1);
	store_be32(bytes, len);
	guest_writes(bytes, sizeof(bytes));
	run();
	assert_int_equal(other.frames, 1); /* what came before counts */
	assert_string_equal(stage.gone, why);
	assert_int_equal(stage.gone_count, 1);
	assert_null(hub_find(stage.hub, "guest"));
}

static void test_a_length_that_is_too_large(void **)
{
	expect_bad_length(
		UINT32_MAX, "a frame of 4294967295 bytes was announced; 1 to 69632 are taken");
}

static void test_a_length_just_too_large(void **)
{
	expect_bad_length(
		STREAM_FRAME_MAX + 1, "a frame of 69633 bytes was announced; 1 to 69632 are taken");
}

static void test_a_length_of_zero(void **)
{
	expect_bad_length(0, "a frame of 0 bytes was announced; 1 to 69632 are taken");
}

static void test_the_other_side_closes(void **)
{
	guest_sends(60, 1);
	close(stage.guest);
	stage.guest = -1;
	run();
	assert_int_equal(other.frames, 1);
	assert_string_equal(stage.gone, "the other side closed the connection");
	assert_int_equal(stage.gone_count, 1);
}

static void test_it_closes_in_the_middle_of_a_frame(void **)
{
	guest_writes((uint8_t[]){0, 0, 0, 60, 1, 2, 3}, 7);
	turn();
	close(stage.guest);
	stage.guest = -1;
	run();
	assert_int_equal(other.frames, 0);
	assert_string_equal(stage.gone, "the other side closed the connection");
}

/* Seen first when something is sent. */
static void test_a_closed_socket_is_told_at_the_end_of_the_turn(void **)
{
	close(stage.guest);
	stage.guest = -1;
	other_says(60, 1);
	assert_int_equal(stage.gone_count, 0);
	assert_int_equal(stage.port->out.drops[DROP_LINK_DOWN], 1);
	other_says(60, 1);
	assert_int_equal(stage.port->out.drops[DROP_LINK_DOWN], 2);
	run();
	assert_string_equal(stage.gone, "Broken pipe");
	assert_int_equal(stage.gone_count, 1);
}

static void test_a_reset_is_told(void **)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(stage.guest, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(stage.guest);
	stage.guest = -1;
	run();
	assert_string_equal(stage.gone, "Connection reset by peer");
}

/* Reads exactly len bytes, letting the loop run when there are fewer. */
static void guest_reads(uint8_t *out, size_t len)
{
	for (unsigned tries = 0; len; tries++) {
		ssize_t got = recv(stage.guest, out, len, 0);

		assert_in_range(tries, 0, 1000000);
		if (got <= 0) {
			assert_int_equal(errno, EAGAIN);
			turn();
			continue;
		}
		out += got;
		len -= (size_t)got;
	}
}

/* Returns its last byte. */
static uint8_t guest_reads_frame(uint32_t len)
{
	static uint8_t bytes[4 + STREAM_FRAME_MAX];

	guest_reads(bytes, 4);
	assert_int_equal(load_be32(bytes), len);
	guest_reads(bytes + 4, len);
	assert_memory_equal(bytes + 4, &GUEST, sizeof(GUEST));
	return bytes[4 + len - 1];
}

static void test_a_run_leaves_together(void **)
{
	static uint8_t bytes[300][1024];
	const struct eth_header header = {GUEST, OTHER, 0};
	struct frame frames[300];

	for (unsigned i = 0; i < 300; i++) {
		memcpy(bytes[i], &header, sizeof(header));
		frames[i] = frame_linear(bytes[i], 14 + 3 * i);
		bytes[i][14 + 3 * i - 1] = (uint8_t)i;
	}
	hub_receive(&other.port, frames, 300, loop_now(stage.loop));
	for (unsigned i = 1; i < 300; i++) {
		if (i == 1)
			guest_reads_frame(14);
		assert_int_equal(guest_reads_frame(14 + 3 * i), (uint8_t)i);
	}
	assert_int_equal(stage.port->out.frames, 300);
}

static void test_a_frame_in_parts_leaves_whole(void **)
{
	const struct eth_header header = {GUEST, OTHER, 0};
	uint8_t head[FRAME_HEAD_MIN] = {0}, rest[300], got[600];
	struct iovec body[3] = {{"one,", 4}, {rest, 0}, {"three", 5}};
	struct frame frame = {.head = head,
		.head_len = sizeof(head),
		.len = sizeof(head) + 9,
		.body = body,
		.body_count = 3};

	memcpy(head, &header, sizeof(header));
	memset(rest, '2', sizeof(rest));
	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
	body[1].iov_len = sizeof(rest);
	frame.len += sizeof(rest);
	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
	guest_reads(got, 4 + sizeof(head) + 9);
	assert_memory_equal(got + 4 + sizeof(head), "one,three", 9);
	guest_reads(got, 4 + sizeof(head) + 309);
	assert_int_equal(load_be32(got), sizeof(head) + 309);
	assert_memory_equal(got + 4 + sizeof(head) + 3, ",2", 2);
	assert_memory_equal(got + 4 + sizeof(head) + 303, "2three", 6);
}

/* A guest that does not read: what it gets at last is whole frames in order, up to the first that
 * found no room. */
static void stick(uint32_t len)
{
	unsigned sent = 0;

	while (!stage.port->out.drops[DROP_QUEUE_FULL]) {
		other_says(len, (uint8_t)sent++);
		assert_in_range(sent, 1, 1000000);
	}
	assert_in_range((uint64_t)(sent - 1) * (len + 4), FRAME_QUEUE_SIZE - len - 4,
		FRAME_QUEUE_SIZE + (4 << 20));
	turn();
	assert_int_equal(stage.gone_count, 0);
	for (unsigned i = 0; i < sent - 1; i++)
		assert_int_equal(guest_reads_frame(len), (uint8_t)i);
	turn();
	other_says(61, 99);
	assert_int_equal(guest_reads_frame(61), 99);
	assert_int_equal(stage.port->out.drops[DROP_QUEUE_FULL], 1);
	assert_int_equal(stage.port->out.frames, sent + 1);
}

static void test_a_stuck_guest_loses_whole_frames(void **)
{
	stick(1514);
}

static void test_a_stuck_guest_of_small_frames(void **)
{
	stick(60);
}

/* The largest frames are the likeliest to be cut by a full socket. */
static void test_a_stuck_guest_of_large_frames(void **)
{
	stage.port->mtu = 0;
	stick(65001);
}

static void test_a_stuck_guest_that_goes(void **)
{
	while (!stage.port->out.drops[DROP_QUEUE_FULL])
		other_says(1514, 1);
	close(stage.guest);
	stage.guest = -1;
	run();
	assert_int_equal(stage.gone_count, 1);
}

static void test_a_stuck_guest_is_still_heard(void **)
{
	while (!stage.port->out.drops[DROP_QUEUE_FULL])
		other_says(1514, 1);
	guest_sends(60, 5);
	run_until_seen(1);
	assert_int_equal(other.lasts[0], 5);
}

static void test_the_loop_sleeps_once_the_queue_is_empty(void **)
{
	unsigned sent = 0;

	while (!stage.port->out.drops[DROP_QUEUE_FULL]) {
		other_says(1514, 1);
		sent++;
	}
	while (--sent)
		guest_reads_frame(1514);
	expect_sleep();
}

static void test_a_file_is_no_socket(void **)
{
	struct port_settings settings = {.name = "guest2"};
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	assert_null(stream_port_new(stage.loop, fd, &settings));
	assert_int_equal(errno, EPERM); /* epoll has no use for such a file */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_tcp_does_not_wait(void **)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int on = 0;

	other_says(60, 3);
	assert_int_equal(guest_reads_frame(60), 3);
	guest_sends(1514, 4);
	run_until_seen(1);
	assert_int_equal(other.lasts[0], 4);
	/* The port's descriptor is the one that is connected to the guest's. */
	assert_int_equal(getsockname(stage.guest, (struct sockaddr *)&at, &len), 0);
	for (int fd = 0; fd < 64; fd++) {
		struct sockaddr_in to;

		len = sizeof(to);
		if (getpeername(fd, (struct sockaddr *)&to, &len) ||
			memcmp(&to.sin_port, &at.sin_port, 2))
			continue;
		len = sizeof(on);
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
		assert_true(on);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
		assert_true(on);
		return;
	}
	fail();
}

#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TCP_TEST(name)	cmocka_unit_test_setup_teardown(name, set_up_tcp, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_frames_come_in_batches),
		PORT_TEST(test_frames_cut_anywhere),
		PORT_TEST(test_frames_byte_by_byte),
		PORT_TEST(test_the_largest_frames),
		PORT_TEST(test_a_runt_is_counted),
		PORT_TEST(test_a_length_that_is_too_large),
		PORT_TEST(test_a_length_just_too_large),
		PORT_TEST(test_a_length_of_zero),
		PORT_TEST(test_the_other_side_closes),
		PORT_TEST(test_it_closes_in_the_middle_of_a_frame),
		PORT_TEST(test_a_closed_socket_is_told_at_the_end_of_the_turn),
		PORT_TEST(test_a_run_leaves_together),
		PORT_TEST(test_a_frame_in_parts_leaves_whole),
		PORT_TEST(test_a_stuck_guest_loses_whole_frames),
		PORT_TEST(test_a_stuck_guest_of_small_frames),
		PORT_TEST(test_a_stuck_guest_of_large_frames),
		PORT_TEST(test_a_stuck_guest_that_goes),
		PORT_TEST(test_a_stuck_guest_is_still_heard),
		PORT_TEST(test_the_loop_sleeps_once_the_queue_is_empty),
		PORT_TEST(test_a_file_is_no_socket),
		TCP_TEST(test_tcp_does_not_wait),
		TCP_TEST(test_a_reset_is_told),
		TCP_TEST(test_a_stuck_guest_loses_whole_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
