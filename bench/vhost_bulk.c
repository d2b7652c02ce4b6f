/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One end of a bulk TCP flow through a hub's gateway, for vhost_bench.sh:
 *
 *   vhost-bulk serve PORT                      the other end, on 127.0.0.1
 *   vhost-bulk socket up|down ADDRESS PORT SECONDS
 *   vhost-bulk split|packed up|down PATH PORT SECONDS
 *
 * The second is a program over a kernel's sockets. The third is a guest without a kernel: a
 * vhost-user front end at PATH with a TCP of its own, which sends super-frames, acknowledges each
 * batch, sleeps when there is nothing to do, and copies payload once, as a kernel does between a
 * program and its frames. It knows no loss but by going back to what was not acknowledged. Prints
 * bits in a second.
 */
#include "ip/checksum.h"
#include "port/vhost/fake_front_end.h"
#include "port/vhost/features.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/vnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHUNK	     (256 * 1024) /* bytes that a program reads and writes at a time */
#define HEADERS_LEN  (ETH_HEADER_LEN + IP4_HEADER_LEN + TCP_HEADER_LEN)
#define VNET_LEN     12
#define MSS	     1460
#define SUPER_LEN    (44 * MSS) /* of payload in one frame */
#define PART_LEN     32768	/* as Linux lays a frame's payload: pieces of 32 KiB */
#define SLOT_LEN     (128 * 1024)
#define SEND_SLOTS   128
#define ROOM_LEN     4096 /* bytes of a buffer to receive in */
#define WINDOW	     (4u << 20)
#define WINDOW_SCALE 7
#define RING_SIZE    256

static uint8_t chunk[CHUNK];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address_of(const char *address, const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
		die(address);
	return in;
}

/* The first byte says what the client does. */
static void *serve_one(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char way = 0;

	if (recv(fd, &way, 1, 0) == 1 && way == 'u') {
		uint8_t *into = malloc(CHUNK);

		while (recv(fd, into, CHUNK, 0) > 0)
			;
		free(into);
	} else {
		while (send(fd, chunk, CHUNK, MSG_NOSIGNAL) > 0)
			;
	}
	close(fd);
	return NULL;
}

static _Noreturn void serve(const char *port)
{
	const struct sockaddr_in in = address_of("127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 8) < 0)
		die("bind");
	puts("ready");
	fflush(stdout);
	while (true) {
		int client = accept(fd, NULL, NULL);
		pthread_t thread;

		if (client >= 0 &&
			!pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)client))
			pthread_detach(thread);
	}
}

static double over_socket(bool is_up, const char *address, const char *port, double seconds)
{
	const struct sockaddr_in in = address_of(address, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	double start, bytes = 0;

	if (connect(fd, (const struct sockaddr *)&in, sizeof(in)) < 0)
		die("connect");
	if (send(fd, is_up ? "u" : "d", 1, 0) != 1)
		die("send");
	for (start = now(); now() - start < seconds;) {
		ssize_t len = is_up ? send(fd, chunk, CHUNK, 0) : recv(fd, chunk, CHUNK, 0);

		if (len <= 0)
			die("flow");
		bytes += (double)len;
	}
	close(fd);
	return bytes * 8 / seconds;
}

/* A guest without a kernel. */
struct guest {
	struct front_end front;
	uint16_t port, server_port;
	uint32_t una, nxt, rcv_nxt;
	uint32_t peer_window;
	uint8_t peer_scale;
	bool is_open, must_ack, is_up;
	unsigned free_slots[SEND_SLOTS], free_count;
	double last_progress, received;
};

static const struct mac GUEST_MAC = {{0x02, 0, 0, 0, 9, 9}};
static const struct mac GATEWAY_MAC = {{0x02, 0, 0, 0, 9, 1}};

static uint64_t slot_at(unsigned slot)
{
	return FRONT_BUFFERS + (uint64_t)slot * SLOT_LEN;
}

static uint64_t room_at(unsigned number)
{
	return slot_at(SEND_SLOTS) + (uint64_t)number * ROOM_LEN;
}

static void write_ip4(struct writer *w, uint32_t payload_len)
{
	uint8_t *at = w->at;
	uint16_t sum;

	write_be16(w, 0x4500);
	write_be16(w, (uint16_t)(IP4_HEADER_LEN + payload_len));
	write_be32(w, 0x4000); /* may not be cut */
	write_be16(w, 64 << 8 | 6);
	write_be16(w, 0);
	write_bytes(w, "\12\11\0\11\12\11\0\1", 8);
	sum = checksum_fold(checksum_add(0, at, IP4_HEADER_LEN));
	memcpy(at + 10, &sum, sizeof(sum));
}

/* The sum of the pseudo-header, not inverted: the rest is left to the back end. */
static uint16_t pseudo_sum(uint32_t tcp_len)
{
	uint8_t bytes[12] = {10, 9, 0, 9, 10, 9, 0, 1, 0, 6};

	store_be16(bytes + 10, (uint16_t)tcp_len);
	return (uint16_t)~checksum_fold(checksum_add(0, bytes, sizeof(bytes)));
}

/* A segment with `payload` bytes of the chunk, in a slot of its own. False: no room. */
static bool say(struct guest *guest, uint32_t seq, uint8_t flags, uint32_t payload)
{
	const struct offload offload = {.needs_checksum = true,
		.kind = payload > MSS ? SEGMENT_TCP4 : SEGMENT_NONE,
		.header_len = HEADERS_LEN,
		.segment_size = payload > MSS ? MSS : 0,
		.checksum_start = ETH_HEADER_LEN + IP4_HEADER_LEN,
		.checksum_offset = TCP_CHECKSUM_OFFSET};
	const uint32_t options = flags & TCP_SYN ? 8 : 0;
	const uint32_t tcp_len = TCP_HEADER_LEN + options + payload;
	struct front_part parts[4];
	unsigned count = 1, slot;
	struct writer w;
	uint16_t sum = pseudo_sum(tcp_len);
	uint64_t at;

	if (!guest->free_count)
		return false;
	slot = guest->free_slots[guest->free_count - 1];
	at = slot_at(slot);
	w = writer_on(guest->front.memory + at, 256);
	write_zeros(&w, VNET_LEN);
	vnet_write(guest->front.memory + at, &offload);
	write_eth(&w, GATEWAY_MAC, GUEST_MAC, ETHERTYPE_IP4);
	write_ip4(&w, tcp_len);
	write_be16(&w, guest->port);
	write_be16(&w, guest->server_port);
	write_be32(&w, seq);
	write_be32(&w, flags & TCP_ACK ? guest->rcv_nxt : 0);
	write_u8(&w, (uint8_t)((TCP_HEADER_LEN + options) / 4 << 4));
	write_u8(&w, flags);
	write_be16(&w, flags & TCP_SYN ? 65535 : WINDOW >> WINDOW_SCALE);
	write_bytes(&w, &sum, sizeof(sum));
	write_be16(&w, 0);
	if (options) {
		write_be32(&w, 2 << 24 | 4 << 16 | MSS);
		write_be32(&w, 1 << 24 | 3 << 16 | 3 << 8 | WINDOW_SCALE);
	}
	parts[0] = (struct front_part){at, (uint32_t)writer_len(&w)};
	for (uint32_t done = 0; done < payload; done += PART_LEN, count++) {
		parts[count] = (struct front_part){
			at + PART_LEN + done, MIN(PART_LEN, payload - done)};
		memcpy(guest->front.memory + parts[count].at, chunk + done, parts[count].len);
	}
	if (!front_offer(&guest->front, 1, parts, count, FRONT_READ | FRONT_INDIRECT, slot))
		return false;
	guest->free_count--;
	return true;
}

static void make_room(struct guest *guest, uint64_t at)
{
	const struct front_part part = {at, ROOM_LEN};

	front_offer(&guest->front, 0, &part, 1, FRONT_WRITE, at);
}

static void hear_ack(struct guest *guest, const uint8_t *tcp)
{
	const uint32_t ack = load_be32(tcp + 8);

	guest->peer_window = (uint32_t)load_be16(tcp + 14) << guest->peer_scale;
	if ((int32_t)(ack - guest->una) <= 0)
		return;
	guest->una = ack;
	if ((int32_t)(guest->nxt - ack) < 0)
		guest->nxt = ack;
	guest->last_progress = now();
}

static void hear_syn(struct guest *guest, const uint8_t *tcp, uint32_t len)
{
	struct tcp_options options;

	tcp_options_parse(tcp + TCP_HEADER_LEN, len - TCP_HEADER_LEN, &options);
	guest->rcv_nxt = load_be32(tcp + 4) + 1;
	guest->una = guest->nxt = load_be32(tcp + 8);
	guest->peer_scale = options.has_window_scale ? options.window_scale : 0;
	guest->peer_window = load_be16(tcp + 14);
	guest->is_open = guest->must_ack = true;
}

/* The rest of a frame whose headers were read: its payload lies in this buffer and the next ones.
 */
static void hear_payload(struct guest *guest, const uint8_t *at, uint32_t len)
{
	static uint32_t place;

	if (place + len > CHUNK)
		place = 0;
	memcpy(chunk + place, at, len);
	place += len;
	guest->rcv_nxt += len;
	guest->received += len;
}

static void hear_segment(struct guest *guest, const uint8_t *frame, uint32_t len, bool *ret_is_next)
{
	const uint8_t *tcp = frame + ETH_HEADER_LEN + IP4_HEADER_LEN;
	uint32_t header_len;

	*ret_is_next = false;
	if (len < HEADERS_LEN || load_be16(frame + 12) != ETHERTYPE_IP4 || frame[23] != 6 ||
		load_be16(tcp + 2) != guest->port)
		return;
	header_len = (uint32_t)(tcp[12] >> 4) * 4;
	if (tcp[13] & TCP_RST)
		die("reset");
	if (tcp[13] & TCP_SYN && !guest->is_open) {
		hear_syn(guest, tcp, header_len);
		return;
	}
	hear_ack(guest, tcp);
	*ret_is_next = load_be32(tcp + 4) == guest->rcv_nxt;
	len = MIN(len, ETH_HEADER_LEN + (uint32_t)load_be16(frame + 16)); /* without padding */
	len -= ETH_HEADER_LEN + IP4_HEADER_LEN + header_len;
	if (load_be16(frame + 16) > IP4_HEADER_LEN + header_len)
		guest->must_ack = true;
	if (*ret_is_next && len)
		hear_payload(guest, tcp + header_len, len);
}

/* Asked who we are: that is all that is asked of us. */
static void answer_arp(struct guest *guest)
{
	uint8_t *bytes;
	struct writer w;
	unsigned slot;
	struct front_part part;

	if (!guest->free_count)
		return;
	slot = guest->free_slots[--guest->free_count];
	bytes = guest->front.memory + slot_at(slot);
	w = writer_on(bytes, 256);
	write_zeros(&w, VNET_LEN);
	write_eth(&w, GATEWAY_MAC, GUEST_MAC, ETHERTYPE_ARP);
	write_bytes(&w, "\0\1\10\0\6\4\0\2", 8);
	write_bytes(&w, &GUEST_MAC, 6);
	write_bytes(&w, "\12\11\0\11", 4);
	write_bytes(&w, &GATEWAY_MAC, 6);
	write_bytes(&w, "\12\11\0\1", 4);
	part = (struct front_part){slot_at(slot), (uint32_t)writer_len(&w)};
	front_offer(&guest->front, 1, &part, 1, FRONT_READ, slot);
	front_kick(&guest->front, 1);
}

/* All that has come; true: something did. */
static bool hear(struct guest *guest)
{
	bool is_next = false, has_heard = false;
	unsigned left = 0;
	uint64_t token;
	uint32_t len;

	while (front_used(&guest->front, 0, &token, &len)) {
		const uint8_t *bytes = guest->front.memory + token;

		has_heard = true;
		if (left) {
			if (is_next)
				hear_payload(guest, bytes, len);
			left--;
		} else {
			left = (unsigned)bytes[10] + bytes[11] * 256u - 1;
			if (load_be16(bytes + VNET_LEN + 12) == ETHERTYPE_ARP)
				answer_arp(guest);
			hear_segment(guest, bytes + VNET_LEN, len - VNET_LEN, &is_next);
		}
		make_room(guest, token);
	}
	if (has_heard)
		front_kick(&guest->front, 0);
	while (front_used(&guest->front, 1, &token, &len)) {
		guest->free_slots[guest->free_count++] = (unsigned)token;
		has_heard = true;
	}
	return has_heard;
}

/* What the window lets us, in whole super-frames; true: something was sent. */
static bool speak(struct guest *guest)
{
	bool has_spoken = false;

	while (guest->is_up && guest->is_open &&
		guest->nxt - guest->una + SUPER_LEN <= guest->peer_window &&
		say(guest, guest->nxt, TCP_ACK, SUPER_LEN)) {
		guest->nxt += SUPER_LEN;
		has_spoken = true;
		guest->must_ack = false;
	}
	if (guest->must_ack && say(guest, guest->nxt, TCP_ACK, 0)) {
		guest->must_ack = false;
		has_spoken = true;
	}
	if (has_spoken)
		front_kick(&guest->front, 1);
	return has_spoken;
}

/* As a kernel that has gone to sleep: called when there is a frame. */
static void rest(struct guest *guest, double until)
{
	struct pollfd fds[2] = {{guest->front.queues[0].call_fd, POLLIN, 0},
		{guest->front.queues[1].call_fd, POLLIN, 0}};
	uint64_t count;

	front_listen(&guest->front, 0, true);
	front_listen(&guest->front, 1, !guest->free_count);
	if (!hear(guest)) {
		poll(fds, 2, (int)MAX(MIN((until - now()) * 1000, 200), 0));
		for (unsigned i = 0; i < 2; i++) {
			if (fds[i].revents)
				(void)!read(fds[i].fd, &count, sizeof(count));
		}
	}
	front_listen(&guest->front, 0, false);
	front_listen(&guest->front, 1, false);
	if (guest->nxt != guest->una && now() - guest->last_progress > 0.2)
		guest->nxt = guest->una; /* lost: once more */
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static void open_guest(struct guest *guest, bool is_packed, const char *path)
{
	const struct front_settings settings = {
		.features = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_NET_F_MRG_RXBUF |
			    1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX |
			    1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM |
			    1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO4 |
			    (is_packed ? 1ull << VIRTIO_F_RING_PACKED : 0),
		.size = RING_SIZE,
		.memory_size = FRONT_BUFFERS + (size_t)SEND_SLOTS * SLOT_LEN +
			       (size_t)RING_SIZE * ROOM_LEN};

	if (front_open(&guest->front, connect_to(path), &settings))
		die("memory");
	for (unsigned i = 0; i < SEND_SLOTS; i++)
		guest->free_slots[guest->free_count++] = i;
	for (unsigned i = 0; i < RING_SIZE; i++)
		make_room(guest, room_at(i));
	front_kick(&guest->front, 0);
	front_start(&guest->front, &settings);
}

static void run_until(struct guest *guest, double until)
{
	while (now() < until) {
		bool has_done = hear(guest);

		has_done |= speak(guest);
		if (!has_done)
			rest(guest, until);
	}
}

static double over_rings(
	bool is_packed, bool is_up, const char *path, const char *port, double seconds)
{
	struct guest guest = {.port = (uint16_t)(20000 + getpid() % 40000),
		.server_port = (uint16_t)atoi(port),
		.una = 1,
		.nxt = 1};
	double rate;
	uint32_t seq;

	open_guest(&guest, is_packed, path);
	for (unsigned tries = 0; tries < 20 && !guest.is_open; tries++) {
		say(&guest, 0, TCP_SYN, 0);
		front_kick(&guest.front, 1);
		run_until(&guest, now() + 0.05);
	}
	if (!guest.is_open)
		die("nobody answers");
	chunk[0] = is_up ? 'u' : 'd';
	say(&guest, guest.nxt++, TCP_ACK | TCP_PSH, 1);
	front_kick(&guest.front, 1);
	guest.is_up = is_up;
	run_until(&guest, now() + 0.3);
	seq = guest.una;
	guest.received = 0;
	for (double end = now() + seconds; now() < end; seq = guest.una) {
		run_until(&guest, MIN(end, now() + 0.05));
		guest.received += is_up ? (double)(guest.una - seq) : 0;
	}
	rate = guest.received * 8 / seconds;
	say(&guest, guest.nxt, TCP_RST | TCP_ACK, 0);
	front_kick(&guest.front, 1);
	usleep(100000); /* it is heard before we are gone */
	return rate;
}

int main(int argc, char **argv)
{
	bool is_up = argc > 2 && !strcmp(argv[2], "up");

	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(argv[2]);
	if (argc != 6) {
		fputs("usage: see the top of vhost_bulk.c\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "socket"))
		printf("%.0f\n", over_socket(is_up, argv[3], argv[4], atof(argv[5])));
	else
		printf("%.0f\n", over_rings(!strcmp(argv[1], "packed"), is_up, argv[3], argv[4],
					 atof(argv[5])));
	return 0;
}
