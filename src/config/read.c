/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/check.h"
#include "config/excerpt.h"
#include "config/nearest.h"
#include "config/read.h"
#include "config/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS_MAX 4096 /* on a hub */

struct words {
	char text[240]; /* "kind, name, mac" */
	size_t used;
	const char *nearest; /* the first that `word` nearly is; NULL: none */
	const char *word;
};

static void words_add(struct words *words, const char *word)
{
	int len = snprintf(words->text + words->used, sizeof(words->text) - words->used, "%s%s",
		words->used ? ", " : "", word);

	words->used = MIN(words->used + (size_t)len, sizeof(words->text) - 1);
	if (!words->nearest && is_nearly(words->word, word))
		words->nearest = word;
}

/* what: "unknown key; keys are" */
static int words_fail(
	const struct words *words, const struct node *node, const char *what, struct error *error)
{
	if (words->nearest)
		return node_fail(
			node, error, "%s %s; did you mean %s?", what, words->text, words->nearest);
	return node_fail(node, error, "%s %s", what, words->text);
}

static int unknown_key(const struct node *node, const struct key_set *set, struct error *error)
{
	struct words words = {.word = node->key};
	const struct key *key;

	for (size_t i = 0; (key = key_set_at(set, i)); i++)
		words_add(&words, key->name);
	return words_fail(&words, node, "unknown key; keys here are", error);
}

static int read_mapping(
	const struct node *node, const struct key_set *set, void *object, struct error *error);

static int read_scalar(
	const struct node *node, const struct scalar *scalar, void *ret, struct error *error)
{
	int err = node_expect(node, NODE_SCALAR, error);

	if (err)
		return err;
	err = scalar->parse(node->text ? node->text : "", ret, error);
	return err ? node_blame(node, error, err) : 0;
}

static int read_item(
	const struct node *node, const struct list *list, void *item, struct error *error)
{
	if (list->place != NO_PLACE)
		*(struct place *)member_of(item, list->place) = node->place;
	if (list->scalar)
		return read_scalar(node, list->scalar, item, error);
	return read_mapping(node, list->keys, item, error);
}

/* A single word stands for a list of one. */
static bool is_list_of_one(const struct node *node, const struct list *list)
{
	return list->scalar && node->kind == NODE_SCALAR && !node->is_null;
}

static int resize(const struct node *node, const struct list *list, void *object, size_t count,
	struct error *error)
{
	int err = list_resize(list, object, count);

	if (err == -ENOSPC)
		return node_fail(
			node, error, "has %zu items; at most %zu are allowed", count, list->max);
	return err ? error_set(error, ENOMEM, "out of memory") : 0;
}

static int read_list(
	const struct node *node, const struct list *list, void *object, struct error *error)
{
	const struct node *child;
	int err;

	if (is_list_of_one(node, list)) {
		err = resize(node, list, object, 1, error);
		return err ? err : read_item(node, list, list_item(list, object, 0), error);
	}
	err = node_expect(node, NODE_LIST, error);
	if (!err)
		err = resize(node, list, object, node->count, error);
	for (child = node->first; child && !err; child = child->next)
		err = read_item(child, list, list_item(list, object, child->index), error);
	return err;
}

static int read_key(
	const struct node *node, const struct key_set *set, void *object, struct error *error)
{
	const struct key *key = key_set_find(set, node->key);

	if (!key)
		return unknown_key(node, set, error);
	if (key->list)
		return read_list(node, key->list, object, error);
	if (key->scalar)
		return read_scalar(node, key->scalar, member_of(object, key->offset), error);
	return 0;
}

static int read_mapping(
	const struct node *node, const struct key_set *set, void *object, struct error *error)
{
	const struct node *child;
	const struct key *key;
	int err = node_expect(node, NODE_MAPPING, error);

	for (child = node->first; child && !err; child = child->next)
		err = read_key(child, set, object, error);
	for (size_t i = 0; !err && (key = key_set_at(set, i)); i++)
		if (key->is_required && !node_find(node, key->name))
			err = node_fail(node, error, "key '%s' is missing", key->name);
	return err;
}

static int unknown_kind(
	const struct node *node, const char *text, const char *what, struct error *error)
{
	struct words words = {.word = text};

	for (enum port_kind kind = 0; kind < PORT_KIND_COUNT; kind++)
		words_add(&words, port_kind_name(kind));
	return words_fail(&words, node, what, error);
}

static bool kind_parse(const char *text, enum port_kind *ret_kind)
{
	for (enum port_kind kind = 0; kind < PORT_KIND_COUNT; kind++)
		if (!strcmp(text, port_kind_name(kind))) {
			*ret_kind = kind;
			return true;
		}
	return false;
}

int read_kind(struct node *node, enum port_kind *ret_kind, struct error *error)
{
	int err = node_expect(node, NODE_MAPPING, error);
	const struct node *kind = err ? NULL : node_find(node, "kind");
	char what[128];

	if (err)
		return err;
	if (!kind)
		return unknown_kind(node, "", "key 'kind' is missing; kinds are", error);
	err = node_expect(kind, NODE_SCALAR, error);
	if (err)
		return err;
	snprintf(what, sizeof(what), "'%s' is not a kind of port; kinds are",
		excerpt(kind->text ? kind->text : "").text);
	if (!kind->text || !kind_parse(kind->text, ret_kind))
		return unknown_kind(kind, kind->text ? kind->text : "", what, error);
	node->label = port_kind_name(*ret_kind);
	return 0;
}

int read_port(const struct node *node, const struct hub_config *hub, struct port_config *port,
	struct error *error)
{
	port->place = node->place;
	port_config_fill(port, hub);
	return read_mapping(node, schema_port(port->kind), port, error);
}

/* All kinds before all values: what a DHCP server says of itself depends on whether there is a
 * gateway. */
static int read_ports(const struct node *node, struct hub_config *hub, struct error *error)
{
	struct node *child;
	int err = node_expect(node, NODE_LIST, error);

	if (err || !node->count)
		return err;
	if (node->count > PORTS_MAX)
		return node_fail(node, error, "has more than %d items", PORTS_MAX);
	hub->ports = calloc(node->count, sizeof(*hub->ports));
	if (!hub->ports)
		return error_set(error, ENOMEM, "out of memory");
	hub->port_count = node->count;
	for (child = node->first; child && !err; child = child->next)
		err = read_kind(child, &hub->ports[child->index].kind, error);
	for (child = node->first; child && !err; child = child->next)
		err = read_port(child, hub, &hub->ports[child->index], error);
	return err;
}

static int read_hub(const struct node *node, struct hub_config *hub, struct error *error)
{
	int err = hub_name_parse(node->key, hub->name, error);
	const struct node *ports;

	if (err)
		return node_blame(node, error, err);
	hub->place = node->place;
	hub_config_fill(hub);
	err = read_mapping(node, schema_hub(), hub, error);
	ports = err ? NULL : node_find(node, "ports");
	return ports ? read_ports(ports, hub, error) : err;
}

static int read_hubs(const struct node *node, struct config *config, struct error *error)
{
	const struct node *child;
	int err = node_expect(node, NODE_MAPPING, error);

	if (err || !node->count)
		return err;
	config->hubs = calloc(node->count, sizeof(*config->hubs));
	if (!config->hubs)
		return error_set(error, ENOMEM, "out of memory");
	config->hub_count = node->count;
	for (child = node->first; child && !err; child = child->next)
		err = read_hub(child, &config->hubs[child->index], error);
	return err;
}

static int blame(const struct node *root, const struct complaint *complaint, struct error *error)
{
	const struct place place = node_locate(root, complaint->path)->place;

	if (!root->file)
		return error_set(error, EINVAL, "%s: %s", complaint->path, complaint->text);
	return error_set(error, EINVAL, "%s:%u:%u: %s: %s", root->file, place.line, place.column,
		complaint->path, complaint->text);
}

static int read_root(const struct node *root, struct config *config, struct error *error)
{
	struct complaint complaint;
	int err;

	if (root->is_null)
		return node_fail(root, error, "is empty; 'hubs: {}' would mean no hubs");
	err = read_mapping(root, schema_root(), config, error);
	if (!err)
		err = read_hubs(node_find(root, "hubs"), config, error);
	if (err || check_config(config, &complaint))
		return err;
	return blame(root, &complaint, error);
}

int config_read(const char *name, const char *text, size_t len, struct config **ret_config,
	struct error *error)
{
	struct config *config = calloc(1, sizeof(*config));
	struct node *root = NULL;
	int err;

	if (!config)
		return error_set(error, ENOMEM, "out of memory");
	err = tree_read(name, text, len, &root, error);
	if (!err)
		err = read_root(root, config, error);
	tree_free(root);
	if (err)
		config_free(config);
	else
		*ret_config = config;
	return err;
}

int config_read_file(const char *path, struct config **ret_config, struct error *error)
{
	size_t size = TREE_TEXT_MAX + 1,
	       len; /* one more than is allowed: to see that it is too much */
	char *text = malloc(size);
	FILE *file = text ? fopen(path, "re") : NULL;
	int err = file ? 0 : -errno;

	if (!file)
		goto fail;
	len = fread(text, 1, size, file);
	if (ferror(file))
		err = -errno;
	else
		err = config_read(path, text, len, ret_config, error);
fail:
	if (err)
		error_set(error, -err, "%s: %s", path, strerror(-err));
	if (file)
		fclose(file);
	free(text);
	return err;
}

int config_check(const struct config *config, struct error *error)
{
	struct complaint complaint;

	if (check_config(config, &complaint))
		return 0;
	return error_set(error, EINVAL, "%s: %s", complaint.path, complaint.text);
}
