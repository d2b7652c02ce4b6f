/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/tree.h"

#include "config/excerpt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct builder {
	yaml_parser_t parser;
	const char *file, *text;
	size_t len;
	struct node *root;
	struct node *open;    /* the mapping or list we are in; NULL: none */
	struct node *pending; /* has its key and waits for its value */
	unsigned depth, node_count, document_count;
	bool is_done;
	struct error *error;
};

struct node *node_add(struct node *parent, const char *key)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node || (key && !(node->key = strdup(key)))) {
		free(node);
		return NULL;
	}
	node->is_null = true;
	node->parent = parent;
	if (!parent)
		return node;
	node->index = parent->count++;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	return node;
}

int node_set_text(struct node *node, const char *text)
{
	node->text = strdup(text);
	node->is_null = false;
	return node->text ? 0 : -ENOMEM;
}

void node_graft(struct node *to, struct node *from)
{
	to->kind = from->kind;
	to->text = from->text;
	to->is_null = from->is_null;
	to->first = from->first;
	to->last = from->last;
	to->count = from->count;
	for (struct node *child = to->first; child; child = child->next)
		child->parent = to;
	free(from->key);
	free(from);
}

void tree_free(struct node *root)
{
	struct node *child, *next;

	if (!root)
		return;
	for (child = root->first; child; child = next) {
		next = child->next;
		tree_free(child);
	}
	free(root->key);
	free(root->text);
	free(root);
}

struct node *node_find(const struct node *mapping, const char *key)
{
	struct node *child;

	for (child = mapping->first; child; child = child->next)
		if (child->key && !strcmp(child->key, key))
			return child;
	return NULL;
}

static void path_append(char path[NODE_PATH_SIZE], const char *name)
{
	size_t used = strlen(path);

	snprintf(path + used, NODE_PATH_SIZE - used, "%s%s", used ? "." : "", name);
}

char *node_path(const struct node *node, char path[NODE_PATH_SIZE])
{
	size_t used;

	path[0] = '\0';
	if (node->parent)
		node_path(node->parent, path);
	used = strlen(path);
	if (node->key)
		path_append(path, excerpt(node->key).text);
	else if (node->parent)
		snprintf(path + used, NODE_PATH_SIZE - used, "[%u]", node->index);
	if (node->label)
		path_append(path, node->label);
	return path;
}

static bool is_on_the_way(const struct node *node, const char *path)
{
	char own[NODE_PATH_SIZE];
	size_t len = strlen(node_path(node, own));

	return !strncmp(own, path, len) && (!path[len] || strchr(".[", path[len]));
}

const struct node *node_locate(const struct node *root, const char *path)
{
	const struct node *child = root->first;

	while (child) {
		if (!is_on_the_way(child, path)) {
			child = child->next;
		} else {
			root = child;
			child = child->first;
		}
	}
	return root;
}

int node_blame(const struct node *node, struct error *error, int code)
{
	const struct node *root = node;
	char path[NODE_PATH_SIZE];

	if (*node_path(node, path))
		error_wrap(error, code, "%s", path);
	while (root->parent)
		root = root->parent;
	if (root->file)
		error_wrap(
			error, code, "%s:%u:%u", root->file, node->place.line, node->place.column);
	return code;
}

int node_fail(const struct node *node, struct error *error, const char *format, ...)
{
	char sentence[sizeof(error->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return node_blame(node, error, error_set(error, EINVAL, "%s", sentence));
}

int node_expect(const struct node *node, enum node_kind kind, struct error *error)
{
	static const char *const words[] = {
		[NODE_SCALAR] = "a value",
		[NODE_LIST] = "a list",
		[NODE_MAPPING] = "a mapping of keys to values",
	};

	if (node->kind == kind || node->is_null)
		return 0;
	return node_fail(node, error, "%s is expected, not %s", words[kind], words[node->kind]);
}

static struct place place_of(yaml_mark_t mark)
{
	return (struct place){(unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

/* libyaml gives the reader's problems an offset alone. */
static struct place place_at(const struct builder *b, size_t offset)
{
	struct place place = {1, 1};

	for (size_t i = 0; i < offset && i < b->len; i++) {
		place.column += ((unsigned char)b->text[i] & 0xc0) != 0x80;
		if (b->text[i] == '\n')
			place = (struct place){place.line + 1, 1};
	}
	return place;
}

/* The parser's own complaint: there is no node to blame. */
static int parser_fail(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	struct place place = place_of(p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return error_set(b->error, ENOMEM, "out of memory");
	if (p->error == YAML_READER_ERROR)
		place = place_at(b, p->problem_offset);
	error_set(b->error, EINVAL, "not YAML: %s", p->problem ? p->problem : "cannot be read");
	if (!b->file)
		return -EINVAL;
	return error_wrap(b->error, -EINVAL, "%s:%u:%u", b->file, place.line, place.column);
}

static struct node *add(struct builder *b, const char *key, yaml_mark_t mark)
{
	struct node *node = node_add(b->open, key);

	if (!node) {
		error_set(b->error, ENOMEM, "out of memory");
		return NULL;
	}
	if (!b->root) {
		b->root = node;
		node->file = b->file;
	}
	node->place = place_of(mark);
	return node;
}

static int check_node_count(struct builder *b, const struct node *node)
{
	if (++b->node_count > TREE_NODES_MAX)
		return node_fail(node, b->error, "more than %d values", TREE_NODES_MAX);
	if (b->open && b->open->kind == NODE_MAPPING && b->open->count > TREE_KEYS_MAX)
		return node_fail(node, b->error, "more than %d keys in one mapping", TREE_KEYS_MAX);
	return 0;
}

static int add_key(struct builder *b, const char *key, yaml_mark_t mark)
{
	const struct node *twin = node_find(b->open, key);

	b->pending = add(b, key, mark);
	if (!b->pending)
		return -ENOMEM;
	if (twin)
		return node_fail(b->pending, b->error, "key given twice, first on line %u",
			twin->place.line);
	return check_node_count(b, b->pending);
}

/* The node that the value at mark is for. */
static int take_place(struct builder *b, yaml_mark_t mark, struct node **ret_node)
{
	*ret_node = b->pending ? b->pending : add(b, NULL, mark);
	if (!*ret_node)
		return -ENOMEM;
	if (b->pending) {
		b->pending = NULL;
		return 0;
	}
	return check_node_count(b, *ret_node);
}

static bool is_at_key(const struct builder *b)
{
	return b->open && b->open->kind == NODE_MAPPING && !b->pending;
}

static int refuse_extras(struct builder *b, const struct node *node, const yaml_char_t *anchor,
	const yaml_char_t *tag)
{
	if (anchor)
		return node_fail(node, b->error,
			"anchors (&%s) are not allowed; write the value out",
			excerpt((const char *)anchor).text);
	if (tag)
		return node_fail(node, b->error, "tags (%s) are not allowed",
			excerpt((const char *)tag).text);
	return 0;
}

static bool is_null_text(const char *text)
{
	return !*text || !strcmp(text, "~") || !strcmp(text, "null");
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	struct node *node;
	int err;

	if (is_at_key(b))
		err = add_key(b, text, event->start_mark);
	else
		err = take_place(b, event->start_mark, &node);
	if (err)
		return err;
	if (b->pending)
		node = b->pending;
	if (strlen(text) != event->data.scalar.length)
		return node_fail(node, b->error, "holds a NUL character");
	err = refuse_extras(b, node, event->data.scalar.anchor, event->data.scalar.tag);
	if (err || node == b->pending)
		return err;
	if (node_set_text(node, text))
		return error_set(b->error, ENOMEM, "out of memory");
	node->is_null = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null_text(text);
	return 0;
}

static int on_start(struct builder *b, enum node_kind kind, const yaml_event_t *event)
{
	bool is_list = kind == NODE_LIST;
	struct node *node;
	int err;

	if (is_at_key(b)) {
		b->open->place = place_of(event->start_mark);
		return node_fail(b->open, b->error, "a key is expected, not a list or a mapping");
	}
	err = take_place(b, event->start_mark, &node);
	if (err)
		return err;
	node->kind = kind;
	node->is_null = false;
	if (++b->depth > TREE_DEPTH_MAX)
		return node_fail(node, b->error, "nested deeper than %d levels", TREE_DEPTH_MAX);
	b->open = node;
	return refuse_extras(b, node,
		is_list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor,
		is_list ? event->data.sequence_start.tag : event->data.mapping_start.tag);
}

static int on_alias(struct builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct node *node;
	int err;

	err = is_at_key(b) ? add_key(b, name, event->start_mark)
			   : take_place(b, event->start_mark, &node);
	if (err)
		return err;
	return node_fail(b->pending ? b->pending : node, b->error,
		"aliases (*%s) are not allowed; write the value out", excerpt(name).text);
}

static int on_document(struct builder *b, const yaml_event_t *event)
{
	if (++b->document_count == 1)
		return 0;
	if (b->root)
		b->root->place = place_of(event->start_mark);
	return node_fail(b->root, b->error, "a second document; a file holds one");
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, NODE_LIST, event);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, NODE_MAPPING, event);
	case YAML_ALIAS_EVENT:
		return on_alias(b, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		b->open = b->open->parent;
		return 0;
	case YAML_STREAM_END_EVENT:
		b->is_done = true;
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

static int build(struct builder *b)
{
	yaml_event_t event;
	int err = 0;

	while (!err && !b->is_done) {
		if (!yaml_parser_parse(&b->parser, &event))
			return parser_fail(b);
		err = on_event(b, &event);
		yaml_event_delete(&event);
	}
	return err;
}

static int fail_whole(const char *file, struct error *error, const char *sentence)
{
	return error_set(error, EINVAL, "%s%s%s", file ? file : "", file ? ": " : "", sentence);
}

int tree_read(
	const char *file, const char *text, size_t len, struct node **ret_root, struct error *error)
{
	struct builder b = {.file = file, .text = text, .len = len, .error = error};
	int err;

	if (len > TREE_TEXT_MAX)
		return fail_whole(file, error, "larger than 1 MiB");
	if (!yaml_parser_initialize(&b.parser))
		return error_set(error, ENOMEM, "out of memory");
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	err = build(&b);
	yaml_parser_delete(&b.parser);
	if (!err && !b.root)
		err = fail_whole(file, error, "is empty; 'hubs: {}' would mean no hubs");
	if (err)
		tree_free(b.root);
	else
		*ret_root = b.root;
	return err;
}
