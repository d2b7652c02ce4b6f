/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A YAML text as a tree of nodes that know where they stand, so that any of them can be blamed:
 * "lanyard.yaml:12:9: hubs.hub8.ports[1].dhcp.pool: ...". Only what a configuration needs is let
 * in: one document of mappings, lists and scalars, no anchors, aliases or tags, bounded in size.
 */
#pragma once

#include "base/attr.h"
#include "base/error.h"
#include "config/model.h"

#include <stdbool.h>
#include <stddef.h>

#define TREE_TEXT_MAX  (1 << 20) /* bytes */
#define TREE_DEPTH_MAX 16
#define TREE_NODES_MAX 65536
#define TREE_KEYS_MAX  4096 /* in one mapping: each is compared with those before it */
#define NODE_PATH_SIZE 200

enum node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAPPING,
};

struct node {
	enum node_kind kind;
	char *key;	    /* in a mapping; else NULL */
	char *text;	    /* a scalar's; else NULL */
	bool is_null;	    /* an unquoted scalar that is nothing, ~ or null */
	const char *label;  /* told in paths behind the node itself: a port's kind; or NULL */
	const char *file;   /* the root's: what messages call the text; NULL: no place is told */
	struct place place; /* of the key, in a mapping */
	unsigned index;	    /* in a list */
	unsigned count;	    /* children */
	struct node *parent, *first, *last, *next;
};

/* file is lent for the tree's life. -EINVAL: error says what is wrong, and where; -ENOMEM. */
int tree_read(const char *file, const char *text, size_t len, struct node **ret_root,
	struct error *error) MUST_USE;
void tree_free(struct node *root);

/* A child for parent (NULL: a root), empty and null until it is filled; NULL: no memory.
 * key NULL: in a list. */
struct node *node_add(struct node *parent, const char *key);
int node_set_text(struct node *node, const char *text) MUST_USE;
/* Moves what `from`, a root, holds under `to`; `from` is gone. */
void node_graft(struct node *to, struct node *from);

struct node *node_find(const struct node *mapping, const char *key);
/* The deepest node on the way to path. */
const struct node *node_locate(const struct node *root, const char *path);
char *node_path(const struct node *node, char path[NODE_PATH_SIZE]);

/* Says "file:line:column: path: sentence"; returns -EINVAL. */
int node_fail(const struct node *node, struct error *error, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* The same for a sentence that is already in error; returns code. */
int node_blame(const struct node *node, struct error *error, int code);
/* 0 when the node is of this kind, or null; else it is blamed. */
int node_expect(const struct node *node, enum node_kind kind, struct error *error) MUST_USE;
