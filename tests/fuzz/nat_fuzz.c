/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole gateway between a guest and an outside that does as the input says. Input: a list of
 * deeds (enum deed), each one byte and what it takes; whatever the gateway asks of the outside
 * meanwhile is answered from the same bytes.
 *
 * Whatever is done: what the guest hears parses and has right checksums; no socket is used after it
 * was closed, or left open in the end; counters of flows come back to zero.
 */
#include "base/bytes.h"
#include "ip/checksum.h"
#include "nat/internal.h"
#include "wire/checksum.h"
#include "wire/eth.h"

#include <errno.h>
#include <stdlib.h>

#define SOCKETS_MAX 256
#define FIRST_FD    100000
#define FLOWS_MAX   32

enum deed {
	DEED_FRAME,
	DEED_EVENT,
	DEED_TIME,
	DEED_RUN,
	DEED_TCP_CLIENT,
	DEED_FORWARD,
	DEED_COUNT,
};

enum how {
	HOW_CHECKED = 1,     /* the transport's checksum was verified */
	HOW_IP_CHECKSUM = 2, /* the IPv4 header's checksum is made right */
	HOW_ADDRESSED = 4,   /* to the gateway's MAC */
	HOW_SCATTERED = 8,
	HOW_OFFLOADED = 16, /* a run of UDP datagrams */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct mac gateway_mac = {{2, 0, 0, 0, 0, 2}}, guest_mac = {{2, 0, 0, 0, 0, 0x10}};

struct world {
	struct reader *input;
	struct hub *hub;
	struct gateway gateway;
	struct outside outside;
	struct port guest;
	struct outside_socket *sockets[SOCKETS_MAX]; /* by descriptor - FIRST_FD; NULL: closed */
	unsigned socket_count;
	nsec now;
};

static struct world *world;

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

/* One of the errors that a system call may return, or 0. */
static int take_error(void)
{
	static const int errors[] = {EAGAIN, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EMSGSIZE,
		EACCES, EMFILE, ENOBUFS, EPIPE, ETIMEDOUT, EINPROGRESS};
	uint8_t n = read_u8(world->input);

	return n < ARRAY_SIZE(errors) ? -errors[n] : 0;
}

static struct ip take_ip(void)
{
	static const char *const texts[] = {"198.51.100.10", "198.51.100.11", "2001:db8::10",
		"127.0.0.1", "::1", "192.168.120.10", "fd00:8::10", "192.168.120.2", "224.0.0.1"};
	struct ip ip = {0};

	(void)!ip_parse(texts[read_u8(world->input) % ARRAY_SIZE(texts)], &ip);
	return ip;
}

static void check_open(const struct outside_socket *socket)
{
	unsigned n = (unsigned)socket->watch.fd - FIRST_FD;

	check(n < world->socket_count && world->sockets[n] == socket);
}

static int open_socket(struct outside_socket *socket)
{
	int err = take_error();

	check(socket->watch.fd < 0);
	if (err || world->socket_count == SOCKETS_MAX)
		return err ? err : -ENFILE;
	world->sockets[world->socket_count] = socket;
	socket->watch.fd = FIRST_FD + (int)world->socket_count++;
	return 0;
}

static nsec out_now(const struct outside *)
{
	return world->now;
}

static int out_connect(struct outside *, struct outside_socket *socket, const struct endpoint *to)
{
	check(!ip_is_none(to->ip) && !ip_is_multicast(to->ip));
	return open_socket(socket);
}

static int out_adopt(struct outside *, struct outside_socket *socket, int)
{
	return open_socket(socket);
}

static int out_listen(struct outside *, struct watch *, int)
{
	return 0;
}

static void fill_failure(struct outside_failure *ret)
{
	*ret = (struct outside_failure){.code = -take_error(),
		.has_icmp = read_u8(world->input) & 1,
		.type = read_u8(world->input),
		.code_icmp = read_u8(world->input),
		.offender = take_ip(),
		.mtu = read_be16(world->input)};
}

static int out_connect_result(struct outside_socket *socket, struct outside_failure *ret)
{
	int err = take_error();

	check_open(socket);
	if (err && err != -EINPROGRESS) {
		fill_failure(ret);
		ret->code = -err;
	}
	return err;
}

/* So much that it must lie within bounds, written to see that it does. */
static ssize_t fill(const struct iovec *parts, unsigned count)
{
	size_t left = read_be16(world->input), total = 0;

	for (unsigned i = 0; i < count; i++) {
		size_t n = MIN(left, parts[i].iov_len);

		memset(parts[i].iov_base, 'x', n);
		left -= n;
		total += n;
	}
	return (ssize_t)total;
}

static uint8_t seen; /* keeps the look at every byte from being optimised away */

static ssize_t look_at(const struct iovec *parts, unsigned count)
{
	size_t total = 0;

	for (unsigned i = 0; i < count; i++) {
		for (size_t at = 0; at < parts[i].iov_len; at++)
			seen ^= ((const uint8_t *)parts[i].iov_base)[at];
		total += parts[i].iov_len;
	}
	return (ssize_t)total;
}

static ssize_t out_receive(struct outside_socket *socket, const struct iovec *parts, unsigned count)
{
	int err = take_error();

	check_open(socket);
	if (!reader_left(world->input))
		return -EAGAIN;
	return err ? err : fill(parts, count);
}

static ssize_t out_send(struct outside_socket *socket, const struct iovec *parts, unsigned count)
{
	int err = take_error();
	ssize_t len = look_at(parts, count);

	check_open(socket);
	if (err)
		return err;
	return read_u8(world->input) & 1 ? len / 2 : len;
}

static void out_finish(struct outside_socket *socket)
{
	check_open(socket);
}

static void out_close(struct outside_socket *socket, bool)
{
	if (socket->watch.fd < 0)
		return;
	check_open(socket);
	world->sockets[socket->watch.fd - FIRST_FD] = NULL;
	socket->watch.fd = -1;
}

static int out_open_udp(struct outside *, struct outside_socket *socket, struct ip, uint16_t)
{
	return open_socket(socket);
}

static int out_adopt_udp(struct outside *, struct outside_socket *socket, int)
{
	return open_socket(socket);
}

static int out_open_ping(struct outside *, struct outside_socket *socket, struct ip, uint16_t id)
{
	socket->echo_id = id ^ read_u8(world->input);
	return open_socket(socket);
}

static ssize_t out_send_datagram(struct outside_socket *socket,
	const struct outside_datagram *datagram, const struct iovec *parts, unsigned count)
{
	int err = take_error();
	ssize_t len = look_at(parts, count);

	check_open(socket);
	check(!ip_is_none(datagram->peer.ip) && !ip_is_multicast(datagram->peer.ip));
	return err ? err : len;
}

static ssize_t out_receive_datagram(
	struct outside_socket *socket, struct outside_datagram *ret, void *buffer, size_t size)
{
	struct iovec part = {buffer, size};
	int err = take_error();
	uint8_t flags;

	check_open(socket);
	if (err || !reader_left(world->input))
		return err ? err : -EAGAIN;
	flags = read_u8(world->input);
	*ret = (struct outside_datagram){.peer = {take_ip(), flags >> 4},
		.local = take_ip(),
		.ttl = read_u8(world->input),
		.segment_size = flags & 1 ? read_be16(world->input) : 0};
	if (flags & 2) { /* an answer to an echo request */
		uint8_t *message = buffer;

		memset(message, 0, 64);
		message[0] = flags & 4 ? 129 : 0;
		return 64;
	}
	return fill(&part, 1);
}

static bool out_receive_error(struct outside_socket *socket, struct outside_failure *ret,
	struct endpoint *ret_peer, void *quoted, size_t size, size_t *ret_len)
{
	struct iovec part = {quoted, size};

	check_open(socket);
	if (!(read_u8(world->input) & 1))
		return false;
	fill_failure(ret);
	*ret_peer = (struct endpoint){take_ip(), read_be16(world->input)};
	*ret_len = (size_t)fill(&part, 1);
	if (*ret_len >= 8) {
		memset(quoted, 0, 8);
		*(uint8_t *)quoted = ip_is_v4(ret_peer->ip) ? 8 : 128;
		store_be16((uint8_t *)quoted + 4, socket->echo_id);
	}
	return true;
}

static const struct outside_ops outside_ops = {
	.now = out_now,
	.connect = out_connect,
	.adopt = out_adopt,
	.listen = out_listen,
	.connect_result = out_connect_result,
	.receive = out_receive,
	.send = out_send,
	.finish = out_finish,
	.close = out_close,
	.open_udp = out_open_udp,
	.adopt_udp = out_adopt_udp,
	.open_ping = out_open_ping,
	.send_datagram = out_send_datagram,
	.receive_datagram = out_receive_datagram,
	.receive_error = out_receive_error,
};

static void guest_hears(struct port *, const struct frame *frames, unsigned count)
{
	static uint8_t bytes[ETH_FRAME_MAX + 65536];
	struct packet packet;

	for (unsigned i = 0; i < count; i++) {
		check(frame_copy(&frames[i], 0, bytes, sizeof(bytes)) == frames[i].len);
		check(packet_parse(bytes, frames[i].len, frames[i].len, &packet) == PACKET_OK);
		if (packet.version && !packet.is_fragment)
			check(host_checksum_is_right(&frames[i], &packet));
	}
}

static void nothing_to_free(struct port *)
{
}

static void fix_ip_checksum(uint8_t *frame, uint32_t len)
{
	uint32_t header_len = len > ETH_HEADER_LEN ? (frame[ETH_HEADER_LEN] & 15u) * 4 : 0;
	uint16_t checksum;

	if (header_len < IP4_HEADER_LEN || len < ETH_HEADER_LEN + header_len)
		return;
	store_be16(frame + ETH_HEADER_LEN + 10, 0);
	checksum = checksum_fold(checksum_add(0, frame + ETH_HEADER_LEN, header_len));
	memcpy(frame + ETH_HEADER_LEN + 10, &checksum, sizeof(checksum));
}

static void fill_offload(struct offload *offload, const uint8_t *head, uint32_t len)
{
	bool is_v4 = len > ETH_HEADER_LEN && head[ETH_HEADER_LEN] >> 4 == 4;

	*offload = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_UDP,
		.checksum_start = is_v4 ? 34 : 54,
		.checksum_offset = 6,
		.segment_size = read_u8(world->input)};
}

/* Exactly as much memory as the frame has, so that a look past its end is seen. */
static void say_frame(void)
{
	uint8_t how = read_u8(world->input);
	uint32_t asked = read_be16(world->input);
	uint32_t len = (uint32_t)MIN(asked, reader_left(world->input));
	uint32_t head_len = how & HOW_SCATTERED ? MIN(len, FRAME_HEAD_MIN) : len;
	uint8_t *head = malloc(head_len), *body = malloc(len - head_len);
	struct iovec part = {body, len - head_len};
	struct frame frame = {.head = head,
		.head_len = head_len,
		.len = len,
		.body = &part,
		.body_count = len > head_len,
		.offload.is_checked = how & HOW_CHECKED};

	read_copy(world->input, head, head_len);
	read_copy(world->input, body, len - head_len);
	if (len >= ETH_HEADER_LEN)
		memcpy(head + 6, &guest_mac, sizeof(guest_mac));
	if (len >= ETH_HEADER_LEN && how & HOW_ADDRESSED)
		memcpy(head, &gateway_mac, sizeof(gateway_mac));
	if (how & HOW_IP_CHECKSUM)
		fix_ip_checksum(head, head_len);
	if (how & HOW_OFFLOADED)
		fill_offload(&frame.offload, head, head_len);
	if (frame_offload_is_sound(&frame))
		hub_receive(&world->guest, &frame, 1, world->now);
	free(head);
	free(body);
}

static void tell_event(void)
{
	static const uint32_t all[] = {EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR};
	unsigned n = read_u8(world->input) % MAX(world->socket_count, 1);
	uint8_t bits = read_u8(world->input);
	uint32_t events = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		events |= bits & 1u << i ? all[i] : 0;
	if (world->sockets[n] && events)
		world->sockets[n]->watch.on_ready(&world->sockets[n]->watch, events);
}

static void client_comes(void)
{
	struct endpoint client = {take_ip(), read_be16(world->input)};
	struct endpoint guest = {client.ip, 80};

	check(ip_parse(ip_is_v4(client.ip) ? "192.168.120.10" : "fd00:8::10", &guest.ip));
	tcp_inbound(&world->gateway, -1, &client, &guest, guest_mac, world->now);
}

static void change_forward(void)
{
	uint8_t what = read_u8(world->input);
	struct forward forward = {.is_udp = true, .outside.port = what >> 6, .guest.port = 4000};

	check(ip_parse("198.51.100.1", &forward.outside.ip));
	check(ip_parse(what & 2 ? "192.168.120.10" : "192.168.120.11", &forward.guest.ip));
	if (what & 1)
		(void)!gateway_forward_add(&world->gateway, &forward, -1);
	else
		(void)!gateway_forward_remove(&world->gateway, true, &forward.outside);
}

static void run(void)
{
	world->gateway.machine.run(&world->gateway.machine, world->now);
}

static void do_deed(void)
{
	switch ((enum deed)(read_u8(world->input) % DEED_COUNT)) {
	case DEED_FRAME:
		say_frame();
		break;
	case DEED_EVENT:
		tell_event();
		break;
	case DEED_TIME:
		world->now += (nsec)1 << read_u8(world->input) % 43;
		break;
	case DEED_RUN:
		run();
		break;
	case DEED_TCP_CLIENT:
		client_comes();
		break;
	case DEED_FORWARD:
		change_forward();
		break;
	case DEED_COUNT:
		break;
	}
}

static void check_end(void)
{
	const struct gateway_counters *counters = &world->gateway.counters;

	check(!counters->tcp_flows && !counters->udp_flows && !counters->icmp_flows);
	for (unsigned i = 0; i < world->socket_count; i++)
		check(!world->sockets[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct port_ops gateway_ops = {"nat", gateway_receive, nothing_to_free};
	static const struct port_ops guest_ops = {"guest", guest_hears, nothing_to_free};
	struct reader input = reader_on(bytes, len);
	struct gateway_settings settings = {.name = "nat0",
		.mac = gateway_mac,
		.mtu = 1500,
		.key = {1, 2},
		.flows_max = FLOWS_MAX,
		.may_reach_host = read_u8(&input) & 1,
		.memory_max = 1 << 20};

	world = calloc(1, sizeof(*world));
	world->input = &input;
	world->now = 1000 * NSEC_PER_SEC;
	world->outside.ops = &outside_ops;
	world->guest.ops = &guest_ops;
	world->guest.takes = read_u8(&input);
	check(prefix_parse("192.168.120.2/24", &settings.address));
	check(prefix_parse("fd00:8::2/64", &settings.address6));
	check(!gateway_init(&world->gateway, &settings, &world->outside, NULL));
	world->gateway.host.port.ops = &gateway_ops;
	world->hub = hub_new("hub8", &settings.key);
	check(!hub_attach(world->hub, &world->gateway.host.port, world->now));
	check(!hub_attach(world->hub, &world->guest, world->now));

	while (reader_left(&input))
		do_deed();
	run();
	hub_free(world->hub);
	gateway_done(&world->gateway);
	check_end();
	free(world);
	return 0;
}
