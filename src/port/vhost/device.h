/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-net device as vhost-user messages make it: features, memory, queues that start and
 * stop. It answers messages and knows no loop and no hub; port.c joins it to both.
 */
#pragma once

#include "port/vhost/message.h"
#include "port/vhost/queue.h"
#include "wire/address.h"

#define VHOST_PAIRS_MAX	 16
#define VHOST_QUEUES_MAX (2 * VHOST_PAIRS_MAX)

/* Even: where the guest receives; odd: where it sends. */
struct vhost_queue {
	struct virtqueue ring;
	struct vhost_vring_addr addr;
	uint32_t base;	      /* where to begin, while it does not run: as virtqueue_base() */
	int kick_fd, call_fd; /* -1: none; counters of eventfd(2) */
	bool has_addr, is_enabled;
	bool is_running; /* between SET_VRING_KICK and GET_VRING_BASE */
};

struct vhost_device;

/* What messages mean for whoever moves frames. */
struct vhost_device_ops {
	/* The queue starts, stops, gets another descriptor for kicks, is enabled or disabled. */
	void (*on_queue)(struct vhost_device *device, unsigned index);
	/* The guest moved here, and cannot say so itself. */
	void (*on_announce)(struct vhost_device *device, struct mac mac);
};

struct vhost_device {
	const struct vhost_device_ops *ops;
	uint64_t features, protocol_features; /* agreed on */
	uint8_t status;			      /* as the driver wrote it */
	uint32_t mtu, mtu_max; /* the guest's MTU, 0: not told; the highest that may be, 0: any */
	struct guest_memory memory;
	struct guest_memory inflight; /* records of all queues, in one region; or none */
	uint16_t inflight_queues, inflight_queue_size;
	struct guest_memory log; /* a bit for each of the guest's pages; or none */
	struct vhost_queue queues[VHOST_QUEUES_MAX];
	struct error error; /* why the device can go on no more */
};

void vhost_device_init(
	struct vhost_device *device, const struct vhost_device_ops *ops, uint32_t mtu_max);
/* Stops the queues, without on_queue(), and lets go of memory and descriptors. */
void vhost_device_done(struct vhost_device *device);

/* What to say to a message, in its own payload. */
struct vhost_answer {
	uint32_t len; /* bytes of the payload; 0: nothing */
	int fd;	      /* goes along, and is closed then; -1: none */
};

/* Does what a message says. Below 0: device->error says why the front end cannot be believed. */
int vhost_device_handle(struct vhost_device *device, struct vhost_message *message,
	struct vhost_answer *ret_answer) MUST_USE;

/* Bytes of the header in front of each frame: struct virtio_net_hdr, with num_buffers or not. */
uint32_t vhost_device_header_len(const struct vhost_device *device);

bool vhost_device_is_running(const struct vhost_device *device); /* any queue */

static inline bool vhost_device_has(const struct vhost_device *device, unsigned feature)
{
	return device->features >> feature & 1;
}

static inline bool vhost_device_is_logged(const struct vhost_device *device)
{
	return UNLIKELY(vhost_device_has(device, VHOST_F_LOG_ALL));
}

static inline bool vhost_queue_is_live(const struct vhost_queue *queue)
{
	return queue->is_running && queue->is_enabled;
}

/* Tells the driver that there is something to see, if it wants to hear. */
void vhost_queue_call(struct vhost_queue *queue);

/* Between device.c and device_queue.c. */
int vhost_device_refuse(struct vhost_device *device, const char *format, ...) PRINTF_LIKE(2, 3);
/* Memory is other memory now: where the rings of running queues lie. */
int vhost_queues_find_rings(struct vhost_device *device) MUST_USE;
void vhost_queues_stop(struct vhost_device *device);
/* device_log.c: what was written to the guest's memory at an address of ours; and to its rings. */
void vhost_log_write(const struct vhost_device *device, const void *at, uint64_t len);
void vhost_log_rings(const struct vhost_device *device, const struct vhost_queue *queue);
int vhost_log_set(struct vhost_device *device, const struct vhost_log *log, int fd) MUST_USE;

/* device_inflight.c */
int vhost_inflight_get(
	struct vhost_device *device, struct vhost_inflight *inflight, int *ret_fd) MUST_USE;
int vhost_inflight_set(
	struct vhost_device *device, const struct vhost_inflight *inflight, int fd) MUST_USE;
/* A queue that is about to run finds its record, if there is one. */
int vhost_inflight_start(struct vhost_device *device, struct virtqueue *ring) MUST_USE;

int vhost_queue_set_size(struct vhost_device *device, const struct vhost_vring_state *state);
int vhost_queue_set_addr(struct vhost_device *device, const struct vhost_vring_addr *addr);
int vhost_queue_set_base(struct vhost_device *device, const struct vhost_vring_state *state);
/* Stops it; state->num is where it stands. */
int vhost_queue_get_base(struct vhost_device *device, struct vhost_vring_state *state);
int vhost_queue_enable(struct vhost_device *device, const struct vhost_vring_state *state);
int vhost_queue_set_kick(struct vhost_device *device, struct vhost_message *message);
int vhost_queue_set_call(struct vhost_device *device, struct vhost_message *message);
