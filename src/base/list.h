/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A doubly linked list through its members. A node that is in no list points at itself. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_before(struct list *node, struct list *before)
{
	node->next = before;
	node->prev = before->prev;
	before->prev->next = node;
	before->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
	list_insert_before(node, head);
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert_before(node, head->next);
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
/* The entry may be removed from the list, or freed, in the body. */
#define LIST_EACH(node, head)                                                                      \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
		node = node##_next, node##_next = node->next)
