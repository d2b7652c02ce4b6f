/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port on a NIC that is a TAP of a namespace of our own: what is written to the TAP's
 * descriptor comes from the wire, what is read from it went there.
 *
 *   other (the guest) ── hub ── nic port ── eth7, 10.7.0.2 ── descriptor (the wire)
 */
#include "port/nic/nic.h"

#include "base/random.h"
#include "hub/hub.h"
#include "port/nic/frame_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
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

static const struct mac NIC = {{0x02, 0, 0, 0, 0, 0xaa}};
static const struct mac VM = {{0x02, 0, 0, 0, 0x01, 0x03}};
static const struct mac HOST4 = {{0x02, 0, 0, 0, 0x02, 0x04}};
static const struct mac ROUTER = {{0x02, 0, 0, 0, 0x02, 0x01}};
static const struct mac ZERO;

#define TEST_TYPE 0x88b5
#define SEEN_MAX  64

static struct other {
	struct port port;
	struct built seen[SEEN_MAX];
	struct offload offloads[SEEN_MAX];
	uint32_t lens[SEEN_MAX];
	unsigned count;
} other;

static struct stage {
	int host_fd; /* -1: none */
	struct loop *loop;
	struct hub *hub;
	struct port *nic;
	struct tap wire;
	unsigned changes, events;
	struct built sent; /* the last frame from the wire */
	struct offload sent_offload;
	uint32_t sent_len;
} stage;

static bool may_make_taps;

static void other_send(struct port *, const struct frame *frames, unsigned count)
{
	for (unsigned i = 0; i < count && other.count < SEEN_MAX; i++) {
		struct built *built = &other.seen[other.count];

		built->len = frame_copy(&frames[i], 0, built->bytes, sizeof(built->bytes));
		other.offloads[other.count] = frames[i].offload;
		other.lens[other.count++] = frames[i].len;
	}
}

static void other_free(struct port *)
{
}

static const struct port_ops other_ops = {.kind = "other", .send = other_send, .free = other_free};

static void on_change(void *, struct port *port)
{
	assert_ptr_equal(port, stage.nic);
	stage.changes++;
}

static void on_event(void *, struct port *port, const struct translate_event *)
{
	assert_ptr_equal(port, stage.nic);
	stage.events++;
}

static void on_patience_ends(struct timer *, nsec)
{
	loop_stop(stage.loop);
}

static void run_for(nsec duration)
{
	struct timer patience = {.on_expire = on_patience_ends};

	timer_set(stage.loop, &patience, loop_now(stage.loop) + duration);
	loop_run(stage.loop);
}

/* What was sent lies in a queue by the time it was. */
static void settle(void)
{
	run_for(20 * NSEC_PER_MSEC);
}

static void make_wire(void)
{
	struct tap_settings settings = {.name = "eth7", .mac = NIC, .mtu = 1500};
	struct ip_prefix addresses[3];
	struct error error = {0};

	assert_true(prefix_parse("10.7.0.2/24", &addresses[0]));
	assert_true(prefix_parse("10.7.0.12/24", &addresses[1]));
	assert_true(prefix_parse("fd07::2/64", &addresses[2]));
	settings.addresses = addresses;
	settings.address_count = 3;
	assert_int_equal(tap_open(&settings, &stage.wire, &error), 0);
}

static void plug(const struct nic_settings *wanted, uint32_t mtu)
{
	struct nic_port_settings port_settings = {
		.port = {.name = "lan", .mtu = mtu}, .on_change = on_change, .on_event = on_event};
	struct nic_settings settings = *wanted;
	struct error error = {0};
	struct nic nic;

	memcpy(settings.dev, "eth7", 5);
	if (nic_open(&settings, &nic, &error))
		fail_msg("%s", error.text);
	stage.nic = nic_port_new(stage.loop, &nic, &port_settings);
	assert_non_null(stage.nic);
	assert_int_equal(hub_attach(stage.hub, stage.nic, loop_now(stage.loop)), 0);
	settle();
	other.count = 0;
}

static void begin(enum nic_mode mode)
{
	if (!may_make_taps)
		skip();
	make_wire();
	plug(&(struct nic_settings){.mode = mode}, 0);
}

static int set_up(void **)
{
	static const struct hash_key key = {1, 2};

	stage = (struct stage){
		.loop = loop_new(), .hub = hub_new("hub0", &key), .wire.fd = -1, .host_fd = -1};
	other = (struct other){.port = {.ops = &other_ops, .name = "vm", .takes = TAKES_ALL}};
	return !stage.loop || !stage.hub || hub_attach(stage.hub, &other.port, 0);
}

static int tear_down(void **)
{
	if (stage.host_fd >= 0)
		close(stage.host_fd);
	hub_free(stage.hub);
	tap_close(&stage.wire);
	loop_free(stage.loop);
	return 0;
}

static struct nic_status status(void)
{
	struct nic_status status;

	nic_port_status(stage.nic, &status);
	return status;
}

static void guest_sends(struct built built)
{
	struct frame frame = frame_of_built(&built);

	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
}

static void wire_sends_offloaded(const void *bytes, size_t len, const struct offload *offload)
{
	static uint8_t message[VNET_HEADER_LEN + ETH_FRAME_MAX];

	vnet_write(message, offload);
	memcpy(message + VNET_HEADER_LEN, bytes, len);
	assert_int_equal(
		write(stage.wire.fd, message, VNET_HEADER_LEN + len), VNET_HEADER_LEN + len);
}

static void wire_sends(struct built built)
{
	wire_sends_offloaded(built.bytes, built.len, &(struct offload){0});
	settle();
}

/* The next frame on the wire that is not the kernel's own talk (IPv6, of an interface that is new).
 * False: there is none. */
static bool wire_hears(void)
{
	static uint8_t message[VNET_HEADER_LEN + ETH_FRAME_MAX];
	ssize_t len;

	while ((len = read(stage.wire.fd, message, sizeof(message))) > VNET_HEADER_LEN) {
		const uint8_t *bytes = message + VNET_HEADER_LEN;

		stage.sent_len = (uint32_t)len - VNET_HEADER_LEN;
		if (load_be16(bytes + 12) == ETHERTYPE_IP6)
			continue;
		assert_true(vnet_read(message, stage.sent_len, &stage.sent_offload));
		stage.sent.len = MIN(stage.sent_len, sizeof(stage.sent.bytes));
		memcpy(stage.sent.bytes, bytes, stage.sent.len);
		return true;
	}
	return false;
}

static void assert_wire_hears(struct built wanted)
{
	assert_true(wire_hears());
	assert_int_equal(stage.sent_len, MAX(wanted.len, ETH_FRAME_MIN));
	assert_memory_equal(stage.sent.bytes, wanted.bytes, wanted.len);
}

/* As the last of what it got; the kernel's own talk comes to it too. */
static void assert_guest_hears(struct built wanted)
{
	assert_true(other.count > 0);
	assert_int_equal(other.seen[other.count - 1].len, wanted.len);
	assert_memory_equal(other.seen[other.count - 1].bytes, wanted.bytes, wanted.len);
}

static bool guest_heard(struct built unwanted)
{
	for (unsigned i = 0; i < other.count; i++) {
		if (other.seen[i].len == unwanted.len &&
			!memcmp(other.seen[i].bytes, unwanted.bytes, unwanted.len))
			return true;
	}
	return false;
}

static struct built udp(struct mac to, struct mac from, const char *from_ip, const char *to_ip)
{
	return build_udp(to, from, 0, from_ip, 4000, to_ip, 5000, "hello", 5);
}

static void introduce(void)
{
	guest_sends(build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, VM, ARP_REQUEST, VM, "10.7.0.3", ZERO, "10.7.0.3"));
}

static void test_it_translates(void **)
{
	begin(NIC_TRANSLATE);
	introduce();
	assert_wire_hears(build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "10.7.0.3", ZERO, "10.7.0.3"));
	guest_sends(udp(HOST4, VM, "10.7.0.3", "10.7.0.4"));
	assert_wire_hears(udp(HOST4, NIC, "10.7.0.3", "10.7.0.4"));
	wire_sends(udp(NIC, HOST4, "10.7.0.4", "10.7.0.3"));
	assert_guest_hears(udp(VM, HOST4, "10.7.0.4", "10.7.0.3"));
	assert_false(status().is_promiscuous);
	assert_string_equal(status().why, "as configured");
	assert_string_equal(stage.nic->interface, "eth7");
	assert_true(mac_equal(stage.nic->mac, NIC));
	assert_int_equal(stage.nic->mtu, 1500);
}

static void test_it_is_transparent(void **)
{
	begin(NIC_TRANSPARENT);
	assert_true(status().is_promiscuous);
	guest_sends(udp(HOST4, VM, "10.7.0.3", "10.7.0.4"));
	assert_wire_hears(udp(HOST4, VM, "10.7.0.3", "10.7.0.4"));
	wire_sends(udp(VM, HOST4, "10.7.0.4", "10.7.0.3"));
	assert_guest_hears(udp(VM, HOST4, "10.7.0.4", "10.7.0.3"));
}

static void test_it_is_promiscuous_in_company_only(void **)
{
	begin(NIC_TRANSPARENT);
	hub_detach(&other.port);
	assert_false(status().is_promiscuous);
	assert_int_equal(hub_attach(stage.hub, &other.port, 0), 0);
	assert_true(status().is_promiscuous);
}

/* The kernel's filter: nothing of this even reaches the port. */
static void test_the_rest_stays_outside(void **)
{
	const struct built not_ours[] = {
		udp(NIC, HOST4, "10.7.0.4", "10.7.0.2"),	   /* the host's */
		udp(HOST4, ROUTER, "10.7.0.1", "10.7.0.4"),	   /* others' */
		udp(MAC_BROADCAST, NIC, "10.7.0.3", "10.7.0.255"), /* our own, sent back */
		udp(mac_from("01:80:c2:00:00:0e"), ROUTER, "10.7.0.1", "10.7.0.4"),
	};

	begin(NIC_TRANSLATE);
	stage.nic->in = (struct port_counters){0};
	for (unsigned i = 0; i < ARRAY_SIZE(not_ours); i++)
		wire_sends(not_ours[i]);
	assert_int_equal(stage.nic->in.frames, 0);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_int_equal(stage.nic->in.drops[i], 0);
}

static void test_guests_ip6_comes_in(void **)
{
	begin(NIC_TRANSLATE);
	guest_sends(udp(HOST4, VM, "fd07::3", "fd07::4"));
	wire_sends(udp(NIC, HOST4, "fd07::4", "fd07::3"));
	assert_guest_hears(udp(VM, HOST4, "fd07::4", "fd07::3"));
}

static void test_what_it_sends_it_does_not_hear(void **)
{
	struct built hello = udp(MAC_BROADCAST, VM, "10.7.0.3", "10.7.0.255");

	begin(NIC_TRANSPARENT);
	guest_sends(hello);
	settle();
	assert_wire_hears(hello);
	assert_false(guest_heard(hello));
}

static struct built tagged(struct mac to, struct mac from)
{
	return build_udp(to, from, 5, "10.7.0.3", 4000, "10.7.0.4", 5000, "hello", 5);
}

static void test_tags_are_kept(void **)
{
	begin(NIC_TRANSPARENT);
	guest_sends(tagged(HOST4, VM));
	assert_wire_hears(tagged(HOST4, VM));
	wire_sends(tagged(VM, HOST4));
	assert_guest_hears(tagged(VM, HOST4));
}

static void test_short_frames_are_padded(void **)
{
	static const uint8_t zeros[ETH_FRAME_MIN];
	struct built built;
	struct writer w = begin_built(&built);

	begin(NIC_TRANSPARENT);
	write_eth(&w, HOST4, VM, TEST_TYPE);
	write_be16(&w, 0x1234);
	guest_sends(end_built(&built, &w));
	assert_wire_hears(built);
	assert_memory_equal(stage.sent.bytes + 16, zeros, 44);
}

/* A TCP segment of 4000 bytes to be cut and summed by whoever can. */
static size_t write_super_frame(uint8_t *bytes, struct mac to, struct mac from, const char *from_ip,
	const char *to_ip, struct offload *ret)
{
	const struct ip_fields fields = {.from = ip_from(from_ip),
		.to = ip_from(to_ip),
		.protocol = IP_PROTOCOL_TCP,
		.ttl = 64,
		.payload_len = 4020};
	struct writer w = writer_on(bytes, ETH_FRAME_MAX);
	uint8_t *tcp;
	uint16_t sum;

	write_eth(&w, to, from, ETHERTYPE_IP4);
	write_ip(&w, &fields);
	tcp = w.at;
	write_zeros(&w, 4020);
	tcp[12] = 0x50;
	tcp[13] = 0x10;
	sum = (uint16_t)~checksum_fold(
		checksum_pseudo(fields.from, fields.to, IP_PROTOCOL_TCP, 4020));
	memcpy(tcp + 16, &sum, sizeof(sum));
	*ret = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_TCP4,
		.header_len = 54,
		.segment_size = 1000,
		.checksum_start = 34,
		.checksum_offset = 16};
	return writer_len(&w);
}

static void test_super_frames_pass_whole(void **)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	struct offload offload;
	struct frame frame;
	size_t len;

	begin(NIC_TRANSLATE);
	introduce();
	assert_true(wire_hears());
	len = write_super_frame(bytes, HOST4, VM, "10.7.0.3", "10.7.0.4", &offload);
	frame = frame_linear(bytes, (uint32_t)len);
	frame.offload = offload;
	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
	assert_true(wire_hears());
	assert_int_equal(stage.sent_len, len);
	assert_int_equal(stage.sent_offload.kind, SEGMENT_TCP4);
	assert_int_equal(stage.sent_offload.segment_size, 1000);
	assert_true(stage.sent_offload.needs_checksum);
	assert_memory_equal(stage.sent.bytes + 6, &NIC, 6);
	other.count = 0;
	len = write_super_frame(bytes, NIC, HOST4, "10.7.0.4", "10.7.0.3", &offload);
	wire_sends_offloaded(bytes, len, &offload);
	settle();
	assert_int_equal(other.count, 1);
	assert_int_equal(other.lens[0], len);
	assert_int_equal(other.offloads[0].kind, SEGMENT_TCP4);
	assert_int_equal(other.offloads[0].segment_size, 1000);
	assert_int_equal(other.offloads[0].checksum_start, 34);
	assert_memory_equal(other.seen[0].bytes, &VM, 6);
}

static void test_a_frame_the_nic_cannot_take(void **)
{
	static uint8_t bytes[3000];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct frame frame = frame_linear(bytes, sizeof(bytes));

	if (!may_make_taps)
		skip();
	make_wire();
	plug(&(struct nic_settings){.mode = NIC_TRANSPARENT}, 9000);
	write_eth(&w, HOST4, VM, TEST_TYPE);
	hub_receive(&other.port, &frame, 1, 0);
	assert_int_equal(stage.nic->out.drops[DROP_GIANT], 1);
}

static void test_what_the_queue_lost_is_counted(void **)
{
	struct built hello = udp(MAC_BROADCAST, HOST4, "10.7.0.4", "10.7.0.255");

	begin(NIC_TRANSLATE);
	for (unsigned i = 0; i < 60000; i++)
		wire_sends_offloaded(hello.bytes, hello.len, &(struct offload){0});
	status();
	assert_true(stage.nic->in.drops[DROP_QUEUE_FULL] > 0);
}

static void set_flags(short flags)
{
	struct ifreq request = {.ifr_name = "eth7", .ifr_flags = flags};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static void test_the_link_goes_down_and_up(void **)
{
	begin(NIC_TRANSLATE);
	introduce();
	assert_true(wire_hears());
	stage.changes = 0;
	set_flags(0);
	settle();
	assert_true(stage.nic->is_down);
	assert_int_equal(stage.changes, 1);
	introduce();
	assert_int_equal(stage.nic->out.drops[DROP_LINK_DOWN], 1);
	set_flags(IFF_UP);
	settle();
	assert_false(stage.nic->is_down);
	/* The wire is told who is here. */
	assert_wire_hears(build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "10.7.0.3", ZERO, "10.7.0.3"));
	wire_sends(udp(NIC, HOST4, "10.7.0.4", "10.7.0.3"));
	assert_guest_hears(udp(VM, HOST4, "10.7.0.4", "10.7.0.3"));
}

static void test_the_nic_goes_and_comes_back(void **)
{
	begin(NIC_TRANSPARENT);
	tap_close(&stage.wire);
	settle();
	assert_true(stage.nic->is_down);
	make_wire();
	settle();
	assert_false(stage.nic->is_down);
	assert_true(status().is_promiscuous);
	guest_sends(udp(HOST4, VM, "10.7.0.3", "10.7.0.4"));
	assert_wire_hears(udp(HOST4, VM, "10.7.0.3", "10.7.0.4"));
	wire_sends(udp(VM, HOST4, "10.7.0.4", "10.7.0.3"));
	assert_guest_hears(udp(VM, HOST4, "10.7.0.4", "10.7.0.3"));
}

static void test_a_new_mac_is_followed(void **)
{
	const struct mac moved = mac_from("02:00:00:00:00:bb");

	begin(NIC_TRANSLATE);
	introduce();
	assert_true(wire_hears());
	assert_int_equal(tap_set_mac(&stage.wire, moved), 0);
	settle();
	assert_wire_hears(build_arp(ETHERTYPE_ARP, MAC_BROADCAST, moved, ARP_REQUEST, moved,
		"10.7.0.3", ZERO, "10.7.0.3"));
	wire_sends(udp(moved, HOST4, "10.7.0.4", "10.7.0.3"));
	assert_guest_hears(udp(VM, HOST4, "10.7.0.4", "10.7.0.3"));
}

static void test_a_second_claimant_is_an_event(void **)
{
	begin(NIC_TRANSLATE);
	guest_sends(udp(HOST4, VM, "10.7.0.2", "10.7.0.4"));
	settle();
	assert_int_equal(stage.events, 1);
	assert_int_equal(stage.nic->out.drops[DROP_SOURCE_SPOOFED], 1);
}

static void test_an_unknown_guest_is_asked_for(void **)
{
	begin(NIC_TRANSLATE);
	wire_sends(udp(NIC, HOST4, "10.7.0.4", "10.7.0.9"));
	assert_int_equal(stage.nic->in.drops[DROP_UNREACHABLE], 1);
	other.seen[other.count - 1].len -= 60 - 42 - 18; /* both are padded to 60 */
	assert_guest_hears(build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "10.7.0.2", ZERO, "10.7.0.9"));
	guest_sends(build_arp(ETHERTYPE_ARP, NIC, VM, ARP_REPLY, VM, "10.7.0.9", NIC, "10.7.0.2"));
	assert_int_equal(stage.nic->out.drops[DROP_UNREACHABLE], 0);
	wire_sends(udp(NIC, HOST4, "10.7.0.4", "10.7.0.9"));
	assert_guest_hears(udp(VM, HOST4, "10.7.0.4", "10.7.0.9"));
}

/* --- the host --- */

static int host_socket(void)
{
	const struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(5000)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	stage.host_fd = fd;
	assert_int_equal(bind(fd, (const struct sockaddr *)&own, sizeof(own)), 0);
	return fd;
}

static bool guest_heard_hello_of_host(void)
{
	for (unsigned i = 0; i < other.count; i++) {
		const uint8_t *bytes = other.seen[i].bytes;

		if (!memcmp(bytes, &VM, 6) && !memcmp(bytes + 6, &NIC, 6) &&
			!memcmp(bytes + 42, "hello", 5))
			return true;
	}
	return false;
}

static void check_the_host_is_reached(enum nic_mode mode)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	char text[16];
	int fd;

	if (!may_make_taps)
		skip();
	make_wire();
	plug(&(struct nic_settings){.mode = mode, .reaches_host = true}, 0);
	assert_string_equal(status().host_by, "lanyard0");
	fd = host_socket();
	introduce();
	assert_true(wire_hears());
	guest_sends(udp(NIC, VM, "10.7.0.3", "10.7.0.2"));
	settle();
	assert_int_equal(
		recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &from_len), 5);
	assert_int_equal(from.sin_addr.s_addr, inet_addr("10.7.0.3"));
	assert_false(wire_hears());
	/* It asks for the guest, as for any neighbour, and sends. */
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&from, from_len), 5);
	settle();
	guest_sends(build_arp(ETHERTYPE_ARP, NIC, VM, ARP_REPLY, VM, "10.7.0.3", NIC, "10.7.0.2"));
	settle();
	assert_true(guest_heard_hello_of_host());
	/* A broadcast goes both ways, and comes back from neither. */
	other.count = 0;
	while (wire_hears())
		;
	guest_sends(udp(MAC_BROADCAST, VM, "10.7.0.3", "10.7.0.255"));
	settle();
	assert_int_equal(recv(fd, text, sizeof(text), 0), 5);
	assert_true(wire_hears());
	assert_false(guest_heard(udp(MAC_BROADCAST, VM, "10.7.0.3", "10.7.0.255")));
	assert_false(guest_heard(udp(MAC_BROADCAST, NIC, "10.7.0.3", "10.7.0.255")));
}

static void test_the_host_is_reached_translating(void **)
{
	check_the_host_is_reached(NIC_TRANSLATE);
}

static void test_the_host_is_reached_transparently(void **)
{
	check_the_host_is_reached(NIC_TRANSPARENT);
}

static void test_the_host_is_reached_by_another_nic_too(void **)
{
	char text[16];
	int fd;

	if (!may_make_taps)
		skip();
	make_wire();
	plug(&(struct nic_settings){.mode = NIC_TRANSLATE, .reaches_host = true}, 0);
	tap_close(&stage.wire);
	settle();
	make_wire();
	assert_int_equal(tap_set_mac(&stage.wire, ROUTER), 0);
	settle();
	assert_string_equal(status().host_by, "lanyard0");
	fd = host_socket();
	guest_sends(udp(ROUTER, VM, "10.7.0.3", "10.7.0.2"));
	settle();
	assert_int_equal(recv(fd, text, sizeof(text), 0), 5);
}

static void test_the_host_is_not_reached_unasked(void **)
{
	begin(NIC_TRANSPARENT);
	assert_string_equal(status().host_by, "");
	guest_sends(udp(NIC, VM, "10.7.0.3", "10.7.0.2"));
	assert_int_equal(stage.nic->out.drops[DROP_UNREACHABLE], 1);
	assert_int_equal(if_nametoindex("lanyard0"), 0);
}

static unsigned count_rules(void)
{
	FILE *pipe = popen("ip rule; ip -6 rule", "r");
	unsigned count = 0;
	char line[256];

	while (fgets(line, sizeof(line), pipe))
		count += strstr(line, "iif eth7 blackhole") != NULL;
	pclose(pipe);
	return count;
}

static void test_the_host_is_guarded(void **)
{
	if (!may_make_taps || system("ip -V >/dev/null 2>&1"))
		skip();
	make_wire();
	plug(&(struct nic_settings){.mode = NIC_TRANSLATE, .guards_host = true}, 0);
	assert_true(status().host_guarded);
	assert_true(count_rules() >= 1);
	hub_detach(stage.nic);
	stage.nic->ops->free(stage.nic);
	assert_int_equal(count_rules(), 0);
}

/* --- which mode --- */

static void begin_auto(void)
{
	struct ip_prefix everywhere;
	struct netlink *netlink;
	struct error error = {0};

	if (!may_make_taps)
		skip();
	make_wire();
	assert_int_equal(netlink_open(&netlink, &error), 0);
	assert_true(prefix_parse("0.0.0.0/0", &everywhere));
	assert_int_equal(
		netlink_add_route(netlink, "eth7", &everywhere, ip_from("10.7.0.1"), &error), 0);
	netlink_close(netlink);
	plug(&(struct nic_settings){.mode = NIC_AUTO}, 0);
	assert_int_equal(status().mode, NIC_TRANSLATE);
	assert_non_null(strstr(status().why, "asking neighbours"));
}

/* The gateway, as a LAN shows it: with answers to the NIC only, or to all. */
static void answer_questions(bool answers_foreign)
{
	while (wire_hears()) {
		struct mac asker;
		struct arp arp;

		if (!arp_parse(stage.sent.bytes + 14, 28, &arp) || arp.from.be)
			continue;
		asker = arp.from_mac;
		if (mac_equal(asker, NIC) || answers_foreign)
			wire_sends(build_arp(ETHERTYPE_ARP, asker, ROUTER, ARP_REPLY, ROUTER,
				"10.7.0.1", asker, "0.0.0.0"));
	}
}

static void test_auto_where_foreign_addresses_pass(void **)
{
	begin_auto();
	assert_false(status().is_promiscuous);
	answer_questions(true);
	settle();
	assert_int_equal(status().mode, NIC_TRANSPARENT);
	assert_string_equal(status().why, "a neighbour answered a foreign MAC address");
}

static void test_auto_where_they_do_not(void **)
{
	begin_auto();
	answer_questions(false);
	guest_sends(udp(HOST4, VM, "10.7.0.3", "10.7.0.4"));
	assert_wire_hears(udp(HOST4, NIC, "10.7.0.3", "10.7.0.4")); /* careful meanwhile */
	run_for(1300 * NSEC_PER_MSEC);
	assert_int_equal(status().mode, NIC_TRANSLATE);
	assert_false(status().is_promiscuous);
	assert_string_equal(status().why, "neighbours answer the NIC's MAC address only");
}

static void test_auto_without_a_gateway(void **)
{
	begin(NIC_AUTO);
	assert_int_equal(status().mode, NIC_TRANSLATE);
	run_for(1300 * NSEC_PER_MSEC);
	assert_non_null(strstr(status().why, "nobody on the LAN has answered yet"));
}

static void test_what_is_no_nic(void **)
{
	struct nic_settings settings = {.dev = "nosuch"};
	struct error error = {0};
	struct nic nic;

	assert_int_equal(nic_open(&settings, &nic, &error), -ENODEV);
	assert_non_null(strstr(error.text, "there is no interface 'nosuch'"));
	memcpy(settings.dev, "lo", 3);
	error = (struct error){0};
	assert_int_equal(nic_open(&settings, &nic, &error), -EINVAL);
	assert_non_null(strstr(error.text, "not an Ethernet"));
}

#define NIC_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NIC_TEST(test_it_translates),
		NIC_TEST(test_it_is_transparent),
		NIC_TEST(test_it_is_promiscuous_in_company_only),
		NIC_TEST(test_the_rest_stays_outside),
		NIC_TEST(test_guests_ip6_comes_in),
		NIC_TEST(test_what_it_sends_it_does_not_hear),
		NIC_TEST(test_tags_are_kept),
		NIC_TEST(test_short_frames_are_padded),
		NIC_TEST(test_super_frames_pass_whole),
		NIC_TEST(test_a_frame_the_nic_cannot_take),
		NIC_TEST(test_what_the_queue_lost_is_counted),
		NIC_TEST(test_the_link_goes_down_and_up),
		NIC_TEST(test_the_nic_goes_and_comes_back),
		NIC_TEST(test_a_new_mac_is_followed),
		NIC_TEST(test_a_second_claimant_is_an_event),
		NIC_TEST(test_an_unknown_guest_is_asked_for),
		NIC_TEST(test_the_host_is_reached_translating),
		NIC_TEST(test_the_host_is_reached_transparently),
		NIC_TEST(test_the_host_is_reached_by_another_nic_too),
		NIC_TEST(test_the_host_is_not_reached_unasked),
		NIC_TEST(test_the_host_is_guarded),
		NIC_TEST(test_auto_where_foreign_addresses_pass),
		NIC_TEST(test_auto_where_they_do_not),
		NIC_TEST(test_auto_without_a_gateway),
		NIC_TEST(test_what_is_no_nic),
	};

	may_make_taps = (!unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET)) &&
			!access("/dev/net/tun", R_OK | W_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
