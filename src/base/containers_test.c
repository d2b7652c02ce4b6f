/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

struct thing {
	struct list in_list;
	struct map_node in_map;
	struct heap_node in_heap;
	int number;
};

static void test_list(void **)
{
	struct thing things[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
	struct list head;
	int expected = 0, left = 0;

	list_init(&head);
	assert_true(list_is_empty(&head));
	list_push_back(&head, &things[2].in_list);
	list_push_front(&head, &things[0].in_list);
	list_push_back(&head, &things[3].in_list);
	list_insert_before(&things[1].in_list, &things[2].in_list);
	LIST_EACH(node, &head) {
		assert_int_equal(LIST_ENTRY(node, struct thing, in_list)->number, expected++);
		if (expected % 2)
			list_remove(node);
	}
	assert_int_equal(expected, 4);
	assert_true(list_is_empty(&things[0].in_list));
	LIST_EACH(node, &head)
		left += LIST_ENTRY(node, struct thing, in_list)->number;
	assert_int_equal(left, 1 + 3);
	list_remove(&things[0].in_list); /* in none: nothing happens */
}

static struct thing *map_get(const struct map *map, uint64_t hash, int number)
{
	struct map_node *node;

	for (node = map_first(map, hash); node; node = map_next(node)) {
		struct thing *thing = CONTAINER_OF(node, struct thing, in_map);

		if (thing->number == number)
			return thing;
	}
	return NULL;
}

static void test_map(void **)
{
	enum {
		COUNT = 1000
	};
	struct thing *things = calloc(COUNT, sizeof(*things));
	struct map map = {0};
	struct map_cursor cursor = {0};
	int seen = 0;

	assert_null(map_first(&map, 0));
	for (int i = 0; i < COUNT; i++) {
		things[i].number = i;
		/* every hash twice, and many in one bucket */
		assert_int_equal(map_insert(&map, &things[i].in_map, (uint64_t)(i / 2) << 4), 0);
	}
	assert_int_equal(map.count, COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(map_get(&map, (uint64_t)(i / 2) << 4, i), &things[i]);
	for (int i = 0; i < COUNT; i += 2)
		map_remove(&map, &things[i].in_map);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(!map_get(&map, (uint64_t)(i / 2) << 4, i), i % 2 == 0);
	for (struct map_node *node; (node = map_walk(&map, &cursor)); seen++)
		map_remove(&map, node);
	assert_int_equal(seen, COUNT / 2);
	assert_int_equal(map.count, 0);
	map_done(&map);
	free(things);
}

static void check_heap(const struct heap *heap)
{
	for (size_t i = 0; i < heap->count; i++) {
		assert_int_equal(heap->nodes[i]->place, i + 1);
		assert_true(!i || heap->nodes[(i - 1) / 2]->key <= heap->nodes[i]->key);
	}
}

static void test_heap(void **)
{
	enum {
		COUNT = 500
	};
	struct heap_node nodes[COUNT] = {0};
	struct heap heap = {0};
	int64_t last = INT64_MIN;
	size_t left = 0;

	assert_null(heap_first(&heap));
	srand(1);
	for (int i = 0; i < 10000; i++) {
		struct heap_node *node = &nodes[rand() % COUNT];

		if (rand() % 3)
			assert_int_equal(heap_set(&heap, node, rand() % 100), 0);
		else
			heap_remove(&heap, node);
		if (i % 64 == 0)
			check_heap(&heap);
	}
	for (int i = 0; i < COUNT; i++)
		left += heap_has(&nodes[i]);
	assert_int_equal(left, heap.count);
	for (; heap_first(&heap); left--) {
		assert_true(heap_first(&heap)->key >= last);
		last = heap_first(&heap)->key;
		heap_remove(&heap, heap_first(&heap));
	}
	assert_int_equal(left, 0);
	heap_done(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
