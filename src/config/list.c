/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What config/schema.h can do with the values its tables describe. */
#include "config/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void **list_memory(const struct list *list, void *owner)
{
	return member_of(owner, list->items);
}

size_t list_count(const struct list *list, const void *owner)
{
	return *(const size_t *)member_in(owner, list->count);
}

static void list_set_count(const struct list *list, void *owner, size_t count)
{
	*(size_t *)member_of(owner, list->count) = count;
}

const void *list_item_in(const struct list *list, const void *owner, size_t i)
{
	const void *items = member_in(owner, list->items);

	if (!list->is_inline)
		items = *(const void *const *)items;
	return member_in(items, i * list->item_size);
}

void *list_item(const struct list *list, void *owner, size_t i)
{
	return (void *)list_item_in(list, owner, i);
}

void list_free(const struct list *list, void *owner)
{
	list_set_count(list, owner, 0);
	if (list->is_inline) {
		memset(member_of(owner, list->items), 0, list->max * list->item_size);
		return;
	}
	free(*list_memory(list, owner));
	*list_memory(list, owner) = NULL;
}

int list_resize(const struct list *list, void *owner, size_t count)
{
	list_free(list, owner);
	if (!count)
		return 0;
	if (count > list->max)
		return -ENOSPC;
	if (!list->is_inline) {
		*list_memory(list, owner) = calloc(count, list->item_size);
		if (!*list_memory(list, owner))
			return -ENOMEM;
	}
	list_set_count(list, owner, count);
	return 0;
}

int list_copy(const struct list *list, void *owner)
{
	size_t count = list_count(list, owner);
	const void *items;

	if (list->is_inline || !count)
		return 0;
	items = *list_memory(list, owner);
	*list_memory(list, owner) = calloc(count, list->item_size);
	if (!*list_memory(list, owner)) {
		list_set_count(list, owner, 0);
		return -ENOMEM;
	}
	memcpy(*list_memory(list, owner), items, count * list->item_size);
	return 0;
}

/* What is written the same is the same. */
static bool scalar_equal(const struct scalar *scalar, const void *a, const void *b)
{
	char text_a[VALUE_TEXT_SIZE], text_b[VALUE_TEXT_SIZE];

	scalar->format(a, text_a);
	scalar->format(b, text_b);
	return !strcmp(text_a, text_b);
}

bool list_equal(const struct list *list, const void *a, const void *b)
{
	const void *item_a, *item_b;
	bool is_same = list_count(list, a) == list_count(list, b);

	for (size_t i = 0; is_same && i < list_count(list, a); i++) {
		item_a = list_item_in(list, a, i);
		item_b = list_item_in(list, b, i);
		is_same = list->scalar ? scalar_equal(list->scalar, item_a, item_b)
				       : keys_equal(list->keys, item_a, item_b);
	}
	return is_same;
}

static bool key_equal(const struct key *key, const void *a, const void *b)
{
	if (key->list)
		return list_equal(key->list, a, b);
	if (!key->scalar)
		return true;
	return scalar_equal(key->scalar, member_in(a, key->offset), member_in(b, key->offset));
}

bool keys_equal(const struct key_set *set, const void *a, const void *b)
{
	const struct key *key;

	for (size_t i = 0; (key = key_set_at(set, i)); i++)
		if (!key_equal(key, a, b))
			return false;
	return true;
}
