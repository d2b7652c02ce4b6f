/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/datagram.h"

#include "port/datagram_link.h"
#include "port/datagram_read.h"
#include "port/gone.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct datagram_port {
	struct port port;
	struct datagram_link link;
	struct gone gone;
};

static struct datagram_port *datagram_port_of(struct port *port)
{
	return CONTAINER_OF(port, struct datagram_port, port);
}

static void on_lost(struct datagram_link *link, int code)
{
	struct datagram_port *self = CONTAINER_OF(link, struct datagram_port, link);

	gone_tell(&self->gone, "%s", datagram_lost_text(code));
}

static void receive(struct datagram_port *self)
{
	struct datagram_batch batch;
	int err = datagram_read(self->link.loop, self->link.fd, &batch, NULL);

	if (err)
		gone_tell(&self->gone, "%s", strerror(-err));
	datagram_give(&self->port, &batch, loop_now(self->link.loop));
}

static void on_ready(struct watch *watch, uint32_t events)
{
	struct datagram_port *self = CONTAINER_OF(watch, struct datagram_port, link.watch);

	if (events & ~EPOLLOUT)
		receive(self);
	if (events & EPOLLOUT && !self->port.is_down)
		datagram_link_drain(&self->link);
}

static void datagram_port_send(struct port *port, const struct frame *frames, unsigned count)
{
	datagram_link_send(&datagram_port_of(port)->link, frames, count);
}

static void datagram_port_free(struct port *port)
{
	struct datagram_port *self = datagram_port_of(port);

	gone_done(&self->gone);
	datagram_link_done(&self->link);
	free(self);
}

static const struct port_ops datagram_port_ops = {
	.kind = "vm", .send = datagram_port_send, .free = datagram_port_free};

struct port *datagram_port_new_connected(
	struct loop *loop, int fd, const struct port_settings *settings)
{
	struct datagram_port *self = calloc(1, sizeof(*self));
	int err;

	if (!self) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	self->port.ops = &datagram_port_ops;
	gone_init(&self->gone, loop, &self->port, settings);
	self->gone.watches[0] = &self->link.watch;
	self->link.port = &self->port;
	self->link.loop = loop;
	self->link.watch.on_ready = on_ready;
	self->link.on_lost = on_lost;
	datagram_link_init(&self->link);
	err = datagram_link_connect(&self->link, fd, EPOLLIN);
	if (!err)
		return &self->port;
	datagram_port_free(&self->port);
	errno = -err;
	return NULL;
}
