/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/index_table.h"

#include "base/random.h"

#include <errno.h>
#include <stdlib.h>

static struct index_entry **slot_of(const struct index_table *table, uint32_t value)
{
	return &table->slots[value & (table->slot_count - 1)];
}

/* Two that had different slots have different ones in a larger table. */
static int grow(struct index_table *table, size_t slot_count)
{
	struct index_table larger = {.slot_count = slot_count};

	larger.slots = calloc(slot_count, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < table->slot_count; i++) {
		if (table->slots[i])
			*slot_of(&larger, table->slots[i]->value) = table->slots[i];
	}
	free(table->slots);
	table->slots = larger.slots;
	table->slot_count = slot_count;
	return 0;
}

int index_table_reserve(struct index_table *table, size_t count)
{
	size_t slot_count = table->slot_count ? table->slot_count : 64;
	int err = 0;

	while (slot_count < 2 * (table->reserved + count))
		slot_count *= 2;
	if (slot_count != table->slot_count)
		err = grow(table, slot_count);
	if (!err)
		table->reserved += count;
	return err;
}

void index_table_release(struct index_table *table, size_t count)
{
	table->reserved -= count;
}

void index_table_done(struct index_table *table)
{
	free(table->slots);
	*table = (struct index_table){0};
}

void index_table_add(struct index_table *table, struct index_entry *entry)
{
	index_table_remove(table, entry);
	do {
		entry->value = random_u32();
	} while (*slot_of(table, entry->value));
	*slot_of(table, entry->value) = entry;
	entry->is_in = true;
}

void index_table_move(struct index_table *table, struct index_entry *from, struct index_entry *to)
{
	to->value = from->value;
	*slot_of(table, to->value) = to;
	to->is_in = true;
	from->is_in = false;
}

void index_table_remove(struct index_table *table, struct index_entry *entry)
{
	if (!entry->is_in)
		return;
	*slot_of(table, entry->value) = NULL;
	entry->is_in = false;
}
