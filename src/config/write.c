/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model as YAML: what differs from the defaults, in the order of the schema's tables. */
#include "config/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-"

/* Only letters and such need no quotes. Colons are quoted too: to YAML 1.1 readers 12:34:56 is a
 * number. No value has a control character. */
static void write_text(FILE *out, const char *text)
{
	if (*text && *text != '-' && strspn(text, PLAIN) == strlen(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	fputc('"', out);
}

static void write_scalar(FILE *out, const struct scalar *scalar, const void *value)
{
	char text[VALUE_TEXT_SIZE];

	scalar->format(value, text);
	write_text(out, text);
}

/* {mac: "00:0c:29:1b:85:3d", ip: 192.168.120.10} */
static void write_flow(FILE *out, const struct key_set *set, const void *item)
{
	char text[VALUE_TEXT_SIZE];
	const char *before = "";
	const struct key *key;

	fputc('{', out);
	for (size_t i = 0; (key = key_set_at(set, i)); i++) {
		key->scalar->format(member_in(item, key->offset), text);
		if (!*text)
			continue;
		fprintf(out, "%s%s: ", before, key->name);
		write_text(out, text);
		before = ", ";
	}
	fputc('}', out);
}

static void write_list(FILE *out, const struct list *list, const void *owner, int indent)
{
	size_t count = list_count(list, owner);

	if (!count)
		fputs(" []", out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "\n%*s- ", indent, "");
		if (list->scalar)
			write_scalar(out, list->scalar, list_item_in(list, owner, i));
		else
			write_flow(out, list->keys, list_item_in(list, owner, i));
	}
	fputc('\n', out);
}

static void write_key(
	FILE *out, const struct key *key, const void *object, const void *defaults, int indent)
{
	char text[VALUE_TEXT_SIZE], default_text[VALUE_TEXT_SIZE];

	if (key->list) {
		if (list_equal(key->list, object, defaults))
			return;
		fprintf(out, "%*s%s:", indent, "", key->name);
		write_list(out, key->list, object, indent + 2);
		return;
	}
	key->scalar->format(member_in(object, key->offset), text);
	key->scalar->format(member_in(defaults, key->offset), default_text);
	if (!strcmp(text, default_text))
		return;
	fprintf(out, "%*s%s: ", indent, "", key->name);
	write_text(out, text);
	fputc('\n', out);
}

static void write_keys(
	FILE *out, const struct key_set *set, const void *object, const void *defaults, int indent)
{
	const struct key *key;

	for (size_t i = 0; (key = key_set_at(set, i)); i++)
		if (key->scalar || key->list)
			write_key(out, key, object, defaults, indent);
}

static void write_port(FILE *out, const struct port_config *port, const struct hub_config *hub)
{
	struct port_config defaults = {.kind = port->kind};

	port_config_fill(&defaults, hub);
	fprintf(out, "      - kind: %s\n", port_kind_name(port->kind));
	write_keys(out, schema_port(port->kind), port, &defaults, 8);
}

static void write_hub(FILE *out, const struct hub_config *hub)
{
	struct hub_config defaults = {};

	hub_config_fill(&defaults);
	fprintf(out, "  %s:\n", hub->name);
	write_keys(out, schema_hub(), hub, &defaults, 4);
	fputs(hub->port_count ? "    ports:\n" : "    ports: []\n", out);
	for (size_t i = 0; i < hub->port_count; i++)
		write_port(out, &hub->ports[i], hub);
}

char *config_write(const struct config *config)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool has_failed;

	if (!out)
		return NULL;
	fputs(config->hub_count ? "hubs:\n" : "hubs: {}\n", out);
	for (size_t i = 0; i < config->hub_count; i++)
		write_hub(out, &config->hubs[i]);
	has_failed = ferror(out);
	if (!fclose(out) && !has_failed)
		return text;
	free(text);
	return NULL;
}
