/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that wait for the MAC address of whoever is next on their way (ip/waiting.h). */
#include "ip/router/leg_parts.h"
#include "wire/eth.h"

#include <stdlib.h>

#define HOPS_MAX  128 /* below QUERIES_MAX of ip/neighbour.h */
#define BYTES_MAX ((size_t)1 << 20)

struct hop {
	struct waiting_hop waiting;
	struct resolve resolve;
	struct leg *leg;
	struct mac mac; /* zero: nobody answered */
	bool is_over;
};

static struct hop *hop_of(struct waiting_hop *waiting)
{
	return CONTAINER_OF(waiting, struct hop, waiting);
}

static void lose(struct waiting *waiting, enum drop reason, const struct frame *frame)
{
	port_drop_in(&CONTAINER_OF(waiting, struct leg, waiting)->host.port, reason, frame);
}

static void free_hop(struct waiting_hop *waiting)
{
	struct hop *hop = hop_of(waiting);

	host_resolve_cancel(&hop->resolve);
	free(hop);
}

/* It may come while the hub is busy, or at once: what waits leaves with the next run. */
static void on_resolved(struct resolve *resolve, struct ip, struct mac mac, nsec)
{
	struct hop *hop = CONTAINER_OF(resolve, struct hop, resolve);

	hop->mac = mac;
	hop->is_over = true;
	machine_wake(&hop->leg->machine);
}

static struct waiting_hop *open_hop(struct leg *leg, struct ip ip, nsec now)
{
	struct hop *hop = calloc(1, sizeof(*hop));

	if (!hop)
		return NULL;
	hop->leg = leg;
	hop->resolve.on_resolved = on_resolved;
	waiting_open(&leg->waiting, &hop->waiting, ip);
	host_resolve(&leg->host, ip, &hop->resolve, now);
	return &hop->waiting;
}

bool hop_is_awaited(const struct leg *leg, struct ip ip)
{
	return UNLIKELY(leg->waiting.hop_count) && waiting_find(&leg->waiting, ip);
}

void hop_await(struct leg *leg, const struct handed *handed, nsec now)
{
	struct waiting_hop *hop = waiting_find(&leg->waiting, handed->hop);
	struct frame frame = frame_linear(handed->bytes, handed->len);

	frame.offload = handed->offload;
	if (!hop)
		hop = open_hop(leg, handed->hop, now);
	if (hop)
		waiting_add(hop, &frame);
	else
		lose(&leg->waiting, DROP_NO_MEMORY, &frame);
}

static void refuse(struct hop *hop, nsec now)
{
	struct leg *leg = hop->leg;
	struct frame frames[WAITING_HOP_PACKETS_MAX];
	unsigned count = waiting_frames(&hop->waiting, frames);

	leg->counters.no_neighbour += count;
	for (unsigned i = 0; i < count; i++) {
		struct packet packet;

		if (packet_parse(frames[i].head, frames[i].head_len, frames[i].len, &packet) ==
			PACKET_OK)
			leg_complain_unreachable(leg, true, &frames[i], &packet, now);
	}
	waiting_give_up(&hop->waiting, DROP_UNREACHABLE);
}

static void send_all(struct hop *hop, nsec now)
{
	struct frame frames[WAITING_HOP_PACKETS_MAX];
	unsigned count = waiting_frames_to(&hop->waiting, hop->mac, frames);

	leg_send(hop->leg, frames, count, now);
	waiting_let_go(&hop->waiting);
}

void hops_run(struct leg *leg, nsec now)
{
	LIST_EACH(node, &leg->waiting.hops) {
		struct hop *hop = hop_of(LIST_ENTRY(node, struct waiting_hop, node));

		if (!hop->is_over)
			continue;
		if (mac_is_zero(hop->mac))
			refuse(hop, now);
		else
			send_all(hop, now);
	}
}

void hops_init(struct leg *leg)
{
	leg->waiting = (struct waiting){.hops_max = HOPS_MAX,
		.hop_packets_max = WAITING_HOP_PACKETS_MAX,
		.bytes_max = BYTES_MAX,
		.lose = lose,
		.free_hop = free_hop};
	waiting_init(&leg->waiting);
}

void hops_done(struct leg *leg)
{
	waiting_done(&leg->waiting, DROP_LINK_DOWN);
}
