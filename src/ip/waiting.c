/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/waiting.h"

#include <stdlib.h>

struct waiting_packet {
	struct list node;
	struct offload offload;
	uint32_t len;
	uint8_t bytes[];
};

void waiting_init(struct waiting *waiting)
{
	list_init(&waiting->hops);
	waiting->hop_count = 0;
	waiting->bytes = 0;
}

struct waiting_hop *waiting_find(const struct waiting *waiting, struct ip ip)
{
	LIST_EACH(node, &waiting->hops) {
		struct waiting_hop *hop = LIST_ENTRY(node, struct waiting_hop, node);

		if (ip_equal(hop->ip, ip))
			return hop;
	}
	return NULL;
}

void waiting_open(struct waiting *waiting, struct waiting_hop *hop, struct ip ip)
{
	if (waiting->hop_count == waiting->hops_max)
		waiting_give_up(
			LIST_ENTRY(waiting->hops.next, struct waiting_hop, node), DROP_UNREACHABLE);
	hop->waiting = waiting;
	hop->ip = ip;
	hop->count = 0;
	list_init(&hop->packets);
	list_push_back(&waiting->hops, &hop->node);
	waiting->hop_count++;
}

static struct frame frame_of(const struct waiting_packet *packet)
{
	struct frame frame = frame_linear(packet->bytes, packet->len);

	frame.offload = packet->offload;
	return frame;
}

void waiting_let_go(struct waiting_hop *hop)
{
	struct waiting *waiting = hop->waiting;

	LIST_EACH(node, &hop->packets) {
		struct waiting_packet *packet = LIST_ENTRY(node, struct waiting_packet, node);

		list_remove(&packet->node);
		waiting->bytes -= packet->len;
		free(packet);
	}
	list_remove(&hop->node);
	waiting->hop_count--;
	waiting->free_hop(hop);
}

void waiting_give_up(struct waiting_hop *hop, enum drop reason)
{
	LIST_EACH(node, &hop->packets) {
		struct frame frame = frame_of(LIST_ENTRY(node, struct waiting_packet, node));

		hop->waiting->lose(hop->waiting, reason, &frame);
	}
	waiting_let_go(hop);
}

void waiting_done(struct waiting *waiting, enum drop reason)
{
	LIST_EACH(node, &waiting->hops)
		waiting_give_up(LIST_ENTRY(node, struct waiting_hop, node), reason);
}

void waiting_add(struct waiting_hop *hop, const struct frame *frame)
{
	struct waiting *waiting = hop->waiting;
	struct waiting_packet *packet;

	if (waiting->bytes + frame->len > waiting->bytes_max ||
		hop->count == waiting->hop_packets_max) {
		waiting->lose(waiting, DROP_QUEUE_FULL, frame);
		return;
	}
	packet = malloc(sizeof(*packet) + frame->len);
	if (!packet) {
		waiting->lose(waiting, DROP_NO_MEMORY, frame);
		return;
	}
	packet->offload = frame->offload;
	packet->len = frame->len;
	frame_copy(frame, 0, packet->bytes, frame->len);
	list_push_back(&hop->packets, &packet->node);
	hop->count++;
	waiting->bytes += frame->len;
}

unsigned waiting_frames(const struct waiting_hop *hop, struct frame frames[WAITING_HOP_PACKETS_MAX])
{
	unsigned count = 0;

	LIST_EACH(node, &hop->packets)
		frames[count++] = frame_of(LIST_ENTRY(node, struct waiting_packet, node));
	return count;
}

unsigned waiting_frames_to(
	struct waiting_hop *hop, struct mac mac, struct frame frames[WAITING_HOP_PACKETS_MAX])
{
	LIST_EACH(node, &hop->packets)
		memcpy(LIST_ENTRY(node, struct waiting_packet, node)->bytes, &mac, sizeof(mac));
	return waiting_frames(hop, frames);
}
