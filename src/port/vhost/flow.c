/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of a guest's receiving queues a frame goes to: that of the pair on which the guest sends
 * the same conversation, so that one of its processors has all of it. What was never heard of goes
 * to the first.
 */
#include "port/vhost/port.h"

#include "base/hash.h"
#include "wire/packet.h"

static bool has_several(uint32_t queues)
{
	return queues & (queues - 1);
}

/* The same number for both directions of a conversation. */
static unsigned flow_of(const struct frame *frame)
{
	static const struct hash_key key = {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f};
	struct packet packet;
	uint64_t from[3], to[3];

	if (packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK ||
		!packet.version)
		return 0;
	memcpy(from, &packet.from, sizeof(packet.from));
	memcpy(to, &packet.to, sizeof(packet.to));
	from[2] = packet.from_port;
	to[2] = packet.to_port;
	for (unsigned i = 0; i < ARRAY_SIZE(from); i++)
		from[i] ^= to[i];
	return hash_words(&key, from, ARRAY_SIZE(from)) % FLOWS;
}

void vhost_flows_learn(struct vhost_port *self, const struct vhost_queue *queue,
	const struct frame *frames, unsigned count)
{
	for (unsigned i = 0; has_several(self->receivers) && i < count; i++)
		self->flows[flow_of(&frames[i])] = (uint8_t)(queue->ring.index - 1);
}

unsigned vhost_flow_queue(const struct vhost_port *self, const struct frame *frame)
{
	const unsigned first = (unsigned)__builtin_ctz(self->receivers);
	unsigned queue;

	if (!has_several(self->receivers))
		return first;
	queue = self->flows[flow_of(frame)];
	return self->receivers >> queue & 1 ? queue : first;
}
