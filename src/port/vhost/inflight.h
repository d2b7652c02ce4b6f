/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device has taken and not given back, written down in memory that the front end keeps
 * (vhost-user, "Inflight I/O tracking"): whoever takes over from a back end that was killed finds
 * there what to do once more. Believed in as little as a ring.
 */
#pragma once

#include "port/vhost/queue.h"

/* Bytes that a queue of so many descriptors has there, in either layout. */
uint64_t inflight_stride(uint16_t queue_size, bool is_packed);

/* Before the queue runs: queue->inflight is set, queue->next and the rest from the front end. Makes
 * it go on where the rings and the records say. -ENOMEM. */
int inflight_resume(struct virtqueue *queue) MUST_USE;
/* The queue stops for now; or cleanly, with nothing in flight: then the next one to start begins
 * where the front end says. */
void inflight_leave(struct virtqueue *queue);
void inflight_forget(struct virtqueue *queue);

/* Split: the head to take at a place, where the available ring has `otherwise`; queue->again is
 * set. */
uint16_t inflight_head(const struct virtqueue *queue, uint16_t place, uint16_t otherwise);
void inflight_take(struct virtqueue *queue, uint16_t head);
void inflight_untake(struct virtqueue *queue, uint16_t head);
void inflight_give(struct virtqueue *queue, uint16_t head);
/* What was given back is visible. */
void inflight_strike(struct virtqueue *queue);

/* Packed: what would be written to the ring at queue->used; and all of it is. */
void inflight_note(struct virtqueue *queue, uint16_t id, uint32_t len, uint16_t flags);
void inflight_write(struct virtqueue *queue);
