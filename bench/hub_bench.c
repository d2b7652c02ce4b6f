/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unicast frames from one in-memory port of a hub to another, in batches, with the MAC table filled
 * with as many addresses as asked for, half behind each port. Every frame has another source and
 * another destination, as far as there are. What is to be measured happens in measured(), so that
 * callgrind can be told to look at nothing else: see hub_instructions.sh.
 */
#include "hub/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH	  64
#define FRAME_LEN 64
#define RING_SIZE 256

/* Puts frames into a ring, as a port does whose other end polls one. */
struct memory_port {
	struct port port;
	uint8_t ring[RING_SIZE][FRAME_LEN];
	uint64_t at;
};

static void memory_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct memory_port *memory = CONTAINER_OF(port, struct memory_port, port);

	for (unsigned i = 0; i < count; i++)
		memcpy(memory->ring[memory->at++ % RING_SIZE], frames[i].head, FRAME_LEN);
}

static void memory_free(struct port *)
{
}

static const struct port_ops memory_ops = {"memory", memory_send, memory_free};

/* Spread over all of the address, as those of real machines are. */
static struct mac mac_of(uint64_t number)
{
	struct mac mac;

	number *= 0x9e3779b97f4a7c15;
	memcpy(&mac, &number, sizeof(mac));
	mac.bytes[0] = 2;
	return mac;
}

static void learn(struct port *port, uint32_t first, uint32_t count)
{
	uint8_t bytes[FRAME_LEN] = {0};
	struct eth_header eth = {.to = MAC_BROADCAST};

	for (uint32_t i = 0; i < count; i++) {
		struct frame frame = frame_linear(bytes, sizeof(bytes));

		eth.from = mac_of(first + i);
		memcpy(bytes, &eth, sizeof(eth));
		hub_receive(port, &frame, 1, NSEC_PER_SEC);
	}
}

static struct frame *make_frames(uint32_t count, uint32_t mac_count)
{
	uint8_t(*bytes)[FRAME_LEN] = calloc(count, sizeof(*bytes));
	struct frame *frames = calloc(count, sizeof(*frames));

	if (!bytes || !frames)
		exit(1);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t half = mac_count / 2;
		struct eth_header eth = {.to = mac_of(half + i % half), .from = mac_of(i % half)};

		memcpy(bytes[i], &eth, sizeof(eth));
		frames[i] = frame_linear(bytes[i], FRAME_LEN);
	}
	return frames;
}

/* between: from one batch to the next. */
static __attribute__((noinline)) void measured(
	struct port *from, const struct frame *frames, uint32_t count, nsec between)
{
	for (uint32_t i = 0; i < count; i += BATCH)
		hub_receive(from, frames + i, BATCH, NSEC_PER_SEC + i / BATCH * between);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / NSEC_PER_SEC;
}

int main(int argc, char **argv)
{
	static struct memory_port ports[2] = {{.port.ops = &memory_ops}, {.port.ops = &memory_ops}};
	const struct hash_key key = {0x243f6a8885a308d3, 0x13198a2e03707344};
	struct hub *hub = hub_new("bench", &key);
	struct frame *frames;
	uint32_t mac_count, frame_count;
	double start;

	if (argc != 4 || !hub) {
		fprintf(stderr, "usage: hub_bench MACS FRAMES MICROSECONDS-BETWEEN-BATCHES\n");
		return 2;
	}
	mac_count = (uint32_t)atoi(argv[1]);
	frame_count = (uint32_t)atoi(argv[2]) / BATCH * BATCH;
	frames = make_frames(frame_count, mac_count);
	for (unsigned i = 0; i < 2; i++) {
		ports[i].port.mtu = 1500;
		if (hub_attach(hub, &ports[i].port, 0) < 0)
			return 1;
		learn(&ports[i].port, i * (mac_count / 2), mac_count / 2);
	}
	start = seconds();
	measured(&ports[0].port, frames, frame_count, atoi(argv[3]) * NSEC_PER_USEC);
	printf("%u frames %.1f ns each\n", frame_count, (seconds() - start) / frame_count * 1e9);
	if (ports[1].port.out.frames != frame_count) {
		fprintf(stderr, "hub_bench: %u frames went in, %llu came out\n", frame_count,
			(unsigned long long)ports[1].port.out.frames);
		return 1;
	}
	hub_free(hub);
	return 0;
}
