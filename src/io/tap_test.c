/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TAPs and netlink together: each is how the other's work is seen. */
#include "base/bytes.h"
#include "io/tap.h"
#include "wire/eth.h"
#include "wire/vnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static const struct mac GUEST_MAC = {{0x02, 0, 0, 0, 0, 0x17}};

static struct netlink *netlink;
static struct error error;

static int set_up(void **)
{
	error = (struct error){0};
	return netlink_open(&netlink, &error);
}

static int tear_down(void **)
{
	netlink_close(netlink);
	return 0;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix parsed;

	assert_true(prefix_parse(text, &parsed));
	return parsed;
}

static struct tap open_named(const char *name)
{
	struct tap_settings settings = {0};
	struct tap tap;

	snprintf(settings.name, sizeof(settings.name), "%s", name);
	assert_int_equal(tap_open(&settings, &tap, &error), 0);
	return tap;
}

static void test_interface_is_as_asked(void **)
{
	const struct ip_prefix addresses[] = {prefix("192.168.7.1/24"), prefix("fd00:7::1/64")};
	const struct tap_settings settings = {.name = "lan7",
		.mac = GUEST_MAC,
		.mtu = 1400,
		.addresses = addresses,
		.address_count = ARRAY_SIZE(addresses)};
	struct link_info link;
	struct tap tap;

	assert_int_equal(tap_open(&settings, &tap, &error), 0);
	assert_string_equal(tap.name, "lan7");
	assert_true(mac_equal(tap.mac, GUEST_MAC));
	assert_true(fcntl(tap.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(tap.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(netlink_find_link(netlink, "lan7", &link, &error), 0);
	assert_true(mac_equal(link.mac, GUEST_MAC));
	assert_int_equal(link.mtu, 1400);
	assert_int_equal(link.queue_len, TAP_QUEUE_LEN);
	assert_true(link.is_up);
	tap_close(&tap);
	tap_close(&tap);
	assert_int_equal(netlink_find_link(netlink, "lan7", &link, &error), -ENODEV);
	assert_string_equal(error.text, "there is no interface 'lan7'");
}

static void test_refused_in_words(void **)
{
	struct tap tap = open_named("lan7");
	struct tap_settings settings = {.name = "lan7"};
	struct tap second;

	assert_int_equal(tap_open(&settings, &second, &error), -EBUSY);
	assert_string_equal(error.text, "interface 'lan7' exists already");
	error = (struct error){0};
	strcpy(settings.name, "a/b");
	assert_int_equal(tap_open(&settings, &second, &error), -EINVAL);
	error = (struct error){0};
	strcpy(settings.name, "lan8");
	settings.mtu = 20;
	assert_int_equal(tap_open(&settings, &second, &error), -EINVAL);
	assert_non_null(strstr(error.text, "interface 'lan8': setting it up"));
	tap_close(&tap);
}

/* Reads frames until one has the ethertype; the kernel has its own to send on a new interface. */
static ssize_t read_of_type(int fd, uint16_t type, uint8_t *buffer, size_t size)
{
	for (int tries = 0; tries < 100; tries++) {
		ssize_t len = read(fd, buffer, size);

		if (len < 0)
			usleep(1000);
		else if (load_be16(buffer + VNET_HEADER_LEN + 12) == type)
			return len;
	}
	return -1;
}

static void test_frames_have_the_header(void **)
{
	const struct ip_prefix address = prefix("192.168.7.1/24");
	const struct tap_settings settings = {
		.name = "lan7", .addresses = &address, .address_count = 1};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0xc0a807ff)}};
	const int yes = 1;
	uint8_t buffer[2000];
	struct offload offload;
	struct tap tap;
	ssize_t len;
	int fd;

	assert_int_equal(tap_open(&settings, &tap, &error), 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	len = read_of_type(tap.fd, ETHERTYPE_IP4, buffer, sizeof(buffer));
	assert_int_equal(len, VNET_HEADER_LEN + ETH_HEADER_LEN + 20 + 8 + 5);
	assert_true(vnet_read(buffer, (uint32_t)len - VNET_HEADER_LEN, &offload));
	assert_true(offload.needs_checksum);
	assert_int_equal(offload.checksum_start, ETH_HEADER_LEN + 20);
	assert_memory_equal(buffer + len - 5, "hello", 5);
	close(fd);
	tap_close(&tap);
}

static void test_adopts_what_was_made_elsewhere(void **)
{
	struct tap made = open_named("eth0"), adopted;

	assert_int_equal(tap_adopt(dup(made.fd), &adopted, &error), 0);
	assert_string_equal(adopted.name, "eth0");
	assert_true(mac_equal(adopted.mac, made.mac));
	assert_int_equal(adopted.has_udp_segments, made.has_udp_segments);
	assert_true(fcntl(adopted.fd, F_GETFD) & FD_CLOEXEC);
	tap_close(&made);
	assert_int_equal(netlink_find_link(netlink, "eth0", &(struct link_info){0}, &error), 0);
	tap_close(&adopted);
}

static void assert_not_adopted(int fd, const char *sentence)
{
	struct tap tap;

	error = (struct error){0};
	assert_int_equal(tap_adopt(fd, &tap, &error), -EINVAL);
	assert_non_null(strstr(error.text, sentence));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_adopts_nothing_else(void **)
{
	struct ifreq request = {.ifr_name = "plain0", .ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd;

	assert_not_adopted(open("/dev/null", O_RDWR), "is not a TAP");
	assert_not_adopted(open("/dev/net/tun", O_RDWR), "is not a TAP");
	fd = open("/dev/net/tun", O_RDWR);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	assert_not_adopted(fd, "interface 'plain0': the descriptor needs");
}

static bool uses(
	const struct used_subnet *subnets, size_t count, const char *network, const char *name)
{
	struct ip_prefix wanted = prefix(network);

	for (size_t i = 0; i < count; i++) {
		if (prefix_contains(&wanted, subnets[i].prefix.address) &&
			subnets[i].prefix.len == wanted.len && !strcmp(subnets[i].interface, name))
			return true;
	}
	return false;
}

static void add_route(const char *name, const char *to, const char *via)
{
	const struct ip_prefix network = prefix(to);
	struct ip gateway;

	assert_true(ip_parse(via, &gateway));
	assert_int_equal(netlink_add_route(netlink, name, &network, gateway, &error), 0);
}

static void test_subnets_in_use(void **)
{
	const struct ip_prefix address = prefix("192.168.7.1/24"),
			       address6 = prefix("fd00:7::1/64");
	struct tap tap = open_named("lan7");
	struct used_subnet *subnets;
	struct link_change up = {.up = true};
	size_t count;

	assert_int_equal(netlink_change_link(netlink, "lo", &up, &error), 0);
	assert_int_equal(netlink_used_subnets(netlink, &subnets, &count, &error), 0);
	assert_int_equal(count, 0);
	free(subnets);
	assert_int_equal(netlink_add_address(netlink, "lan7", &address, &error), 0);
	assert_int_equal(netlink_add_address(netlink, "lan7", &address, &error), 0);
	assert_int_equal(netlink_add_address(netlink, "lan7", &address6, &error), 0);
	add_route("lan7", "0.0.0.0/0", "192.168.7.254");
	add_route("lan7", "10.7.0.0/16", "192.168.7.254");
	assert_int_equal(netlink_used_subnets(netlink, &subnets, &count, &error), 0);
	assert_true(uses(subnets, count, "192.168.7.0/24", "lan7"));
	assert_true(uses(subnets, count, "fd00:7::/64", "lan7"));
	assert_true(uses(subnets, count, "10.7.0.0/16", "lan7"));
	for (size_t i = 0; i < count; i++)
		assert_true(subnets[i].prefix.len > 0);
	free(subnets);
	assert_int_equal(netlink_delete_address(netlink, "lan7", &address, &error), 0);
	assert_int_equal(netlink_delete_address(netlink, "lan7", &address6, &error), 0);
	assert_int_equal(netlink_used_subnets(netlink, &subnets, &count, &error), 0);
	assert_int_equal(count, 0);
	free(subnets);
	assert_int_equal(netlink_delete_address(netlink, "lan7", &address, &error), -EADDRNOTAVAIL);
	assert_non_null(strstr(error.text, "192.168.7.1/24: interface 'lan7': deleting"));
	tap_close(&tap);
}

static void test_routes_of_both_families(void **)
{
	const struct ip_prefix address6 = prefix("fd00:7::2/64"), everywhere = prefix("0.0.0.0/0");
	struct tap tap = open_named("eth0");
	struct ip gateway;

	assert_int_equal(netlink_add_address(netlink, "eth0", &address6, &error), 0);
	add_route("eth0", "::/0", "fd00:7::1");
	add_route("eth0", "::/0", "fd00:7::1");
	add_route("eth0", "10.1.2.3/32", "0.0.0.0");
	assert_true(ip_parse("10.1.2.4", &gateway));
	assert_int_equal(
		netlink_add_route(netlink, "eth0", &everywhere, gateway, &error), -ENETUNREACH);
	assert_non_null(strstr(error.text, "0.0.0.0/0: interface 'eth0': adding a route"));
	tap_close(&tap);
}

static void test_deleting_takes_the_interface_away(void **)
{
	struct tap tap = open_named("lan7");
	char byte;

	assert_int_equal(netlink_delete_link(netlink, "lan7", &error), 0);
	assert_int_equal(read(tap.fd, &byte, 1), -1);
	assert_int_equal(errno, EBADFD);
	assert_int_equal(netlink_delete_link(netlink, "lan7", &error), -ENODEV);
	tap_close(&tap);
}

static bool has_carrier(const char *name)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GLINK};
	struct ifreq request = {.ifr_data = (void *)&value};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCETHTOOL, &request), 0);
	close(fd);
	return value.data;
}

static void test_carrier(void **)
{
	struct tap tap = open_named("lan7");

	assert_true(has_carrier("lan7"));
	tap_set_carrier(&tap, false);
	assert_false(has_carrier("lan7"));
	tap_set_carrier(&tap, true);
	assert_true(has_carrier("lan7"));
	tap_close(&tap);
}

#define TAP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A network namespace that nothing but the descriptor keeps. */
static int new_netns(void)
{
	int made, home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(home >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	made = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	return made;
}

static void test_ends_with_its_namespace(void **)
{
	struct tap_settings settings = {.name = "eth0", .mac = GUEST_MAC, .mtu = 1400};
	struct tap tap, another;
	struct pollfd polled;
	int netns = new_netns();
	uint8_t frame[2000];
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", netns);
	settings.netns = path;
	assert_int_equal(tap_open(&settings, &tap, &error), 0);
	assert_string_equal(tap.name, "eth0");
	assert_true(mac_equal(tap.mac, GUEST_MAC));
	assert_int_equal(tap_open(&settings, &another, &error), -EBUSY);
	assert_string_equal(error.text, "interface 'eth0' exists already");
	assert_int_equal(if_nametoindex("eth0"), 0);

	polled = (struct pollfd){.fd = tap.fd, .events = POLLIN};
	close(netns);
	do /* the interface's own frames come first */
		assert_int_equal(poll(&polled, 1, 5000), 1);
	while (read(tap.fd, frame, sizeof(frame)) > 0 || errno == EAGAIN);
	assert_int_equal(errno, EBADFD);
	tap_close(&tap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TAP_TEST(test_interface_is_as_asked),
		TAP_TEST(test_refused_in_words),
		TAP_TEST(test_frames_have_the_header),
		TAP_TEST(test_adopts_what_was_made_elsewhere),
		TAP_TEST(test_adopts_nothing_else),
		TAP_TEST(test_subnets_in_use),
		TAP_TEST(test_routes_of_both_families),
		TAP_TEST(test_deleting_takes_the_interface_away),
		TAP_TEST(test_carrier),
		TAP_TEST(test_ends_with_its_namespace),
	};

	if ((unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) ||
		access("/dev/net/tun", R_OK | W_OK)) {
		puts("skipped: may not make network namespaces or TAPs");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
