/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/heap.h"

#include <errno.h>
#include <stdlib.h>

static void put(struct heap *heap, size_t at, struct heap_node *node)
{
	heap->nodes[at] = node;
	node->place = at + 1;
}

static void rise(struct heap *heap, size_t at, struct heap_node *node)
{
	while (at && heap->nodes[(at - 1) / 2]->key > node->key) {
		put(heap, at, heap->nodes[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(heap, at, node);
}

static void sink(struct heap *heap, size_t at, struct heap_node *node)
{
	size_t child;

	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count &&
			heap->nodes[child + 1]->key < heap->nodes[child]->key)
			child++;
		if (heap->nodes[child]->key >= node->key)
			break;
		put(heap, at, heap->nodes[child]);
		at = child;
	}
	put(heap, at, node);
}

int heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
	if (!node->place) {
		if (heap->count == heap->size) {
			size_t size = heap->size ? heap->size * 2 : 16;
			void *nodes = realloc(heap->nodes, size * sizeof(heap->nodes[0]));

			if (!nodes)
				return -ENOMEM;
			heap->nodes = nodes;
			heap->size = size;
		}
		node->key = key;
		heap->count++;
		rise(heap, heap->count - 1, node);
	} else if (key < node->key) {
		node->key = key;
		rise(heap, node->place - 1, node);
	} else {
		node->key = key;
		sink(heap, node->place - 1, node);
	}
	return 0;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t at = node->place - 1;
	struct heap_node *last;

	if (!node->place)
		return;
	node->place = 0;
	last = heap->nodes[--heap->count];
	if (last == node)
		return;
	if (at && heap->nodes[(at - 1) / 2]->key > last->key)
		rise(heap, at, last);
	else
		sink(heap, at, last);
}

void heap_done(struct heap *heap)
{
	free(heap->nodes);
	*heap = (struct heap){0};
}
