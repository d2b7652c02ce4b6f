/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port over one end of a pair of sockets that keep messages apart, as a TAP does; the other
 * end plays the kernel. Where only the kernel will do, the last tests use a real TAP. */
#include "port/host.h"
#include "port/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define SEEN_MAX 256

static const struct mac GUEST = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac OTHER = {{0x02, 0, 0, 0, 0, 0x02}};

/* The hub's other port: remembers what came. */
static struct other {
	struct port port;
	struct offload offloads[SEEN_MAX];
	uint32_t lens[SEEN_MAX];
	unsigned frames, batches, wanted;
	uint8_t last_byte;
} other;

static struct stage {
	struct loop *loop;
	struct hub *hub;
	struct port *tap;
	int kernel;
	char gone[128];
} stage;

static void other_send(struct port *, const struct frame *frames, unsigned count)
{
	other.batches++;
	for (unsigned i = 0; i < count && other.frames < SEEN_MAX; i++) {
		other.offloads[other.frames] = frames[i].offload;
		other.lens[other.frames++] = frames[i].len;
		other.last_byte = frames[i].head[frames[i].len - 1];
	}
	if (other.frames >= other.wanted)
		loop_stop(stage.loop);
}

static void other_free(struct port *)
{
}

static const struct port_ops other_ops = {.kind = "other", .send = other_send, .free = other_free};

static void on_patience_ends(struct timer *, nsec)
{
	fail_msg("nothing came in 10 seconds");
}

/* Until loop_stop(). */
static void run(void)
{
	struct timer patience = {.on_expire = on_patience_ends};

	timer_set(stage.loop, &patience, loop_now(stage.loop) + 10 * NSEC_PER_SEC);
	loop_run(stage.loop);
	timer_cancel(stage.loop, &patience);
}

static void run_until_seen(unsigned frames)
{
	other.wanted = frames;
	run();
	other.wanted = UINT32_MAX;
}

static void on_gone(void *owner, struct port *port, const char *why)
{
	struct stage *self = owner;

	snprintf(self->gone, sizeof(self->gone), "%s", why);
	assert_ptr_equal(port, self->tap);
	hub_detach(port);
	port->ops->free(port);
	self->tap = NULL;
	loop_stop(self->loop);
}

static void plug(const struct tap *tap)
{
	struct port_settings settings = {
		.name = "guest", .mtu = 1500, .on_gone = on_gone, .owner = &stage};

	stage.tap = netns_port_new(stage.loop, tap, &settings);
	assert_non_null(stage.tap);
	assert_int_equal(hub_attach(stage.hub, stage.tap, loop_now(stage.loop)), 0);
}

static void plug_pair(void)
{
	struct tap tap = {.name = "eth0", .mac = GUEST};
	int ends[2], size = 1 << 20;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	tap.fd = ends[1];
	stage.kernel = ends[0];
	plug(&tap);
}

static int set_up(void **)
{
	static const struct hash_key key = {1, 2};

	stage = (struct stage){.loop = loop_new(), .hub = hub_new("hub0", &key), .kernel = -1};
	other = (struct other){
		.port = {.ops = &other_ops, .takes = TAKES_ALL}, .wanted = UINT32_MAX};
	if (!stage.loop || !stage.hub)
		return -1;
	return hub_attach(stage.hub, &other.port, 0);
}

static int tear_down(void **)
{
	if (stage.kernel >= 0)
		close(stage.kernel);
	hub_free(stage.hub);
	loop_free(stage.loop);
	return 0;
}

static struct eth_header header_from(struct mac from, struct mac to)
{
	return (struct eth_header){to, from, __builtin_bswap16(0x88b5)};
}

/* What the kernel hands out for a frame of len bytes that ends with `last`. */
static void kernel_sends(const struct offload *offload, uint32_t len, uint8_t last)
{
	static uint8_t message[VNET_HEADER_LEN + ETH_FRAME_MAX];
	const struct eth_header header = header_from(GUEST, OTHER);

	vnet_write(message, offload);
	memcpy(message + VNET_HEADER_LEN, &header, sizeof(header));
	message[VNET_HEADER_LEN + len - 1] = last;
	assert_int_equal(
		send(stage.kernel, message, VNET_HEADER_LEN + len, 0), VNET_HEADER_LEN + len);
}

static void test_frames_come_in_batches(void **)
{
	plug_pair();
	for (unsigned i = 0; i < 100; i++)
		kernel_sends(&(struct offload){0}, 100 + i, (uint8_t)i);
	run_until_seen(100);
	assert_int_equal(other.frames, 100);
	assert_int_equal(other.batches, 4); /* 32 at a time */
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(other.lens[i], 100 + i);
	assert_int_equal(other.last_byte, 99);
	assert_int_equal(stage.tap->in.frames, 100);
}

static void test_a_batch_of_large_frames_is_short(void **)
{
	plug_pair();
	for (unsigned i = 0; i < 12; i++)
		kernel_sends(&(struct offload){0}, 65000, (uint8_t)i);
	stage.tap->mtu = other.port.mtu = 0;
	run_until_seen(12);
	assert_int_equal(other.frames, 12);
	assert_in_range(other.batches, 2, 3);
	assert_int_equal(other.last_byte, 11);
}

static void test_offloads_travel_with_the_frame(void **)
{
	const struct offload offload = {.needs_checksum = true,
		.kind = SEGMENT_TCP4,
		.header_len = 54,
		.segment_size = 1448,
		.checksum_start = 34,
		.checksum_offset = 16};

	plug_pair();
	kernel_sends(&offload, ETH_FRAME_MAX - 4, 0xab);
	run_until_seen(1);
	assert_int_equal(other.frames, 1);
	assert_int_equal(other.lens[0], ETH_FRAME_MAX - 4);
	assert_memory_equal(&other.offloads[0], &offload, sizeof(offload));
	assert_int_equal(other.last_byte, 0xab);
}

static void test_a_header_that_lies_is_counted(void **)
{
	const struct offload offload = {
		.needs_checksum = true, .checksum_start = 5000, .checksum_offset = 16};

	plug_pair();
	kernel_sends(&offload, 100, 0);
	kernel_sends(&(struct offload){0}, 100, 0);
	run_until_seen(1);
	assert_int_equal(stage.tap->in.drops[DROP_MALFORMED], 1);
	assert_int_equal(other.frames, 1);
}

static void other_says(const struct frame *frame)
{
	hub_receive(&other.port, frame, 1, loop_now(stage.loop));
}

static void test_a_frame_in_parts_leaves_whole(void **)
{
	const struct eth_header header = header_from(OTHER, GUEST);
	struct iovec body[3] = {{"one,", 4}, {"two,", 4}, {"three", 5}};
	uint8_t head[FRAME_HEAD_MIN] = {0}, message[500];
	const struct frame frame = {.head = head,
		.head_len = sizeof(head),
		.len = sizeof(head) + 13,
		.body = body,
		.body_count = 3};

	plug_pair();
	memcpy(head, &header, sizeof(header));
	other_says(&frame);
	assert_int_equal(
		recv(stage.kernel, message, sizeof(message), 0), VNET_HEADER_LEN + frame.len);
	assert_memory_equal(message, (uint8_t[VNET_HEADER_LEN]){0}, VNET_HEADER_LEN);
	assert_memory_equal(message + VNET_HEADER_LEN, head, sizeof(head));
	assert_memory_equal(message + VNET_HEADER_LEN + sizeof(head), "one,two,three", 13);
	assert_int_equal(stage.tap->out.frames, 1);
}

static void other_says_hello(void)
{
	const struct eth_header header = header_from(OTHER, GUEST);
	uint8_t bytes[60] = {0};
	struct frame frame = frame_linear(bytes, sizeof(bytes));

	memcpy(bytes, &header, sizeof(header));
	other_says(&frame);
}

static void test_a_full_queue_is_counted(void **)
{
	plug_pair();
	for (unsigned i = 0; i < 10000; i++)
		other_says_hello();
	assert_true(stage.tap->out.drops[DROP_QUEUE_FULL] > 0);
	assert_int_equal(stage.tap->out.drops[DROP_IO], 0);
}

static void test_a_refusing_kernel_is_counted(void **)
{
	const struct tap tap = {.fd = open("/dev/full", O_RDWR | O_CLOEXEC), .name = "full"};
	struct port_settings settings = {.name = "guest"};

	assert_null(
		netns_port_new(stage.loop, &tap, &settings)); /* epoll has no use for such a file */
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(tap.fd, F_GETFD), -1);
	plug_pair();
	shutdown(stage.kernel, SHUT_RD);
	signal(SIGPIPE, SIG_IGN);
	other_says_hello();
	assert_int_equal(stage.tap->out.drops[DROP_IO], 1);
}

static void test_a_broken_descriptor_is_told_once(void **)
{
	plug_pair();
	close(stage.kernel);
	stage.kernel = -1;
	run();
	assert_string_equal(stage.gone, "interface 'eth0' was deleted");
	assert_null(stage.tap);
	assert_null(hub_find(stage.hub, "guest"));
}

static bool may_make_taps;

static void plug_real(void)
{
	const struct netns_port_settings settings = {.dev = "eth0", .mac = GUEST, .mtu = 1500};
	struct error error = {0};
	struct tap tap;

	if (!may_make_taps)
		skip();
	assert_int_equal(netns_port_open(&settings, &tap, &error), 0);
	plug(&tap);
}

static void set_interface_down(const char *name)
{
	struct ifreq request = {.ifr_flags = 0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static void test_real_port_says_what_it_is(void **)
{
	plug_real();
	assert_string_equal(stage.tap->ops->kind, "netns");
	assert_string_equal(stage.tap->interface, "eth0");
	assert_true(mac_equal(stage.tap->mac, GUEST));
	assert_int_equal(stage.tap->takes & (TAKES_CHECKSUM | TAKES_TCP4 | TAKES_TCP6),
		TAKES_CHECKSUM | TAKES_TCP4 | TAKES_TCP6);
}

/* What a program behind the interface sends. */
static void guest_sends(const char *name, uint32_t len)
{
	const struct eth_header header = header_from(GUEST, OTHER);
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	uint8_t frame[1514] = {0};

	to.sll_ifindex = (int)if_nametoindex(name);
	memcpy(frame, &header, sizeof(header));
	assert_int_equal(sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
	close(fd);
}

static bool has_seen_len(uint32_t len)
{
	for (unsigned i = 0; i < other.frames; i++) {
		if (other.lens[i] == len)
			return true;
	}
	return false; /* the kernel has frames of its own to send on a new interface */
}

static void test_real_frames_arrive(void **)
{
	plug_real();
	guest_sends("eth0", 1514);
	guest_sends("eth0", 1499);
	while (!has_seen_len(1514) || !has_seen_len(1499))
		run_until_seen(other.frames + 1);
	assert_ptr_equal(hub_lookup(stage.hub, GUEST, loop_now(stage.loop)), stage.tap);
}

static void test_an_interface_that_is_down(void **)
{
	plug_real();
	other_says_hello();
	assert_int_equal(stage.tap->out.drops[DROP_LINK_DOWN], 0);
	set_interface_down("eth0");
	other_says_hello();
	assert_int_equal(stage.tap->out.drops[DROP_LINK_DOWN], 1);
	assert_int_equal(stage.tap->out.drops[DROP_IO], 0);
}

static void test_an_interface_that_is_deleted(void **)
{
	struct error error = {0};
	struct netlink *netlink;

	plug_real();
	assert_int_equal(netlink_open(&netlink, &error), 0);
	assert_int_equal(netlink_delete_link(netlink, "eth0", &error), 0);
	netlink_close(netlink);
	run();
	assert_string_equal(stage.gone, "interface 'eth0' was deleted");
	assert_null(hub_find(stage.hub, "guest"));
}

static int first_byte_of(const char *path)
{
	FILE *file = fopen(path, "re");
	int byte = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return byte;
}

static void test_host_has_the_first_addresses(void **)
{
	struct host_port_settings settings = {.dev = "lan8", .mtu = 1400};
	struct port_settings port_settings = {.mtu = 1400};
	bool has_first = false, has_first6 = false;
	struct used_subnet *subnets;
	struct error error = {0};
	struct netlink *netlink;
	struct tap tap;
	size_t count;

	if (!may_make_taps)
		skip();
	settings.has_subnet = prefix_parse("192.168.120.0/24", &settings.subnet);
	settings.has_subnet6 = prefix_parse("fd00:8::/64", &settings.subnet6);
	assert_int_equal(host_port_open(&settings, &tap, &error), 0);
	stage.tap = host_port_new(stage.loop, &tap, &port_settings);
	assert_non_null(stage.tap);
	assert_string_equal(stage.tap->ops->kind, "host");
	assert_string_equal(stage.tap->interface, "lan8");
	assert_int_equal(netlink_open(&netlink, &error), 0);
	assert_int_equal(netlink_used_subnets(netlink, &subnets, &count, &error), 0);
	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT_SIZE];

		prefix_format(&subnets[i].prefix, text);
		has_first |= !strcmp(text, "192.168.120.1/24");
		has_first6 |= !strcmp(text, "fd00:8::1/64");
	}
	assert_true(has_first && has_first6);
	assert_int_equal(first_byte_of("/proc/sys/net/ipv6/conf/lan8/accept_ra"), '0');
	free(subnets);
	netlink_close(netlink);
	stage.tap->ops->free(stage.tap);
}

#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_frames_come_in_batches),
		PORT_TEST(test_a_batch_of_large_frames_is_short),
		PORT_TEST(test_offloads_travel_with_the_frame),
		PORT_TEST(test_a_header_that_lies_is_counted),
		PORT_TEST(test_a_frame_in_parts_leaves_whole),
		PORT_TEST(test_a_full_queue_is_counted),
		PORT_TEST(test_a_refusing_kernel_is_counted),
		PORT_TEST(test_a_broken_descriptor_is_told_once),
		PORT_TEST(test_real_port_says_what_it_is),
		PORT_TEST(test_real_frames_arrive),
		PORT_TEST(test_an_interface_that_is_down),
		PORT_TEST(test_an_interface_that_is_deleted),
		PORT_TEST(test_host_has_the_first_addresses),
	};

	may_make_taps = (!unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET)) &&
			!access("/dev/net/tun", R_OK | W_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
