/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port over one end of a pair of datagram sockets; the other end plays the guest. */
#include "port/datagram.h"

#include "port/frame_queue.h"
#include "port/stage.h"

#include <fcntl.h>
#include <sys/un.h>

static void plug_datagram(int fd)
{
	const struct port_settings settings = stage_settings();

	plug(datagram_port_new_connected(stage.loop, fd, &settings));
}

static int set_up(void **)
{
	int ends[2];

	if (set_up_hub() || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends))
		return -1;
	stage.guest = ends[0];
	plug_datagram(ends[1]);
	return 0;
}

static struct sockaddr_un name_of(const char *which)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/lanyard-datagram-test-%d-%s", getpid(),
		which);
	return name;
}

static int bound(const char *which)
{
	struct sockaddr_un name = name_of(which);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	unlink(name.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

/* As QEMU does: a name of its own, and each datagram sent to ours. Such a guest's queue is as short
 * as net.unix.max_dgram_qlen, and full before our buffer is. */
static int set_up_named(void **)
{
	struct sockaddr_un name = name_of("guest");
	int fd;

	stage.guest = -1;
	if (set_up_hub())
		return -1;
	stage.guest = bound("guest");
	fd = bound("ours");
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)))
		return -1;
	plug_datagram(fd);
	return 0;
}

static int tear_down_named(void **state)
{
	unlink(name_of("guest").sun_path);
	unlink(name_of("ours").sun_path);
	return tear_down(state);
}

static void compose(uint8_t *out, uint32_t len, uint8_t last, struct mac to, struct mac from)
{
	const struct eth_header header = {to, from, __builtin_bswap16(0x88b5)};

	memset(out, 0, len);
	memcpy(out, &header, MIN(sizeof(header), len));
	if (len > sizeof(header))
		out[len - 1] = last;
}

static void guest_sends(uint32_t len, uint8_t last)
{
	static uint8_t bytes[70000];

	compose(bytes, len, last, OTHER, GUEST);
	assert_int_equal(send(stage.guest, bytes, len, 0), len);
}

static void other_says(uint32_t len, uint8_t last)
{
	static uint8_t bytes[70000];
	struct frame frame = frame_linear(bytes, len);

	compose(bytes, len, last, GUEST, OTHER);
	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
}

/* Returns its last byte, letting the loop run until there is one. */
static uint8_t guest_reads_frame(uint32_t len)
{
	static uint8_t bytes[70000];
	ssize_t got;

	for (unsigned tries = 0; tries < 1000000; tries++) {
		got = recv(stage.guest, bytes, sizeof(bytes), 0);
		if (got >= 0) {
			assert_int_equal(got, len);
			return bytes[len - 1];
		}
		assert_int_equal(errno, EAGAIN);
		turn();
	}
	fail_msg("no frame");
	return 0;
}

static void test_frames_come_in_batches(void **)
{
	for (unsigned i = 0; i < 80; i++)
		guest_sends(100 + i, (uint8_t)i);
	run_until_seen(80);
	assert_int_equal(other.batches, 3); /* 32 at a time */
	for (unsigned i = 0; i < 80; i++) {
		assert_int_equal(other.lens[i], 100 + i);
		assert_int_equal(other.lasts[i], (uint8_t)i);
	}
	assert_int_equal(stage.port->in.frames, 80);
}

static void test_lengths(void **)
{
	int size = 1 << 20;

	setsockopt(stage.guest, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	other.port.mtu = 0;
	guest_sends(0, 0);
	guest_sends(13, 0);
	guest_sends(14, 0);
	guest_sends(ETH_FRAME_MAX, 7);
	guest_sends(ETH_FRAME_MAX + 1, 8);
	guest_sends(70000, 9);
	guest_sends(60, 10);
	run_until_seen(3);
	assert_int_equal(other.lens[0], 14);
	assert_int_equal(other.lens[1], ETH_FRAME_MAX);
	assert_int_equal(other.lasts[1], 7);
	assert_int_equal(other.lasts[2], 10);
	assert_int_equal(stage.port->in.drops[DROP_RUNT], 2);
	assert_int_equal(stage.port->in.drops[DROP_GIANT], 2);
}

static void test_a_greeting_is_no_runt(void **)
{
	assert_int_equal(send(stage.guest, "VFKT", 4, 0), 4);
	assert_int_equal(send(stage.guest, "ABCD", 4, 0), 4);
	turn();
	assert_int_equal(stage.port->in.drops[DROP_RUNT], 1);
}

/* Descriptors that come with a frame are not kept. */
static void test_descriptors_are_refused(void **)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec part = {(uint8_t[60]){2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, 60};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int before = dup(0);

	close(before);
	memcpy(CMSG_DATA(&control.header), &stage.guest, sizeof(int));
	assert_int_equal(sendmsg(stage.guest, &message, 0), 60);
	run_until_seen(1);
	assert_int_equal(dup(0), before);
	close(before);
}

static void test_a_run_leaves_together(void **)
{
	static uint8_t bytes[150][1024];
	struct frame frames[150];
	struct iovec body[20];

	for (unsigned i = 0; i < 150; i++) {
		compose(bytes[i], 500 + i, (uint8_t)i, GUEST, OTHER);
		frames[i] = frame_linear(bytes[i], 500 + i);
	}
	/* In as many parts as there may be. */
	for (unsigned i = 0; i < 20; i++)
		body[i] = (struct iovec){bytes[7] + 192 + 10 * i, 10};
	body[19].iov_len = 500 + 7 - 192 - 190;
	frames[7] = (struct frame){
		.head = bytes[7], .head_len = 192, .len = 507, .body = body, .body_count = 20};
	hub_receive(&other.port, frames, 150, loop_now(stage.loop));
	for (unsigned i = 0; i < 150; i++)
		assert_int_equal(guest_reads_frame(500 + i), (uint8_t)i);
	assert_int_equal(stage.port->out.frames, 150);
}

/* What a guest gets that did not read for a while is frames in order, up to the first that found no
 * room. */
static void stick(uint32_t len)
{
	unsigned sent = 0;

	while (!stage.port->out.drops[DROP_QUEUE_FULL]) {
		other_says(len, (uint8_t)sent++);
		assert_in_range(sent, 1, 1000000);
	}
	assert_in_range((uint64_t)(sent - 1) * (len + 4), FRAME_QUEUE_SIZE - len - 4,
		FRAME_QUEUE_SIZE + (8 << 20));
	expect_sleep();
	for (unsigned i = 0; i < sent - 1; i++)
		assert_int_equal(guest_reads_frame(len), (uint8_t)i);
	expect_sleep();
	other_says(61, 99);
	assert_int_equal(guest_reads_frame(61), 99);
	assert_int_equal(stage.port->out.drops[DROP_QUEUE_FULL], 1);
	assert_int_equal(stage.gone_count, 0);
}

static void test_a_stuck_guest_loses_frames(void **)
{
	stick(1514);
}

static void test_a_stuck_guest_of_small_frames(void **)
{
	stick(60);
}

static void test_a_stuck_guest_is_still_heard(void **)
{
	while (!stage.port->out.drops[DROP_QUEUE_FULL])
		other_says(1514, 1);
	guest_sends(60, 5);
	run_until_seen(1);
	assert_int_equal(other.lasts[0], 5);
}

/* A socket whose buffer is too small for it. */
static void test_a_frame_that_the_kernel_refuses(void **)
{
	int size = 0;

	/* Both ends of the pair are ours; the port's is the next one. */
	assert_int_equal(
		setsockopt(stage.guest + 1, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	stage.port->mtu = 0;
	other_says(60000, 1);
	assert_int_equal(stage.port->out.drops[DROP_IO], 1);
	other_says(60, 2);
	assert_int_equal(guest_reads_frame(60), 2);
}

static void test_a_closed_socket_is_told(void **)
{
	close(stage.guest);
	stage.guest = -1;
	other_says(60, 1);
	assert_int_equal(stage.gone_count, 0);
	assert_int_equal(stage.port->out.drops[DROP_LINK_DOWN], 1);
	run();
	assert_string_equal(stage.gone, "the other side closed its socket");
	assert_int_equal(stage.gone_count, 1);
}

static void test_a_stuck_guest_that_goes(void **)
{
	while (!stage.port->out.drops[DROP_QUEUE_FULL])
		other_says(1514, 1);
	close(stage.guest);
	stage.guest = -1;
	other_says(1514, 1);
	run();
	assert_string_equal(stage.gone, "the other side closed its socket");
}

static void test_a_guest_that_shuts_its_ear(void **)
{
	shutdown(stage.guest, SHUT_RD);
	other_says(60, 1);
	run();
	assert_string_equal(stage.gone, "the other side closed its socket");
}

static void test_a_guest_that_listens_to_another(void **)
{
	struct sockaddr_un name = name_of("another");
	int another = bound("another");

	assert_int_equal(connect(stage.guest, (struct sockaddr *)&name, sizeof(name)), 0);
	other_says(60, 1);
	run();
	assert_string_equal(stage.gone, "Operation not permitted");
	close(another);
	unlink(name.sun_path);
}

static void test_a_file_is_no_socket(void **)
{
	struct port_settings settings = {.name = "guest2"};
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	assert_null(datagram_port_new_connected(stage.loop, fd, &settings));
	assert_int_equal(errno, EPERM); /* epoll has no use for such a file */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define PORT_TEST(name)	 cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define NAMED_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_named, tear_down_named)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_frames_come_in_batches),
		PORT_TEST(test_lengths),
		PORT_TEST(test_a_greeting_is_no_runt),
		PORT_TEST(test_descriptors_are_refused),
		PORT_TEST(test_a_run_leaves_together),
		PORT_TEST(test_a_stuck_guest_loses_frames),
		PORT_TEST(test_a_stuck_guest_of_small_frames),
		PORT_TEST(test_a_stuck_guest_is_still_heard),
		PORT_TEST(test_a_frame_that_the_kernel_refuses),
		PORT_TEST(test_a_closed_socket_is_told),
		PORT_TEST(test_a_stuck_guest_that_goes),
		PORT_TEST(test_a_guest_that_shuts_its_ear),
		PORT_TEST(test_a_file_is_no_socket),
		NAMED_TEST(test_a_run_leaves_together),
		NAMED_TEST(test_a_stuck_guest_loses_frames),
		NAMED_TEST(test_a_stuck_guest_of_small_frames),
		NAMED_TEST(test_a_closed_socket_is_told),
		NAMED_TEST(test_a_stuck_guest_that_goes),
		NAMED_TEST(test_a_guest_that_listens_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
