/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/flow.h"

#include <errno.h>

void flow_table_init(struct flow_table *table, const struct hash_key *key, struct machine *machine,
	uint32_t count_max)
{
	*table = (struct flow_table){.key = *key, .machine = machine, .count_max = count_max};
	list_init(&table->due);
	list_init(&table->ended);
}

void flow_table_done(struct flow_table *table)
{
	struct map_cursor cursor = {0};
	struct map_node *node;

	while ((node = map_walk(&table->map, &cursor)))
		flow_end(table, CONTAINER_OF(node, struct flow, node));
	flow_table_bury(table);
	map_done(&table->map);
	heap_done(&table->deadlines);
}

static uint64_t key_hash(const struct flow_table *table, const struct flow_key *key)
{
	return hash_words(&table->key, key, sizeof(*key) / 8);
}

struct flow *flow_find(const struct flow_table *table, const struct flow_key *key)
{
	struct map_node *node = map_first(&table->map, key_hash(table, key));

	for (; node; node = map_next(node)) {
		struct flow *flow = CONTAINER_OF(node, struct flow, node);

		if (!memcmp(&flow->key, key, sizeof(*key)))
			return flow;
	}
	return NULL;
}

int flow_insert(struct flow_table *table, struct flow *flow, nsec now)
{
	int err;

	if (table->map.count >= table->count_max)
		return -ENOSPC;
	list_init(&flow->turn);
	list_init(&flow->age);
	flow->opened_at = flow->last_at = now;
	err = heap_set(&table->deadlines, &flow->deadline, NSEC_NEVER);
	if (err < 0)
		return err;
	err = map_insert(&table->map, &flow->node, key_hash(table, &flow->key));
	if (err < 0)
		heap_remove(&table->deadlines, &flow->deadline);
	return err;
}

void flow_wake(struct flow_table *table, struct flow *flow)
{
	if (flow->is_ended || !list_is_empty(&flow->turn))
		return;
	list_push_back(&table->due, &flow->turn);
	machine_wake(table->machine);
}

void flow_end(struct flow_table *table, struct flow *flow)
{
	if (flow->is_ended)
		return;
	flow->is_ended = true;
	map_remove(&table->map, &flow->node);
	heap_remove(&table->deadlines, &flow->deadline);
	list_remove(&flow->turn);
	list_remove(&flow->age);
	list_push_back(&table->ended, &flow->turn);
	machine_wake(table->machine);
}

static void run_flow(struct flow_table *table, struct flow *flow, nsec now)
{
	nsec next;

	list_remove(&flow->turn);
	next = flow->ops->run(flow, now);
	next = MAX(next, now + 1); /* the walk over what is due must come to an end */
	if (!flow->is_ended && next != flow->deadline.key)
		(void)!heap_set(
			&table->deadlines, &flow->deadline, next); /* it is in: cannot fail */
}

nsec flow_table_run(struct flow_table *table, nsec now)
{
	struct list asked;
	struct heap_node *first;

	/* Those who ask while they run have another turn, so that descriptors are served too, and
	 * so that a flow runs once in a turn: frames may still point into what it would change. */
	list_init(&asked);
	while (!list_is_empty(&table->due)) {
		struct list *node = table->due.next;

		list_remove(node);
		list_push_back(&asked, node);
	}
	while ((first = heap_first(&table->deadlines)) && first->key <= now)
		run_flow(table, CONTAINER_OF(first, struct flow, deadline), now);
	while (!list_is_empty(&asked))
		run_flow(table, LIST_ENTRY(asked.next, struct flow, turn), now);
	if (!list_is_empty(&table->due))
		machine_wake(table->machine);
	first = heap_first(&table->deadlines);
	return first ? first->key : NSEC_NEVER;
}

void flow_table_bury(struct flow_table *table)
{
	while (!list_is_empty(&table->ended)) {
		struct flow *flow = LIST_ENTRY(table->ended.next, struct flow, turn);

		list_remove(&flow->turn);
		flow->ops->free(flow);
	}
}
