/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bad wire: passes frames between two interfaces and loses, doubles, delays and reorders them.
 * The kernel's netem does this where it is built; this needs nothing but packet sockets.
 *
 *   mangle INTERFACE INTERFACE [drop=0.01] [duplicate=0.01] [reorder=0.01] [delay=MS] [seed=N]
 *
 * Prints its seed when it begins, and what it did as one JSON line when it is told to end.
 * The interfaces should have their offloads off, or a "frame" is a whole burst.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <math.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_SIZE 65600
#define LATE_NSEC  1000000 /* how long a reordered frame is held back at least */
#define HELD_MAX   20000
#define TURN_MAX   64 /* frames of one direction before the other has its turn */

struct frame {
	struct frame *next;
	int64_t due;
	size_t len;
	uint8_t bytes[];
};

/* One direction. Frames wait in the order in which they are due. */
struct wire {
	int from, to;
	struct frame *first, *last;
	unsigned held;
};

static struct {
	double drop, duplicate, reorder, delay;
	uint64_t seed;
} wish;

static struct {
	unsigned long passed, dropped, duplicated, reordered, overflowed;
} count;

static volatile sig_atomic_t is_over;

static void on_signal(int)
{
	is_over = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "mangle: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* splitmix64: the same seed makes the same choices for the same frames. */
static bool chance(double probability)
{
	uint64_t z = (wish.seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return ldexp((double)((z ^ (z >> 31)) >> 11), -53) < probability;
}

static int packet_open(const char *interface)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	struct packet_mreq all = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	int one = 1, room = 64 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || !address.sll_ifindex)
		die(interface);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die(interface);
	return fd;
}

static void frame_send(int fd, const uint8_t *bytes, size_t len)
{
	if (send(fd, bytes, len, 0) < 0)
		count.overflowed++;
	else
		count.passed++;
}

static void hold(struct wire *wire, const uint8_t *bytes, size_t len, int64_t due)
{
	struct frame **place = &wire->first, *frame;

	if (wire->held == HELD_MAX || !(frame = malloc(sizeof(*frame) + len))) {
		count.overflowed++;
		return;
	}
	frame->due = due;
	frame->len = len;
	memcpy(frame->bytes, bytes, len);
	if (wire->last && wire->last->due <= due)
		place = &wire->last->next;
	while (*place && (*place)->due <= due)
		place = &(*place)->next;
	frame->next = *place;
	*place = frame;
	if (!frame->next)
		wire->last = frame;
	wire->held++;
}

static void accept_frame(struct wire *wire, const uint8_t *bytes, size_t len, int64_t at)
{
	int64_t due = at + (int64_t)(wish.delay * 1e6);

	if (chance(wish.drop)) {
		count.dropped++;
		return;
	}
	if (chance(wish.reorder)) {
		count.reordered++;
		due += LATE_NSEC;
	}
	if (chance(wish.duplicate)) {
		count.duplicated++;
		hold(wire, bytes, len, due);
	}
	if (due > at)
		hold(wire, bytes, len, due);
	else
		frame_send(wire->to, bytes, len);
}

static void release(struct wire *wire, int64_t at)
{
	while (wire->first && wire->first->due <= at) {
		struct frame *frame = wire->first;

		wire->first = frame->next;
		if (!wire->first)
			wire->last = NULL;
		wire->held--;
		frame_send(wire->to, frame->bytes, frame->len);
		free(frame);
	}
}

static void turn(struct wire *wire)
{
	static uint8_t bytes[FRAME_SIZE];

	for (int i = 0; i < TURN_MAX; i++) {
		ssize_t len = recv(wire->from, bytes, sizeof(bytes), 0);

		if (len <= 0)
			break;
		accept_frame(wire, bytes, (size_t)len, now());
	}
	release(wire, now());
}

static struct timespec patience(const struct wire wires[2])
{
	int64_t due = INT64_MAX, left;

	for (int i = 0; i < 2; i++)
		if (wires[i].first && wires[i].first->due < due)
			due = wires[i].first->due;
	left = due == INT64_MAX ? 1000000000 : due - now();
	if (left < 0)
		left = 0;
	return (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
}

static void read_wishes(char **args)
{
	wish.seed = (uint64_t)now();
	for (; *args; args++)
		if (sscanf(*args, "drop=%lf", &wish.drop) != 1 &&
			sscanf(*args, "duplicate=%lf", &wish.duplicate) != 1 &&
			sscanf(*args, "reorder=%lf", &wish.reorder) != 1 &&
			sscanf(*args, "delay=%lf", &wish.delay) != 1 &&
			sscanf(*args, "seed=%lu", &wish.seed) != 1) {
			fprintf(stderr, "mangle: %s is no wish of mine\n", *args);
			exit(2);
		}
}

int main(int argc, char **argv)
{
	struct wire wires[2];
	struct pollfd ready[2];

	if (argc < 3) {
		fprintf(stderr,
			"usage: mangle INTERFACE INTERFACE [drop=P] [duplicate=P] [reorder=P] "
			"[delay=MS] [seed=N]\n");
		return 2;
	}
	read_wishes(argv + 3);
	wires[0] = (struct wire){.from = packet_open(argv[1])};
	wires[1] = (struct wire){.from = packet_open(argv[2]), .to = wires[0].from};
	wires[0].to = wires[1].from;
	for (int i = 0; i < 2; i++)
		ready[i] = (struct pollfd){.fd = wires[i].from, .events = POLLIN};
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	printf("seed=%lu\n", wish.seed);
	fflush(stdout);
	while (!is_over) {
		struct timespec wait = patience(wires);

		ppoll(ready, 2, &wait, NULL);
		turn(&wires[0]);
		turn(&wires[1]);
	}
	printf("{\"passed\": %lu, \"dropped\": %lu, \"duplicated\": %lu, \"reordered\": %lu, "
	       "\"overflowed\": %lu}\n",
		count.passed, count.dropped, count.duplicated, count.reordered, count.overflowed);
	return 0;
}
