/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port from "kind" and "key=value" settings. */
#include "config/check.h"
#include "config/excerpt.h"
#include "config/read.h"
#include "config/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In quotes, or a list in brackets. Anything else is taken as it stands: "[::1]:53" too. */
static bool is_yaml(const char *text, const struct key *key)
{
	size_t len = strlen(text);

	if (len < 2)
		return false;
	if (key && key->list && text[0] == '[')
		return text[len - 1] == ']';
	return (text[0] == '"' || text[0] == '\'') && text[len - 1] == text[0];
}

static int set_value(
	struct node *node, const char *text, const struct key *key, struct error *error)
{
	struct node *value;
	int err;

	if (!is_yaml(text, key))
		return node_set_text(node, text) ? error_set(error, ENOMEM, "out of memory") : 0;
	err = tree_read(NULL, text, strlen(text), &value, error);
	if (err)
		return node_blame(node, error, err);
	node_graft(node, value);
	return 0;
}

/* "lease=30m" as a child of the port's mapping. */
static int add_setting(
	struct node *root, const char *setting, enum port_kind kind, struct error *error)
{
	const char *equals = strchr(setting, '=');
	struct node *node;
	bool is_twin;
	char *key;

	if (!equals || equals == setting)
		return node_fail(root, error, "'%s' is not a setting; key=value would be",
			excerpt(setting).text);
	key = strndup(setting, (size_t)(equals - setting));
	is_twin = key && node_find(root, key);
	node = key ? node_add(root, key) : NULL;
	free(key);
	if (!node)
		return error_set(error, ENOMEM, "out of memory");
	if (is_twin)
		return node_fail(node, error, "key given twice");
	return set_value(node, equals + 1, key_set_find(schema_port(kind), node->key), error);
}

static int read_settings(struct node *root, const char *kind, const char *const *settings,
	size_t count, enum port_kind *ret_kind, struct error *error)
{
	struct node *node = node_add(root, "kind");
	int err = !node || node_set_text(node, kind) ? error_set(error, ENOMEM, "out of memory")
						     : 0;

	root->kind = NODE_MAPPING;
	root->is_null = false;
	if (!err)
		err = read_kind(root, ret_kind, error);
	for (size_t i = 0; i < count && !err; i++)
		err = add_setting(root, settings[i], *ret_kind, error);
	return err;
}

/* The hub as it would be with the port on it; paths are those within the port. */
static int check_with(
	const struct hub_config *hub, const struct port_config *port, struct error *error)
{
	struct hub_config trial = *hub;
	struct complaint complaint;
	const char *path;
	bool is_fine;

	trial.port_count++;
	trial.ports = calloc(trial.port_count, sizeof(*trial.ports));
	if (!trial.ports)
		return error_set(error, ENOMEM, "out of memory");
	if (hub->port_count)
		memcpy(trial.ports, hub->ports, hub->port_count * sizeof(*hub->ports));
	trial.ports[hub->port_count] = *port;
	is_fine = check_hub(&trial, &complaint);
	free(trial.ports);
	if (is_fine)
		return 0;
	path = strstr(complaint.path, "].");
	return error_set(error, EINVAL, "%s: %s", path ? path + 2 : complaint.path, complaint.text);
}

int config_read_port(const struct hub_config *hub, const char *kind, const char *const *settings,
	size_t count, struct port_config *ret_port, struct error *error)
{
	struct node *root = node_add(NULL, NULL);
	struct port_config port = {};
	int err;

	if (!root)
		return error_set(error, ENOMEM, "out of memory");
	err = read_settings(root, kind, settings, count, &port.kind, error);
	if (!err)
		err = read_port(root, hub, &port, error);
	if (!err && hub)
		err = check_with(hub, &port, error);
	tree_free(root);
	if (err)
		port_config_done(&port);
	else
		*ret_port = port;
	return err;
}

static int change(struct port_config *port, const char *setting, struct error *error)
{
	const char *equals = strchr(setting, '=');
	char name[CONFIG_NAME_SIZE] = "";
	const struct key *key;
	int err;

	if (!equals)
		return error_set(error, EINVAL, "'%s' is not a setting; key=value would be",
			excerpt(setting).text);
	if ((size_t)(equals - setting) < sizeof(name))
		memcpy(name, setting, (size_t)(equals - setting));
	key = key_set_find(schema_port(port->kind), name);
	if (!key || !(key->is_policy || !strcmp(name, "mac")))
		return error_set(error, EINVAL,
			"'%s' is not what can change while a port is there: link, isolated, guard, storm, loop-guard, rate, "
			"impair, impair-in, impair-out; of a VM also mac",
			excerpt(setting).text);
	err = key->scalar->parse(equals + 1, member_of(port, key->offset), error);
	return err ? error_wrap(error, err, "%s", name) : 0;
}

int config_change_port(const struct port_config *from, const char *const *settings, size_t count,
	struct port_config *ret, struct error *error)
{
	struct port_config port;
	int err = port_config_copy(from, &port);

	if (err)
		return error_set(error, ENOMEM, "out of memory");
	for (size_t i = 0; i < count && !err; i++)
		err = change(&port, settings[i], error);
	if (err)
		port_config_done(&port);
	else
		*ret = port;
	return err;
}
