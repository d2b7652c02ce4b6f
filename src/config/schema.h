/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file's shape as tables: which keys each thing has, where in the model their values go, how
 * they are parsed and written. A new kind is a table and an entry in `kinds`; reading, writing,
 * copying, comparing and freeing follow from it.
 */
#pragma once

#include "config/config.h"
#include "config/value.h"

/* How one word becomes a value and back: config/value.h. */
struct scalar {
	int (*parse)(const char *text, void *ret, struct error *error);
	void (*format)(const void *value, char text[VALUE_TEXT_SIZE]);
};

#define NO_PLACE SIZE_MAX

/* Several of something. Offsets are those in the struct that the key's table is about. */
struct list {
	size_t items, count; /* count is a size_t */
	size_t item_size;
	size_t max;
	bool is_inline;		     /* items is an array of max in the struct, not a pointer */
	size_t place;		     /* of a struct place in an item, or NO_PLACE */
	const struct scalar *scalar; /* each item is a word, or */
	const struct key_set *keys;  /* a mapping */
};

/* A key with neither scalar nor list is read by whoever reads the struct: kind, ports. */
struct key {
	const char *name;
	size_t offset;
	const struct scalar *scalar;
	const struct list *list;
	bool is_required;
	bool is_policy; /* of struct policy_config: may change while the port is there */
};

struct key_set {
	const struct key *keys;
	size_t count;
	const struct key_set *base; /* these keys too, before the others; or NULL */
};

const struct key_set *schema_root(void);
const struct key_set *schema_hub(void);
const struct key_set *schema_port(enum port_kind kind);
/* The i-th key; NULL: there are not as many. */
const struct key *key_set_at(const struct key_set *set, size_t i);
const struct key *key_set_find(const struct key_set *set, const char *name);

static inline void *member_of(void *object, size_t offset)
{
	return (char *)object + offset;
}

static inline const void *member_in(const void *object, size_t offset)
{
	return (const char *)object + offset;
}

size_t list_count(const struct list *list, const void *owner);
void *list_item(const struct list *list, void *owner, size_t i);
const void *list_item_in(const struct list *list, const void *owner, size_t i);
/* Forgets what the list holds, then makes it `count` items long, all zero. -ENOSPC, -ENOMEM. */
int list_resize(const struct list *list, void *owner, size_t count) MUST_USE;
/* After *owner was copied byte for byte: memory of its own for the items. */
int list_copy(const struct list *list, void *owner) MUST_USE;
void list_free(const struct list *list, void *owner);

/* Whether every key of the set has the same value in both. */
bool keys_equal(const struct key_set *set, const void *a, const void *b);
bool list_equal(const struct list *list, const void *a, const void *b);

/* What a hub and a port are where the file says nothing. The port's kind is set; the hub is
 * complete but for the ports' values; NULL: not known. */
void hub_config_fill(struct hub_config *hub);
void port_config_fill(struct port_config *port, const struct hub_config *hub);
