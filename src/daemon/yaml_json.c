/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/yaml_json.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static json_t *convert(yaml_document_t *document, int index);

static json_t *convert_scalar(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	char *end;
	long long number;

	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return json_string(text);
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return json_boolean(text[0] == 't');
	number = strtoll(text, &end, 10);
	return *text && !*end ? json_integer(number) : json_string(text);
}

static json_t *convert_sequence(yaml_document_t *document, const yaml_node_t *node)
{
	json_t *array = json_array();

	for (yaml_node_item_t *item = node->data.sequence.items.start;
		item < node->data.sequence.items.top; item++)
		json_array_append_new(array, convert(document, *item));
	return array;
}

static json_t *convert_mapping(yaml_document_t *document, const yaml_node_t *node)
{
	json_t *object = json_object();

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(document, pair->key);

		if (key->type == YAML_SCALAR_NODE)
			json_object_set_new(object, (const char *)key->data.scalar.value,
				convert(document, pair->value));
	}
	return object;
}

static json_t *convert(yaml_document_t *document, int index)
{
	const yaml_node_t *node = yaml_document_get_node(document, index);

	switch (node->type) {
	case YAML_SCALAR_NODE:
		return convert_scalar(node);
	case YAML_SEQUENCE_NODE:
		return convert_sequence(document, node);
	case YAML_MAPPING_NODE:
		return convert_mapping(document, node);
	case YAML_NO_NODE:
		break;
	}
	return json_null();
}

json_t *yaml_to_json(const char *text)
{
	yaml_document_t document;
	yaml_parser_t parser;
	json_t *value = NULL;

	if (!yaml_parser_initialize(&parser))
		return NULL;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	if (yaml_parser_load(&parser, &document)) {
		if (yaml_document_get_root_node(&document))
			value = convert(&document, 1);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return value;
}
