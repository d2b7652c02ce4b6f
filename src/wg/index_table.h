/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 32-bit numbers by which messages name a handshake or session of ours. They are random, but
 * for this: each has a slot of its own, so a look-up is one load and one comparison, whoever asks.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct wg_peer;

struct index_entry {
	uint32_t value;
	bool is_in;
	struct wg_peer *peer;
	struct session *session; /* NULL: it names the peer's handshake */
};

struct index_table {
	struct index_entry **slots;
	size_t slot_count, reserved; /* a power of two; at most half of it */
};

/* From now on `count` more entries find room. -ENOMEM. */
int index_table_reserve(struct index_table *table, size_t count) MUST_USE;
void index_table_release(struct index_table *table, size_t count);
void index_table_done(struct index_table *table);

/* Gives the entry a new value; one that is in gives its old one up. */
void index_table_add(struct index_table *table, struct index_entry *entry);
/* The value goes over to another entry. */
void index_table_move(struct index_table *table, struct index_entry *from, struct index_entry *to);
/* One that is not in is left alone. */
void index_table_remove(struct index_table *table, struct index_entry *entry);

static inline struct index_entry *index_table_find(const struct index_table *table, uint32_t value)
{
	struct index_entry *entry = table->slot_count
					    ? table->slots[value & (table->slot_count - 1)]
					    : NULL;

	return entry && entry->value == value ? entry : NULL;
}
