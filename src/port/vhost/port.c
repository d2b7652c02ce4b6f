/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vhost-user device on a loop and a hub. */
#include "port/vhost/port.h"

#include "port/vhost/features.h"
#include "wire/arp.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MESSAGES_MAX 16 /* in a turn */

static struct vhost_port *port_of_device(struct vhost_device *device)
{
	return CONTAINER_OF(device, struct vhost_port, device);
}

static void unwatch(struct vhost_port *self)
{
	loop_unwatch(&self->socket);
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		loop_unwatch(&self->kicks[i].watch);
	loop_undefer(self->loop, &self->work);
}

static bool is_cut(const struct vhost_port *self)
{
	return self->device.memory.is_broken || self->device.inflight.is_broken ||
	       self->device.log.is_broken;
}

/* Rings of zeroes are no lie of the driver's: the cut is why. */
void vhost_port_give_up(struct vhost_port *self)
{
	if (self->is_deaf)
		return;
	self->is_deaf = self->port.is_down = true;
	self->receivers = self->busy = 0;
	if (is_cut(self)) {
		self->device.error.text[0] = 0;
		error_set(&self->device.error, EFAULT,
			"the file behind the guest's memory was cut short");
	}
	unwatch(self);
	loop_defer(self->loop, &self->gone);
}

bool vhost_port_is_sound(struct vhost_port *self)
{
	if (is_cut(self))
		vhost_port_give_up(self);
	return !self->is_deaf;
}

static void tell_gone(struct task *task)
{
	struct vhost_port *self = CONTAINER_OF(task, struct vhost_port, gone);

	if (self->on_gone)
		self->on_gone(self->owner, &self->port, self->device.error.text);
}

/* A batch of each in turn. */
static void run_work(struct task *task)
{
	struct vhost_port *self = CONTAINER_OF(task, struct vhost_port, work);

	for (uint32_t left = self->busy; left && !self->is_deaf; left &= left - 1) {
		const unsigned index = (unsigned)__builtin_ctz(left);
		struct vhost_queue *queue = &self->device.queues[index];
		bool has_more = queue->ring.is_written ? vhost_catch_up(self, queue)
						       : vhost_transmit(self, queue);

		if (!has_more)
			self->busy &= ~(1u << index);
	}
	if (self->busy)
		loop_defer(self->loop, &self->work);
}

void vhost_port_work_later(struct vhost_port *self, const struct vhost_queue *queue)
{
	self->busy |= 1u << queue->ring.index;
	loop_defer(self->loop, &self->work);
}

void vhost_port_publish(struct vhost_port *self, struct vhost_queue *queue)
{
	if (!vhost_port_is_sound(self))
		return;
	virtqueue_publish(&queue->ring);
	if (vhost_device_is_logged(&self->device))
		vhost_log_rings(&self->device, queue);
	vhost_queue_call(queue);
}

/* The counter is not read, which might wait for the front end: each kick is an edge. */
static void on_kick(struct watch *watch, uint32_t)
{
	struct vhost_kick *kick = CONTAINER_OF(watch, struct vhost_kick, watch);
	struct vhost_queue *queue = &kick->port->device.queues[kick->queue];

	virtqueue_silence(&queue->ring);
	vhost_port_work_later(kick->port, queue);
}

/* What is taken as it is follows from what the driver agreed to receive. */
static unsigned takes_of(const struct vhost_device *device)
{
	unsigned takes = 0;

	if (!vhost_device_has(device, VIRTIO_NET_F_GUEST_CSUM))
		return 0;
	takes |= TAKES_CHECKSUM;
	takes |= vhost_device_has(device, VIRTIO_NET_F_GUEST_TSO4) ? TAKES_TCP4 : 0;
	takes |= vhost_device_has(device, VIRTIO_NET_F_GUEST_TSO6) ? TAKES_TCP6 : 0;
	if (vhost_device_has(device, NET_GUEST_USO4) && vhost_device_has(device, NET_GUEST_USO6))
		takes |= TAKES_UDP;
	return takes;
}

/* The link is up while a pair is, or half of one. */
static void take_stock(struct vhost_port *self)
{
	bool is_up = false;

	self->receivers = 0;
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		if (!vhost_queue_is_live(&self->device.queues[i]))
			continue;
		is_up = true;
		if (self->device.queues[i].ring.is_written)
			self->receivers |= 1u << i;
	}
	self->port.is_down = !is_up;
	self->port.takes = takes_of(&self->device);
}

/* Frames may wait already: after a reconnect nobody kicks for those. Buffers to receive in are
 * looked for when there is a frame. */
static int start(struct vhost_port *self, unsigned index)
{
	struct vhost_queue *queue = &self->device.queues[index];

	virtqueue_silence(&queue->ring);
	if (!queue->ring.is_written)
		vhost_port_work_later(self, queue);
	return loop_watch(self->loop, &self->kicks[index].watch, queue->kick_fd, EPOLLIN | EPOLLET);
}

static void lose_backlog(struct vhost_port *self, struct backlog *backlog)
{
	struct frame frame;

	while (backlog_first(backlog, &frame)) {
		port_drop(&self->port, DROP_LINK_DOWN, &frame);
		backlog_remove_first(backlog);
	}
	backlog_done(backlog);
}

static void on_queue(struct vhost_device *device, unsigned index)
{
	struct vhost_port *self = port_of_device(device);
	int err = 0;

	if (self->is_deaf)
		return;
	loop_unwatch(&self->kicks[index].watch);
	self->busy &= ~(1u << index);
	if (device->queues[index].is_running)
		err = start(self, index);
	if (device->queues[index].ring.is_written)
		lose_backlog(self, &self->backlogs[index / 2]);
	take_stock(self);
	if (err) {
		error_set(&device->error, -err, "queue %u: %s", index, strerror(-err));
		vhost_port_give_up(self);
	}
}

/* As QEMU would have a guest say it that cannot: bridges on the way learn the address. */
static void on_announce(struct vhost_device *device, struct mac mac)
{
	struct vhost_port *self = port_of_device(device);
	const struct arp arp = {.operation = RARP_REQUEST, .from_mac = mac, .to_mac = mac};
	uint8_t bytes[ETH_FRAME_MIN] = {0};
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct frame frame;

	write_eth(&w, MAC_BROADCAST, mac, ETHERTYPE_RARP);
	write_arp(&w, &arp);
	frame = frame_linear(bytes, sizeof(bytes));
	hub_receive(&self->port, &frame, 1, loop_now(self->loop));
}

static const struct vhost_device_ops device_ops = {
	.on_queue = on_queue, .on_announce = on_announce};

static int answer(struct vhost_port *self)
{
	struct vhost_message *message = &self->message;
	struct vhost_answer wanted;
	int err = vhost_device_handle(&self->device, message, &wanted);

	if (err || !wanted.len)
		return err;
	err = vhost_message_reply(self->fd, message, wanted.len, wanted.fd, &self->device.error);
	if (wanted.fd >= 0)
		close(wanted.fd);
	return err;
}

static void on_socket(struct watch *watch, uint32_t)
{
	struct vhost_port *self = CONTAINER_OF(watch, struct vhost_port, socket);
	int result = 1;

	for (unsigned i = 0; i < MESSAGES_MAX && result > 0 && !self->is_deaf; i++) {
		result = vhost_message_read(self->fd, &self->message, &self->device.error);
		if (result <= 0)
			break;
		result = answer(self) ? -1 : 1;
		vhost_message_done(&self->message);
	}
	if (result < 0)
		vhost_port_give_up(self);
}

static void vhost_free(struct port *port)
{
	struct vhost_port *self = vhost_port_of(port);

	self->is_deaf = true;
	unwatch(self);
	loop_undefer(self->loop, &self->gone);
	for (unsigned i = 0; i < VHOST_PAIRS_MAX; i++)
		backlog_done(&self->backlogs[i]);
	vhost_message_done(&self->message);
	vhost_device_done(&self->device);
	close(self->fd);
	free(self);
}

static const struct port_ops ops = {
	.kind = "vhost-user", .send = vhost_receive, .free = vhost_free};

static void init(struct vhost_port *self, struct loop *loop, const struct port_settings *settings)
{
	self->loop = loop;
	self->socket.on_ready = on_socket;
	self->work.run = run_work;
	self->gone.run = tell_gone;
	self->on_gone = settings->on_gone;
	self->owner = settings->owner;
	self->port.ops = &ops;
	self->port.mtu = settings->mtu;
	self->port.is_down = true;
	memcpy(self->port.name, settings->name, sizeof(self->port.name));
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		self->kicks[i] = (struct vhost_kick){
			.watch = {.on_ready = on_kick, .fd = -1}, .port = self, .queue = i};
	vhost_device_init(&self->device, &device_ops, settings->mtu);
}

struct port *vhost_port_new(struct loop *loop, int fd, const struct port_settings *settings)
{
	struct vhost_port *self = calloc(1, sizeof(*self));
	int err;

	if (!self) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	self->fd = fd;
	init(self, loop, settings);
	err = loop_watch(loop, &self->socket, fd, EPOLLIN);
	if (!err)
		return &self->port;
	vhost_free(&self->port);
	errno = -err;
	return NULL;
}

void vhost_port_describe(const struct port *port, struct vhost_port_state *ret)
{
	const struct vhost_port *self = CONTAINER_OF(port, const struct vhost_port, port);
	const struct vhost_device *device = &self->device;

	*ret = (struct vhost_port_state){.features = device->features,
		.protocol_features = device->protocol_features,
		.memory_size = guest_memory_size(&device->memory),
		.region_count = device->memory.count,
		.pair_count = (unsigned)__builtin_popcount(self->receivers),
		.pair_max = VHOST_PAIRS_MAX,
		.queue_size = device->queues[0].ring.size,
		.guest_mtu = device->mtu,
		.is_packed = vhost_device_has(device, VIRTIO_F_RING_PACKED)};
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		ret->queue_count += device->queues[i].is_running;
}
