/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of frames between hub, wire and host. */
#include "port/nic/nic_internal.h"

#include <errno.h>

static enum drop drop_reason(int code)
{
	switch (code) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return DROP_QUEUE_FULL;
	case ENETDOWN:
	case ENXIO:
	case ENODEV:
		return DROP_LINK_DOWN;
	case EMSGSIZE:
		return DROP_GIANT;
	default:
		return DROP_IO;
	}
}

/* A kernel before 6.2 takes no UDP super-frames: the first one is lost, for the next the hub knows.
 */
static void note_refusal(struct nic_port *self, const struct frame *frame, int code)
{
	port_drop(&self->port, drop_reason(code), frame);
	if (code == EINVAL && frame->offload.kind == SEGMENT_UDP)
		self->port.takes &= ~(unsigned)TAKES_UDP;
}

static void flush(struct nic_port *self)
{
	unsigned count = self->outgoing_count, at = 0;

	self->outgoing_count = 0;
	while (at < count) {
		at += packet_socket_send(&self->nic.socket, self->outgoing + at, count - at);
		if (at == count)
			break;
		note_refusal(self, self->outgoing[at].frame, errno);
		at++;
	}
}

/* translated: NULL, or what takes the place of the frame's beginning. */
static void to_wire(
	struct nic_port *self, const struct frame *frame, const struct translated *translated)
{
	struct outgoing *outgoing = &self->outgoing[self->outgoing_count++];

	*outgoing = (struct outgoing){.frame = frame};
	if (translated) {
		outgoing->head = translated->bytes;
		outgoing->head_len = translated->len;
		outgoing->replaces = translated->replaces;
	}
}

static void to_host(
	struct nic_port *self, const struct frame *frame, const struct translated *translated)
{
	if (!host_reach_send(&self->nic.reach, frame, translated->bytes, translated->len,
		    translated->replaces))
		port_drop(&self->port, drop_reason(errno), frame);
}

static void send_translated(struct nic_port *self, const struct frame *frame)
{
	struct translated *translated = &self->translated[self->outgoing_count];

	switch (translate_out(self->translate, frame, translated, hub_now(self->port.hub))) {
	case TRANSLATE_DROP:
		port_drop(&self->port, translated->reason, frame);
		return;
	case TRANSLATE_DONE:
		return;
	case TRANSLATE_PASS:
		break;
	}
	if (translated->to & TRANSLATE_HOST)
		to_host(self, frame, translated);
	if (translated->to & TRANSLATE_WIRE)
		to_wire(self, frame, translated);
}

/* To the host its guests are at the NIC's own address in this mode too: so it sends what is for
 * them where the switch will not send it on, and we can tell it from what is for others. */
static void send_to_host(struct nic_port *self, const struct frame *frame)
{
	struct translated *translated = &self->translated[self->outgoing_count];

	if (translate_out(self->translate, frame, translated, hub_now(self->port.hub)) ==
			TRANSLATE_PASS &&
		translated->to & TRANSLATE_HOST)
		to_host(self, frame, translated);
}

static void send_transparent(struct nic_port *self, const struct frame *frame)
{
	struct mac to;

	memcpy(&to, frame->head, sizeof(to));
	if (mac_equal(to, self->port.mac)) {
		if (reaches_host(self))
			send_to_host(self, frame);
		else
			port_drop(&self->port, DROP_UNREACHABLE, frame);
		return;
	}
	if (reaches_host(self) && mac_is_group(to))
		send_to_host(self, frame);
	to_wire(self, frame, NULL);
}

void nic_port_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct nic_port *self = nic_port_of(port);

	for (unsigned i = 0; i < count; i++) {
		if (is_transparent(self))
			send_transparent(self, &frames[i]);
		else
			send_translated(self, &frames[i]);
		if (self->outgoing_count == PACKET_BATCH_MAX)
			flush(self);
	}
	flush(self);
}

void nic_port_emit(void *owner, enum translate_side to, const struct frame *frame)
{
	struct nic_port *self = owner;

	if (to == TRANSLATE_HUB) {
		hub_receive(&self->port, frame, 1, loop_now(self->loop));
	} else if (!self->port.is_down) {
		to_wire(self, frame, NULL);
		flush(self);
	}
}

/* Translates a frame where it lies; nothing that comes in gets longer or shorter. */
static bool translate_here(struct nic_port *self, struct packet_received *received)
{
	enum translate_side from = received->is_from_host ? TRANSLATE_HOST : TRANSLATE_WIRE;
	struct translated *translated = &self->translated[0];

	if (translate_in(self->translate, from, &received->frame, translated,
		    loop_now(self->loop)) == TRANSLATE_PASS) {
		memcpy((uint8_t *)received->frame.head, translated->bytes, translated->len);
		return true;
	}
	port_drop_in(&self->port, translated->reason, &received->frame);
	return false;
}

static bool accept(struct nic_port *self, struct packet_received *received)
{
	if (received->is_giant || received->is_malformed) {
		port_drop_in(&self->port, received->is_giant ? DROP_GIANT : DROP_MALFORMED,
			&received->frame);
		return false;
	}
	if (self->mode == NIC_AUTO && !received->is_from_host &&
		nic_trial_hear(&self->trial, &received->frame))
		return false;
	if (is_transparent(self) && !received->is_from_host)
		return true;
	return translate_here(self, received);
}

void nic_port_count_lost(struct nic_port *self)
{
	self->port.in.drops[DROP_QUEUE_FULL] += packet_socket_lost(&self->nic.socket);
}

void nic_port_receive(struct nic_port *self)
{
	uint8_t *arena = loop_scratch(self->loop, PACKET_ARENA);
	struct packet_received received[PACKET_BATCH_MAX];
	struct frame frames[PACKET_BATCH_MAX];
	unsigned count = 0;
	int got;

	if (!arena)
		return; /* the frames wait in the kernel's queue */
	/* Of an interface that went or is down link_watch tells. */
	got = packet_socket_receive(&self->nic.socket, arena, received);
	if (got >= PACKET_BATCH_MIN)
		nic_port_count_lost(self); /* there are many: perhaps too many */
	for (int i = 0; i < got; i++) {
		if (accept(self, &received[i]))
			frames[count++] = received[i].frame;
	}
	if (count)
		hub_receive(&self->port, frames, count, loop_now(self->loop));
}
