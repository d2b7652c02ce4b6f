/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which owner a MAC address was last seen at. The table knows no ports: an owner is embedded in
 * one. What an address costs does not depend on how many there are; nothing runs when nothing is
 * learned; an empty table holds next to no memory.
 *
 * Times are seconds on any clock that starts above 0 and does not jump back. An address is
 * forgotten `age` seconds after it was last seen: at once for those who ask, later for its memory.
 */
#pragma once

#include "base/attr.h"
#include "base/hash.h"
#include "base/heap.h"
#include "wire/address.h"

struct mac_entry;

struct mac_owner {
	uint32_t newest, oldest; /* its addresses by last sight: places in the table, or none */
	uint32_t count, max;
	struct heap_node by_count; /* the most first */
};

struct mac_table {
	struct hash_key key;
	struct mac_entry *entries; /* entries[0 .. used), size of them allocated */
	uint32_t *buckets;	   /* bucket_mask + 1 of them: the first entry of each chain */
	uint32_t bucket_mask;
	uint32_t used, size, max;
	uint32_t free; /* the first of the entries that are not in use */
	uint32_t sweep_at;
	uint32_t age;
	struct heap owners;
};

void mac_table_init(
	struct mac_table *table, const struct hash_key *key, uint32_t max, uint32_t age);
/* The owners are no longer looked at. */
void mac_table_done(struct mac_table *table);

/* max: addresses it may hold; the oldest makes way for the next. -ENOMEM. */
int mac_table_add_owner(struct mac_table *table, struct mac_owner *owner, uint32_t max) MUST_USE;
/* Forgets the owner's addresses. */
void mac_table_forget(struct mac_table *table, struct mac_owner *owner);
/* And the owner itself. */
void mac_table_remove_owner(struct mac_table *table, struct mac_owner *owner);

/* Notes that mac was seen at owner. When the table is full the owner with the most addresses
 * loses its oldest. */
void mac_table_learn(
	struct mac_table *table, struct mac mac, struct mac_owner *owner, uint32_t second);
/* NULL: not known. */
struct mac_owner *mac_table_find(const struct mac_table *table, struct mac mac, uint32_t second);

/* An owner's addresses, the one seen last first, without what has aged: start with *place =
 * owner->newest; false at the end. */
struct mac_sight {
	struct mac mac;
	uint32_t age; /* seconds */
};
bool mac_table_walk(
	const struct mac_table *table, uint32_t *place, uint32_t second, struct mac_sight *ret);
