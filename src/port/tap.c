/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * What one turn reads before the hub gets it: few enough frames that other descriptors are served,
 * few enough bytes that they are still in the cache when they are written.
 */
#define BATCH_FRAMES 32
#define BATCH_BYTES  (512 * 1024)

/* Each frame is read to where its Ethernet header begins 16 bytes into a cache line. */
#define SLOT_ALIGN   64
#define SLOT_PADDING (16 - VNET_HEADER_LEN)
#define SLOT_SIZE    (SLOT_PADDING + VNET_HEADER_LEN + ETH_FRAME_MAX)

struct tap_port {
	struct port port;
	struct loop *loop;
	struct watch watch;
	struct tap tap;
	struct task gone;
	int gone_errno; /* 0: the interface was deleted */
	void (*on_gone)(void *owner, struct port *port, const char *why);
	void *owner;
};

static struct tap_port *tap_port_of(struct port *port)
{
	return CONTAINER_OF(port, struct tap_port, port);
}

static void tell_gone(struct task *task)
{
	struct tap_port *self = CONTAINER_OF(task, struct tap_port, gone);
	char why[96];

	if (!self->on_gone)
		return;
	if (self->gone_errno)
		snprintf(why, sizeof(why), "interface '%s': %s", self->tap.name,
			strerror(self->gone_errno));
	else
		snprintf(why, sizeof(why), "interface '%s' was deleted", self->tap.name);
	self->on_gone(self->owner, &self->port, why);
}

static void give_up(struct tap_port *self, int code)
{
	if (self->port.is_down)
		return;
	self->port.is_down = true;
	self->gone_errno = code == EBADFD ? 0 : code;
	loop_unwatch(&self->watch);
	loop_defer(self->loop, &self->gone);
}

/* Reads one frame to its slot. Its length, or 0 when there is none (or the TAP is gone). */
static uint32_t read_frame(struct tap_port *self, uint8_t *slot)
{
	ssize_t len = read(self->tap.fd, slot + SLOT_PADDING, SLOT_SIZE - SLOT_PADDING);

	if (len > VNET_HEADER_LEN)
		return (uint32_t)len - VNET_HEADER_LEN;
	if (len < 0 && errno != EAGAIN && errno != EINTR)
		give_up(self, errno);
	return 0;
}

static void receive(struct tap_port *self)
{
	uint8_t *slot = loop_scratch(self->loop, BATCH_BYTES + SLOT_SIZE);
	uint8_t *const end = slot + BATCH_BYTES;
	struct frame frames[BATCH_FRAMES];
	unsigned count = 0;
	uint32_t len;

	if (!slot)
		return; /* the frames wait in the kernel's ring */
	while (count < BATCH_FRAMES && slot < end && (len = read_frame(self, slot))) {
		uint8_t *header = slot + SLOT_PADDING;
		struct frame *frame = &frames[count];

		*frame = frame_linear(header + VNET_HEADER_LEN, len);
		if (vnet_read(header, len, &frame->offload))
			count++;
		else
			port_drop_in(&self->port, DROP_MALFORMED, frame);
		slot += (SLOT_PADDING + VNET_HEADER_LEN + len + SLOT_ALIGN - 1) &
			~(SLOT_ALIGN - 1u);
	}
	if (count)
		hub_receive(&self->port, frames, count, loop_now(self->loop));
}

static void on_ready(struct watch *watch, uint32_t events)
{
	struct tap_port *self = CONTAINER_OF(watch, struct tap_port, watch);

	if (events & (EPOLLERR | EPOLLHUP))
		give_up(self, EBADFD);
	else
		receive(self);
}

static enum drop drop_reason(int code)
{
	switch (code) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return DROP_QUEUE_FULL;
	case EIO: /* the interface is not up */
	case EBADFD:
		return DROP_LINK_DOWN;
	default:
		return DROP_IO;
	}
}

static void send_frame(struct tap_port *self, const struct frame *frame)
{
	struct iovec parts[2 + FRAME_BODY_MAX];
	uint8_t header[VNET_HEADER_LEN];

	vnet_write(header, &frame->offload);
	parts[0] = (struct iovec){header, sizeof(header)};
	parts[1] = (struct iovec){(void *)frame->head, frame->head_len};
	for (unsigned i = 0; i < frame->body_count; i++)
		parts[2 + i] = frame->body[i];
	if (writev(self->tap.fd, parts, (int)(2 + frame->body_count)) < 0)
		port_drop(&self->port, drop_reason(errno), frame);
}

void tap_port_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct tap_port *self = tap_port_of(port);

	for (unsigned i = 0; i < count; i++)
		send_frame(self, &frames[i]);
}

void tap_port_set_link(struct port *port, bool is_up)
{
	tap_set_carrier(&tap_port_of(port)->tap, is_up);
}

void tap_port_free(struct port *port)
{
	struct tap_port *self = tap_port_of(port);

	loop_undefer(self->loop, &self->gone);
	loop_unwatch(&self->watch);
	tap_close(&self->tap);
	free(self);
}

static void fill_port(struct tap_port *self, const struct port_settings *settings)
{
	struct port *port = &self->port;

	memcpy(port->name, settings->name, sizeof(port->name));
	memcpy(port->interface, self->tap.name, sizeof(port->interface));
	port->mac = self->tap.mac;
	port->mtu = settings->mtu;
	port->takes = TAKES_CHECKSUM | TAKES_TCP4 | TAKES_TCP6;
	if (self->tap.has_udp_segments)
		port->takes |= TAKES_UDP;
}

struct port *tap_port_new(struct loop *loop, const struct port_ops *ops, const struct tap *tap,
	const struct port_settings *settings)
{
	struct tap_port *self = calloc(1, sizeof(*self));
	int err;

	if (!self) {
		close(tap->fd);
		errno = ENOMEM;
		return NULL;
	}
	self->loop = loop;
	self->tap = *tap;
	self->watch.on_ready = on_ready;
	self->gone.run = tell_gone;
	self->on_gone = settings->on_gone;
	self->owner = settings->owner;
	self->port.ops = ops;
	fill_port(self, settings);
	err = loop_watch(loop, &self->watch, tap->fd, EPOLLIN);
	if (!err)
		return &self->port;
	tap_port_free(&self->port);
	errno = -err;
	return NULL;
}
