/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two sockets on a loopback of their own. */
#include "io/udp.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const addresses[] = {"127.0.0.1", "::1"};
static uint8_t sent[UDP_BATCH_LEN], got[UDP_BATCH_LEN];

static struct endpoint endpoint_of(const char *ip, uint16_t port)
{
	struct endpoint endpoint = {.port = port};

	assert_true(ip_parse(ip, &endpoint.ip));
	return endpoint;
}

static void open_everywhere(struct udp *udp)
{
	const struct endpoint everywhere = {0};
	struct error error = {0};

	assert_int_equal(udp_open(udp, &everywhere, &error), 0);
}

static void wait_for(const struct udp *udp)
{
	struct pollfd poll_fd = {udp->fd, POLLIN, 0};

	assert_int_equal(poll(&poll_fd, 1, 10000), 1);
}

static void fill_sent(void)
{
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 31 >> 3);
}

/* Reads until as much has come, and returns in how many calls. */
static unsigned receive_all(const struct udp *udp, const char *from, size_t len, size_t segment_len)
{
	unsigned calls = 0;

	for (size_t done = 0; done < len; calls++) {
		struct endpoint sender;
		size_t segment;
		ssize_t part;

		wait_for(udp);
		part = udp_read(udp, got + done, sizeof(got) - done, &sender, &segment);
		assert_true(part > 0);
		done += (size_t)part;
		assert_true(segment == segment_len || done == len);
		assert_true(ip_equal(sender.ip, endpoint_of(from, 0).ip));
	}
	assert_memory_equal(got, sent, len);
	return calls;
}

static void test_many_in_one_call(void **)
{
	for (unsigned i = 0; i < 2; i++) {
		struct udp a, b;
		struct endpoint to;

		open_everywhere(&a);
		open_everywhere(&b);
		to = endpoint_of(addresses[i], udp_port(&b));
		assert_int_equal(udp_send(&a, &to, sent, 64000, 1000, false), 0);
		assert_true(a.may_cut);
		assert_in_range(receive_all(&b, addresses[i], 64000, 1000), 1, 4);
		assert_int_equal(udp_send(&a, &to, sent, 2500, 1000, false), 0);
		receive_all(&b, addresses[i], 2500, 1000);
		assert_int_equal(udp_send(&a, &to, sent, 999, 999, false), 0);
		receive_all(&b, addresses[i], 999, 999);
		udp_close(&a);
		udp_close(&b);
	}
}

static void test_without_cutting(void **)
{
	struct endpoint to;
	struct udp a, b;

	open_everywhere(&a);
	open_everywhere(&b);
	a.may_cut = false;
	to = endpoint_of("127.0.0.1", udp_port(&b));
	assert_int_equal(udp_send(&a, &to, sent, 2500, 1000, false), 0);
	receive_all(&b, "127.0.0.1", 2500, 1000);
	udp_close(&a);
	udp_close(&b);
}

static void set_mtu(int mtu)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_mtu = mtu};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFMTU, &request), 0);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static bool has_loopback;

static void test_longer_than_the_path(void **)
{
	struct endpoint to, from;
	size_t segment;
	struct udp a, b;

	if (!has_loopback)
		skip();
	open_everywhere(&a);
	open_everywhere(&b);
	to = endpoint_of("127.0.0.1", udp_port(&b));
	set_mtu(1280);
	assert_int_equal(udp_send(&a, &to, sent, 4200, 1400, false), 0); /* in fragments */
	receive_all(&b, "127.0.0.1", 4200, 1400);
	assert_true(a.may_cut);
	/* Whole: what is too long does not leave, the rest does. */
	assert_int_equal(udp_send(&a, &to, sent, 3000, 1400, true), 2);
	assert_int_equal(errno, EMSGSIZE);
	wait_for(&b);
	assert_int_equal(udp_read(&b, got, sizeof(got), &from, &segment), 200);
	assert_int_equal(udp_send(&a, &to, sent, 1252, 1252, true), 0);
	receive_all(&b, "127.0.0.1", 1252, 1252);
	assert_int_equal(udp_send(&a, &to, sent, 1253, 1253, true), 1);
	assert_int_equal(udp_send(&a, &to, sent, 4200, 1400, false), 0);
	receive_all(&b, "127.0.0.1", 4200, 1400);
	set_mtu(65536);
	udp_close(&a);
	udp_close(&b);
}

static void test_refusals_are_counted(void **)
{
	const struct endpoint nowhere = endpoint_of("240.0.0.1", 9);
	struct udp udp;

	open_everywhere(&udp);
	assert_int_equal(udp_send(&udp, &nowhere, sent, 2500, 1000, false), 3);
	assert_true(errno == ENETUNREACH || errno == EINVAL);
	udp_close(&udp);
}

static void test_a_port_that_is_taken(void **)
{
	struct endpoint at = endpoint_of("127.0.0.1", 0);
	struct error error = {0};
	struct udp a, b;
	char expected[64];

	assert_int_equal(udp_open(&a, &at, &error), 0);
	at.port = udp_port(&a);
	assert_int_equal(udp_open(&b, &at, &error), -EADDRINUSE);
	snprintf(expected, sizeof(expected), "UDP 127.0.0.1:%u: Address already in use", at.port);
	assert_string_equal(error.text, expected);
	udp_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_in_one_call),
		cmocka_unit_test(test_without_cutting),
		cmocka_unit_test(test_longer_than_the_path),
		cmocka_unit_test(test_refusals_are_counted),
		cmocka_unit_test(test_a_port_that_is_taken),
	};

	has_loopback = !unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET);
	if (has_loopback)
		set_mtu(65536);
	fill_sent();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
