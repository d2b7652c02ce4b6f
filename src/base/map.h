/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table through its members: chained, grows with what it holds, frees nothing that is the
 * caller's. The caller hashes (base/hash.h) and compares:
 *
 *     for (n = map_first(&m, hash); n; n = map_next(n))
 *             if (same(CONTAINER_OF(n, struct thing, node)->key, key)) ...
 */
#pragma once

#include "base/attr.h"

#include <stdint.h>

struct map_node {
	struct map_node *next;
	uint64_t hash;
};

struct map {
	struct map_node **buckets; /* bucket_count of them, a power of two; NULL while empty */
	size_t bucket_count, count;
};

/* 0, or -ENOMEM (then the node is not in). The same key twice is the caller's business. */
int map_insert(struct map *map, struct map_node *node, uint64_t hash) MUST_USE;
void map_remove(struct map *map, struct map_node *node);
/* The next node with the same hash, or NULL. */
struct map_node *map_first(const struct map *map, uint64_t hash);
struct map_node *map_next(const struct map_node *node);
/* Walks all, in no order: start with NULL; the node returned last may be removed before going on.
 */
struct map_cursor {
	size_t bucket;
	struct map_node *next;
};
struct map_node *map_walk(const struct map *map, struct map_cursor *cursor);
/* Lets go of the buckets; the nodes are untouched. */
void map_done(struct map *map);
