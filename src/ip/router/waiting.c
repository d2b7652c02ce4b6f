/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that wait for a neighbour's MAC address. Whoever asks for addresses where nobody is does
 * not keep others from theirs: the neighbour waited for longest makes way.
 */
#include "ip/host_parts.h"
#include "ip/router/leg_parts.h"
#include "wire/eth.h"

#include <stdlib.h>

#define HOPS_MAX	128 /* below QUERIES_MAX of ip/neighbour.h */
#define HOP_PACKETS_MAX 16
#define BYTES_MAX	((size_t)1 << 20) /* over all */

struct waiting {
	struct list node;
	struct offload offload;
	uint32_t len;
	uint8_t bytes[];
};

struct hop {
	struct list node; /* the leg's, the oldest first */
	struct resolve resolve;
	struct leg *leg;
	struct ip ip;
	struct mac mac; /* zero: nobody answered */
	bool is_over;
	struct list packets;
	unsigned count;
};

static struct hop *find(const struct leg *leg, struct ip ip)
{
	LIST_EACH(node, &leg->hops) {
		struct hop *hop = LIST_ENTRY(node, struct hop, node);

		if (ip_equal(hop->ip, ip))
			return hop;
	}
	return NULL;
}

bool waiting_has(const struct leg *leg, struct ip ip)
{
	return UNLIKELY(leg->hop_count) && find(leg, ip);
}

static struct frame frame_of(const struct waiting *waiting)
{
	struct frame frame = frame_linear(waiting->bytes, waiting->len);

	frame.offload = waiting->offload;
	return frame;
}

static void forget_packet(struct hop *hop, struct waiting *waiting)
{
	list_remove(&waiting->node);
	hop->count--;
	hop->leg->waiting_bytes -= waiting->len;
	free(waiting);
}

static void forget_hop(struct hop *hop)
{
	host_resolve_cancel(&hop->resolve);
	list_remove(&hop->node);
	hop->leg->hop_count--;
	free(hop);
}

static void lose(struct leg *leg, enum drop reason, const struct handed *handed)
{
	struct frame frame = frame_linear(handed->bytes, handed->len);

	port_drop_in(&leg->host.port, reason, &frame);
}

static void give_up(struct hop *hop, enum drop reason)
{
	LIST_EACH(node, &hop->packets) {
		struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);
		struct frame frame = frame_of(waiting);

		port_drop_in(&hop->leg->host.port, reason, &frame);
		forget_packet(hop, waiting);
	}
	forget_hop(hop);
}

/* It may come while the hub is busy, or at once: what waits leaves with the next run. */
static void on_resolved(struct resolve *resolve, struct ip, struct mac mac, nsec)
{
	struct hop *hop = CONTAINER_OF(resolve, struct hop, resolve);

	hop->mac = mac;
	hop->is_over = true;
	machine_wake(&hop->leg->machine);
}

static struct hop *make_hop(struct leg *leg, struct ip ip, nsec now)
{
	struct hop *hop = calloc(1, sizeof(*hop));

	if (!hop)
		return NULL;
	if (leg->hop_count == HOPS_MAX)
		give_up(LIST_ENTRY(leg->hops.next, struct hop, node), DROP_UNREACHABLE);
	*hop = (struct hop){.leg = leg, .ip = ip, .resolve.on_resolved = on_resolved};
	list_init(&hop->packets);
	list_push_back(&leg->hops, &hop->node);
	leg->hop_count++;
	host_resolve(&leg->host, ip, &hop->resolve, now);
	return hop;
}

void waiting_add(struct leg *leg, const struct handed *handed, nsec now)
{
	struct hop *hop = find(leg, handed->hop);
	struct waiting *waiting;

	if (leg->waiting_bytes + handed->len > BYTES_MAX ||
		(hop && hop->count == HOP_PACKETS_MAX)) {
		lose(leg, DROP_QUEUE_FULL, handed);
		return;
	}
	if (!hop)
		hop = make_hop(leg, handed->hop, now);
	waiting = hop ? malloc(sizeof(*waiting) + handed->len) : NULL;
	if (!waiting) {
		lose(leg, DROP_NO_MEMORY, handed);
		return;
	}
	waiting->offload = handed->offload;
	waiting->len = handed->len;
	memcpy(waiting->bytes, handed->bytes, handed->len);
	list_push_back(&hop->packets, &waiting->node);
	hop->count++;
	leg->waiting_bytes += handed->len;
}

static void refuse(struct hop *hop, nsec now)
{
	struct leg *leg = hop->leg;

	leg->counters.no_neighbour += hop->count;
	LIST_EACH(node, &hop->packets) {
		struct frame frame = frame_of(LIST_ENTRY(node, struct waiting, node));
		struct packet packet;

		if (packet_parse(frame.head, frame.head_len, frame.len, &packet) == PACKET_OK)
			leg_complain_unreachable(leg, true, &frame, &packet, now);
	}
	give_up(hop, DROP_UNREACHABLE);
}

static void send_all(struct hop *hop, nsec now)
{
	struct frame frames[HOP_PACKETS_MAX];
	unsigned count = 0;

	LIST_EACH(node, &hop->packets) {
		struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);

		memcpy(waiting->bytes, &hop->mac, sizeof(hop->mac));
		frames[count++] = frame_of(waiting);
	}
	leg_send(hop->leg, frames, count, now);
	LIST_EACH(node, &hop->packets)
		forget_packet(hop, LIST_ENTRY(node, struct waiting, node));
	forget_hop(hop);
}

void waiting_run(struct leg *leg, nsec now)
{
	LIST_EACH(node, &leg->hops) {
		struct hop *hop = LIST_ENTRY(node, struct hop, node);

		if (!hop->is_over)
			continue;
		if (mac_is_zero(hop->mac))
			refuse(hop, now);
		else
			send_all(hop, now);
	}
}

void waiting_done(struct leg *leg)
{
	LIST_EACH(node, &leg->hops)
		give_up(LIST_ENTRY(node, struct hop, node), DROP_LINK_DOWN);
}
