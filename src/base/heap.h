/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A binary heap through its members, smallest key first; for deadlines. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	size_t place; /* 1-based index in the heap; 0: in no heap */
};

struct heap {
	struct heap_node **nodes;
	size_t count, size;
};

/* Inserts, or moves a node that is already in. 0, or -ENOMEM (then nothing changed). */
int heap_set(struct heap *heap, struct heap_node *node, int64_t key) MUST_USE;
/* A node that is not in is left alone. */
void heap_remove(struct heap *heap, struct heap_node *node);
void heap_done(struct heap *heap);

static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count ? heap->nodes[0] : NULL;
}

static inline bool heap_has(const struct heap_node *node)
{
	return node->place != 0;
}
