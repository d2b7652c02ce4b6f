/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/test_support.h"
#include "config/tree.h"

#include <stdio.h>

static void refuses_what_is_not_yaml(void **)
{
	static const struct refusal refusals[] = {
		{"", "f: is empty; 'hubs: {}' would mean no hubs"},
		{"# nothing\n", "f: is empty; 'hubs: {}' would mean no hubs"},
		{"---\n", "f:2:1: is empty; 'hubs: {}' would mean no hubs"},
		{"hubs: [", "f:2:1: not YAML: did not find expected node content"},
		{"hubs:\n  hub8: a: b\n",
			"f:2:10: not YAML: mapping values are not allowed in this context"},
		{"hubs:\n\thub8:\n",
			"f:2:1: not YAML: found character that cannot start any token"},
		{"hubs: {}\n---\nhubs: {}\n", "f:2:1: a second document; a file holds one"},
		{"hubs: \"a\\0b\"", "f:1:1: hubs: holds a NUL character"},
		{"hubs: {[a]: b}", "f:1:8: hubs: a key is expected, not a list or a mapping"},
		{"hubs: {hub8: {mtu: 1500, mtu: 1500}}",
			"f:1:26: hubs.hub8.mtu: key given twice, first on line 1"},
		{"hubs:\n  hub8:\n  hub9:\n  hub8:\n",
			"f:4:3: hubs.hub8: key given twice, first on line 2"},
	};

	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void refuses_anchors_aliases_and_tags(void **)
{
	static const struct refusal refusals[] = {
		{"hubs:\n  hub8: &a {}\n",
			"f:2:3: hubs.hub8: anchors (&a) are not allowed; write the value out"},
		{"hubs: {hub8: {ports: [&p]}}",
			"f:1:23: hubs.hub8.ports[0]: anchors (&p) are not allowed; write the value out"},
		{"hubs: &a\n", "f:1:1: hubs: anchors (&a) are not allowed; write the value out"},
		{"hubs: *a\n", "f:1:1: hubs: aliases (*a) are not allowed; write the value out"},
		{"*a : b\n", "f:1:1: a: aliases (*a) are not allowed; write the value out"},
		{"hubs: !!map {}\n", "f:1:1: hubs: tags (tag:yaml.org,2002:map) are not allowed"},
		{"!x a: b\n", "f:1:1: a: tags (!x) are not allowed"},
	};

	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void refuses_what_is_not_utf8(void **)
{
	static const char utf16[] = "\xff\xfeh\0u\0b\0s\0";

	assert_refused(
		"hubs:\n  h\xc3\xa4\xff: a", 14, "f:2:5: not YAML: invalid leading UTF-8 octet");
	assert_refused("a: \x01", 4, "f:1:4: not YAML: control characters are not allowed");
	assert_refused(utf16, sizeof(utf16) - 1, "f:1:1: not YAML: invalid leading UTF-8 octet");
}

static char *repeat(const char *part, size_t count)
{
	size_t len = strlen(part);
	char *text = calloc(count, len + 1);

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * len, part, len);
	return text;
}

static void refuses_what_is_too_much(void **)
{
	char *deep = repeat("[", 100000), *wide = repeat("- a\n", TREE_NODES_MAX + 1);
	char *large = repeat(" ", TREE_TEXT_MAX + 1), *keys = calloc(TREE_KEYS_MAX + 1, 8);

	for (size_t i = 0, used = 0; i <= TREE_KEYS_MAX; i++)
		used += (size_t)sprintf(keys + used, "k%zu:\n", i);
	assert_refused(deep, 100000,
		"f:1:17: [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: nested deeper than 16 levels");
	assert_refused(wide, strlen(wide), "f:65536:3: [65535]: more than 65536 values");
	assert_refused(large, strlen(large), "f: larger than 1 MiB");
	assert_refused(keys, strlen(keys), "f:4097:1: k4096: more than 4096 keys in one mapping");
	free(deep);
	free(wide);
	free(large);
	free(keys);
}

static void quotes_only_what_fits_a_line(void **)
{
	static const struct refusal refusals[] = {
		{"hubs: {hub8: {\"a\\nb\\e\\u202e\\N\": 1}}",
			"f:1:15: hubs.hub8.a?b???: unknown key; keys here are subnet, subnet6, mtu, "
			"ports"},
		{"hubs: {hub8: {mtu: \"ä0123456789012345678901234567890123456789012345678901234567890ä\"}}",
			"f:1:15: hubs.hub8.mtu: "
			"'ä0123456789012345678901234567890123456789012345678901234567890...' "
			"is not an MTU, a number from 576 to 65520"},
	};

	assert_all_refused(refusals, ARRAY_SIZE(refusals));
}

static void finds_the_deepest_node_of_a_path(void **)
{
	static const char text[] = "a:\n  b:\n  - c\n  - d: {e: f}\n";
	struct node *root;

	assert_int_equal(tree_read("f", text, strlen(text), &root, NULL), 0);
	assert_int_equal(node_locate(root, "a.b[1].d.e")->place.column, 9);
	assert_int_equal(node_locate(root, "a.b[1].d.x")->place.column, 5);
	assert_int_equal(node_locate(root, "a.b[0]")->place.line, 3);
	assert_int_equal(node_locate(root, "a.bb")->place.line, 1);
	assert_ptr_equal(node_locate(root, "x"), root);
	tree_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_yaml),
		cmocka_unit_test(refuses_anchors_aliases_and_tags),
		cmocka_unit_test(refuses_what_is_not_utf8),
		cmocka_unit_test(refuses_what_is_too_much),
		cmocka_unit_test(quotes_only_what_fits_a_line),
		cmocka_unit_test(finds_the_deepest_node_of_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
