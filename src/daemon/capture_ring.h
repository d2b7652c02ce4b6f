/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes on their way from a hub's thread to control: one writes, one reads, neither waits for the
 * other. The memory is mapped twice in a row, so whatever is in the ring lies in one piece.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture_ring;

/* size: bytes, a multiple of the page size; touched as far as it is used. NULL: errno says why. */
struct capture_ring *capture_ring_new(size_t size);
/* NULL is fine. */
void capture_ring_free(struct capture_ring *ring);

/* The writer's: where the next len bytes are to be put, or NULL: there is no room. */
uint8_t *capture_ring_room(struct capture_ring *ring, size_t len);
/* Shows the reader the first len bytes of the room. True: the reader rests and is to be woken. */
bool capture_ring_commit(struct capture_ring *ring, size_t len) MUST_USE;

/* The reader's: what there is, and having done with len bytes of it. */
size_t capture_ring_peek(const struct capture_ring *ring, const uint8_t **ret_bytes);
void capture_ring_consume(struct capture_ring *ring, size_t len);
/* The reader waits to be woken. False: it need not, there is something. A new ring's reader
 * rests. */
bool capture_ring_rest(struct capture_ring *ring) MUST_USE;
