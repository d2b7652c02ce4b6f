/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

static struct map_node **bucket_of(const struct map *map, uint64_t hash)
{
	return &map->buckets[hash & (map->bucket_count - 1)];
}

static int grow(struct map *map)
{
	struct map bigger = {.bucket_count = map->bucket_count ? map->bucket_count * 2 : 16};

	bigger.buckets = calloc(bigger.bucket_count, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < map->bucket_count; i++) {
		struct map_node *node = map->buckets[i], *next;

		for (; node; node = next) {
			struct map_node **bucket = bucket_of(&bigger, node->hash);

			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(map->buckets);
	map->buckets = bigger.buckets;
	map->bucket_count = bigger.bucket_count;
	return 0;
}

int map_insert(struct map *map, struct map_node *node, uint64_t hash)
{
	struct map_node **bucket;

	/* A table that could not grow still works, only slower. */
	if (map->count >= map->bucket_count && grow(map) < 0 && !map->bucket_count)
		return -ENOMEM;
	bucket = bucket_of(map, hash);
	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
	map->count++;
	return 0;
}

void map_remove(struct map *map, struct map_node *node)
{
	struct map_node **at = bucket_of(map, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	node->next = NULL;
	map->count--;
}

static struct map_node *with_hash(struct map_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct map_node *map_first(const struct map *map, uint64_t hash)
{
	return map->bucket_count ? with_hash(*bucket_of(map, hash), hash) : NULL;
}

struct map_node *map_next(const struct map_node *node)
{
	return with_hash(node->next, node->hash);
}

struct map_node *map_walk(const struct map *map, struct map_cursor *cursor)
{
	struct map_node *node = cursor->next;

	while (!node && cursor->bucket < map->bucket_count)
		node = map->buckets[cursor->bucket++];
	cursor->next = node ? node->next : NULL;
	return node;
}

void map_done(struct map *map)
{
	free(map->buckets);
	*map = (struct map){0};
}
