/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What port.c, transmit.c and receive.c share of a port. */
#pragma once

#include "hub/hub.h"
#include "port/vhost/backlog.h"
#include "port/vhost/device.h"
#include "port/vhost/vhost.h"

#define FLOWS 256

struct vhost_kick {
	struct watch watch;
	struct vhost_port *port;
	unsigned queue;
};

struct vhost_port {
	struct port port;
	struct loop *loop;
	int fd; /* the socket */
	struct watch socket;
	struct vhost_kick kicks[VHOST_QUEUES_MAX];
	struct vhost_message message; /* that is coming in */
	struct vhost_device device;

	struct backlog backlogs[VHOST_PAIRS_MAX];

	uint32_t busy;	      /* queues with something to do now, a bit each */
	uint32_t receivers;   /* receiving queues that are live, a bit each */
	uint8_t flows[FLOWS]; /* the receiving queue of each: flow.c's */
	struct task work, gone;
	bool is_deaf;
	void (*on_gone)(void *owner, struct port *port, const char *why);
	void *owner;
};

static inline struct vhost_port *vhost_port_of(struct port *port)
{
	return CONTAINER_OF(port, struct vhost_port, port);
}

/* The port is deaf from now on; device.error says why. Safe from anywhere. */
void vhost_port_give_up(struct vhost_port *self);
/* Whether the guest's memory is still what it was; if not, the port gives up. */
bool vhost_port_is_sound(struct vhost_port *self);
/* Shows the guest what was given back, and calls it if it wants to hear. Not at the end of the
 * turn: a guest that begins at once has made room before the turn's last frame. */
void vhost_port_publish(struct vhost_port *self, struct vhost_queue *queue);

/* The queue is served at the end of the turn, and from then on as long as it says so. */
void vhost_port_work_later(struct vhost_port *self, const struct vhost_queue *queue);

static inline struct backlog *vhost_backlog_of(
	struct vhost_port *self, const struct vhost_queue *queue)
{
	return &self->backlogs[queue->ring.index / 2];
}

/* transmit.c: takes a batch from a queue that the guest sends on into the hub. receive.c: gives the
 * guest what waits for its buffers. True: there is more to do; false: a kick will say when. */
bool vhost_transmit(struct vhost_port *self, struct vhost_queue *queue);
bool vhost_catch_up(struct vhost_port *self, struct vhost_queue *queue);
/* flow.c: count frames came in through the queue; through which one a frame goes out. The second
 * only while some queue receives. */
void vhost_flows_learn(struct vhost_port *self, const struct vhost_queue *queue,
	const struct frame *frames, unsigned count);
unsigned vhost_flow_queue(const struct vhost_port *self, const struct frame *frame);
/* receive.c: port_ops.send. */
void vhost_receive(struct port *port, const struct frame *frames, unsigned count);
