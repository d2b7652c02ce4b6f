/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/mac_table.h"

#include <assert.h>
#include <stdlib.h>

#define NONE	   UINT32_MAX
#define SIZE_FIRST 64
#define SWEEP_ENTRIES                                                                              \
	2 /* more than are learned in that step, so that what aged is found in time                \
	   */

/* Two to a cache line: a look-up touches one bucket and, mostly, one entry. */
struct mac_entry {
	uint64_t address;	 /* the MAC as a number */
	struct mac_owner *owner; /* NULL: free */
	uint32_t seen;		 /* second */
	uint32_t chain;		 /* the next entry of its bucket, or of the free ones */
	uint32_t newer, older;	 /* of the same owner */
};

static uint64_t number_of(struct mac mac)
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, mac.bytes, sizeof(low));
	memcpy(&high, mac.bytes + sizeof(low), sizeof(high));
	return low | (uint64_t)high << 32;
}

static uint32_t *bucket_of(const struct mac_table *table, uint64_t address)
{
	return &table->buckets[hash_u64(&table->key, address) & table->bucket_mask];
}

static bool has_aged(const struct mac_table *table, const struct mac_entry *entry, uint32_t second)
{
	return second - entry->seen >= table->age;
}

void mac_table_init(struct mac_table *table, const struct hash_key *key, uint32_t max, uint32_t age)
{
	*table = (struct mac_table){.key = *key, .max = max, .free = NONE, .age = age};
}

void mac_table_done(struct mac_table *table)
{
	heap_done(&table->owners);
	free(table->entries);
	free(table->buckets);
	*table = (struct mac_table){.free = NONE};
}

static void owner_rank(struct mac_table *table, struct mac_owner *owner)
{
	int err = heap_set(&table->owners, &owner->by_count, -(int64_t)owner->count);

	assert(!err); /* one that is in takes no memory to move */
}

int mac_table_add_owner(struct mac_table *table, struct mac_owner *owner, uint32_t max)
{
	*owner = (struct mac_owner){.newest = NONE, .oldest = NONE, .max = max};
	return heap_set(&table->owners, &owner->by_count, 0);
}

static void list_insert(struct mac_table *table, struct mac_owner *owner, uint32_t place)
{
	struct mac_entry *entry = &table->entries[place];

	entry->owner = owner;
	entry->newer = NONE;
	entry->older = owner->newest;
	if (owner->newest == NONE)
		owner->oldest = place;
	else
		table->entries[owner->newest].newer = place;
	owner->newest = place;
}

static void list_take_out(struct mac_table *table, struct mac_entry *entry)
{
	struct mac_owner *owner = entry->owner;

	if (entry->newer == NONE)
		owner->newest = entry->older;
	else
		table->entries[entry->newer].older = entry->older;
	if (entry->older == NONE)
		owner->oldest = entry->newer;
	else
		table->entries[entry->older].newer = entry->newer;
}

static void chain_take_out(struct mac_table *table, uint32_t place)
{
	uint32_t *at = bucket_of(table, table->entries[place].address);

	while (*at != place)
		at = &table->entries[*at].chain;
	*at = table->entries[place].chain;
}

/* The owner's rank is left to the caller. */
static void forget(struct mac_table *table, uint32_t place)
{
	struct mac_entry *entry = &table->entries[place];

	chain_take_out(table, place);
	list_take_out(table, entry);
	entry->owner->count--;
	entry->owner = NULL;
	entry->chain = table->free;
	table->free = place;
}

static void forget_oldest(struct mac_table *table, struct mac_owner *owner)
{
	forget(table, owner->oldest);
	owner_rank(table, owner);
}

void mac_table_forget(struct mac_table *table, struct mac_owner *owner)
{
	while (owner->oldest != NONE)
		forget(table, owner->oldest);
	owner_rank(table, owner);
}

void mac_table_remove_owner(struct mac_table *table, struct mac_owner *owner)
{
	mac_table_forget(table, owner);
	heap_remove(&table->owners, &owner->by_count);
}

/* NULL: not there. */
static struct mac_entry *find(const struct mac_table *table, uint64_t address)
{
	struct mac_entry *entry;
	uint32_t place;

	if (UNLIKELY(!table->buckets))
		return NULL;
	for (place = *bucket_of(table, address); place != NONE; place = entry->chain) {
		entry = &table->entries[place];
		if (entry->address == address)
			return entry;
	}
	return NULL;
}

struct mac_owner *mac_table_find(const struct mac_table *table, struct mac mac, uint32_t second)
{
	const struct mac_entry *entry = find(table, number_of(mac));

	return entry && !has_aged(table, entry, second) ? entry->owner : NULL;
}

/* Looks at a few entries, further on with each call, and forgets what has aged: so the table's
 * memory follows what is alive without a timer. */
static void sweep(struct mac_table *table, uint32_t second)
{
	for (unsigned i = 0; i < SWEEP_ENTRIES && table->used; i++) {
		struct mac_entry *entry;

		if (table->sweep_at >= table->used)
			table->sweep_at = 0;
		entry = &table->entries[table->sweep_at];
		if (entry->owner && has_aged(table, entry, second)) {
			struct mac_owner *owner = entry->owner;

			forget(table, table->sweep_at);
			owner_rank(table, owner);
		}
		table->sweep_at++;
	}
}

static void fill_buckets(struct mac_table *table)
{
	memset(table->buckets, 0xff, (table->bucket_mask + 1) * sizeof(*table->buckets));
	for (uint32_t place = 0; place < table->used; place++) {
		uint32_t *bucket = bucket_of(table, table->entries[place].address);

		table->entries[place].chain = *bucket;
		*bucket = place;
	}
}

/* Only when all entries are in use. False: that was all the memory there is. */
static bool grow(struct mac_table *table)
{
	uint32_t size = MIN(table->size ? table->size * 2 : SIZE_FIRST, table->max);
	uint32_t bucket_count = table->buckets ? table->bucket_mask + 1 : SIZE_FIRST;
	struct mac_entry *entries;
	uint32_t *buckets;

	if (size == table->size)
		return false;
	while (bucket_count < size)
		bucket_count *= 2;
	entries = realloc(table->entries, size * sizeof(*entries));
	if (!entries)
		return false;
	table->entries = entries;
	buckets = realloc(table->buckets, bucket_count * sizeof(*buckets));
	if (!buckets)
		return false;
	table->buckets = buckets;
	table->bucket_mask = bucket_count - 1;
	table->size = size;
	fill_buckets(table);
	return true;
}

static uint32_t take_free(struct mac_table *table)
{
	uint32_t place = table->free;

	if (place != NONE)
		table->free = table->entries[place].chain;
	else if (table->used < table->size || grow(table))
		place = table->used++;
	return place;
}

/* There is one: whoever learns. */
static struct mac_owner *owner_of_most(const struct mac_table *table)
{
	return CONTAINER_OF(table->owners.nodes[0], struct mac_owner, by_count);
}

static NOINLINE void insert(
	struct mac_table *table, uint64_t address, struct mac_owner *owner, uint32_t second)
{
	struct mac_entry *entry;
	uint32_t place, *bucket;

	sweep(table, second);
	if (owner->count >= owner->max)
		forget_oldest(table, owner);
	place = take_free(table);
	if (place == NONE) {
		if (!owner_of_most(table)->count)
			return; /* not even memory for the first */
		forget_oldest(table, owner_of_most(table));
		place = take_free(table);
	}
	entry = &table->entries[place];
	bucket = bucket_of(table, address);
	*entry = (struct mac_entry){.address = address, .seen = second, .chain = *bucket};
	*bucket = place;
	list_insert(table, owner, place);
	owner->count++;
	owner_rank(table, owner);
}

static NOINLINE void move(struct mac_table *table, struct mac_entry *entry, struct mac_owner *owner)
{
	struct mac_owner *previous = entry->owner;

	if (owner->count >= owner->max)
		forget_oldest(table, owner);
	list_take_out(table, entry);
	list_insert(table, owner, (uint32_t)(entry - table->entries));
	previous->count--;
	owner->count++;
	owner_rank(table, previous);
	owner_rank(table, owner);
}

/* Seen again, in another second or at another owner. */
static NOINLINE void refresh(
	struct mac_table *table, struct mac_entry *entry, struct mac_owner *owner, uint32_t second)
{
	entry->seen = second;
	if (entry->owner != owner) {
		move(table, entry, owner);
	} else if (entry->newer != NONE) {
		list_take_out(table, entry);
		list_insert(table, owner, (uint32_t)(entry - table->entries));
	}
}

void mac_table_learn(
	struct mac_table *table, struct mac mac, struct mac_owner *owner, uint32_t second)
{
	uint64_t address = number_of(mac);
	struct mac_entry *entry = find(table, address);

	if (UNLIKELY(!entry))
		insert(table, address, owner, second);
	else if (entry->owner != owner || entry->seen != second)
		refresh(table, entry, owner, second);
}

bool mac_table_walk(
	const struct mac_table *table, uint32_t *place, uint32_t second, struct mac_sight *ret)
{
	const struct mac_entry *entry;

	if (*place == NONE)
		return false;
	entry = &table->entries[*place];
	if (has_aged(table, entry, second))
		return false; /* and so have those behind it */
	memcpy(&ret->mac, &entry->address, sizeof(ret->mac));
	ret->age = second - entry->seen;
	*place = entry->older;
	return true;
}
