/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trie against a list that is searched from one end to the other. */
#include "wg/allowed_ips.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MODEL_MAX 512
#define OWNERS	  8

static struct allowed_ips table;
static int owners[OWNERS];

static struct {
	struct ip_prefix prefix;
	void *owner;
} model[MODEL_MAX];
static size_t model_count;

static int set_up(void **)
{
	allowed_ips_init(&table, MODEL_MAX);
	model_count = 0;
	return 0;
}

static int tear_down(void **)
{
	allowed_ips_done(&table);
	return 0;
}

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix;

	assert_true(prefix_parse(text, &prefix));
	return prefix;
}

static void add(const char *text, void *owner)
{
	struct ip_prefix prefix = prefix_of(text);

	assert_int_equal(allowed_ips_add(&table, &prefix, owner), 0);
}

static void *find(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return allowed_ips_find(&table, ip);
}

static void test_the_longest_prefix_says(void **)
{
	add("0.0.0.0/0", &owners[0]);
	add("10.0.0.0/8", &owners[1]);
	add("10.1.0.0/16", &owners[2]);
	add("10.1.2.3/32", &owners[3]);
	add("fd00::/16", &owners[4]);
	assert_ptr_equal(find("1.2.3.4"), &owners[0]);
	assert_ptr_equal(find("10.2.0.0"), &owners[1]);
	assert_ptr_equal(find("10.1.2.2"), &owners[2]);
	assert_ptr_equal(find("10.1.2.3"), &owners[3]);
	assert_ptr_equal(find("fd00:1::1"), &owners[4]);
	assert_null(find("2001:db8::1"));
}

static void test_families_do_not_mix(void **)
{
	add("::/0", &owners[0]);
	assert_null(find("1.2.3.4"));
	assert_ptr_equal(find("::1"), &owners[0]);
	add("0.0.0.0/0", &owners[1]);
	assert_ptr_equal(find("1.2.3.4"), &owners[1]);
	assert_ptr_equal(find("::1"), &owners[0]);
}

static void test_a_prefix_moves_to_who_got_it_last(void **)
{
	struct ip_prefix prefix = prefix_of("10.0.0.0/8");

	add("10.0.0.0/8", &owners[0]);
	add("10.9.8.7/8", &owners[1]); /* host bits mean nothing */
	assert_ptr_equal(find("10.0.0.1"), &owners[1]);
	assert_int_equal(table.count, 1);
	assert_false(allowed_ips_remove(&table, &prefix, &owners[0]));
	assert_true(allowed_ips_remove(&table, &prefix, &owners[1]));
	assert_null(find("10.0.0.1"));
	assert_null(table.roots[0]);
}

static void test_no_more_than_the_limit(void **)
{
	struct ip_prefix prefix = prefix_of("10.0.0.3/32");

	table.max = 2;
	add("10.0.0.1/32", &owners[0]);
	add("10.0.0.2/32", &owners[0]);
	assert_int_equal(allowed_ips_add(&table, &prefix, &owners[0]), -28 /* ENOSPC */);
	add("10.0.0.2/32", &owners[1]);
	assert_null(find("10.0.0.3"));
}

/* Few bits, so that prefixes meet. */
static struct ip random_ip(void)
{
	struct ip ip = {{0xfd}};

	for (unsigned i = 0; i < 16; i++)
		ip.bytes[i] |= (uint8_t)(1u << random() % 8 & random());
	return random() % 2 ? ip_from_bytes4(ip.bytes + 8) : ip;
}

static bool same(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_is_v4(a->address) == ip_is_v4(b->address) &&
	       prefix_contains(a, b->address);
}

static void model_forget(size_t i)
{
	model[i] = model[--model_count];
}

static void random_add(void)
{
	struct ip_prefix prefix = {.address = random_ip()};
	void *owner = &owners[random() % OWNERS];

	prefix.len = (unsigned)random() % (ip_is_v4(prefix.address) ? 33 : 129);
	for (size_t i = 0; i < model_count; i++) {
		if (same(&model[i].prefix, &prefix)) {
			model_forget(i);
			break;
		}
	}
	if (model_count == MODEL_MAX)
		return;
	model[model_count].prefix = prefix;
	model[model_count++].owner = owner;
	assert_int_equal(allowed_ips_add(&table, &prefix, owner), 0);
}

static void random_remove(void)
{
	size_t i;

	if (!model_count)
		return;
	i = (size_t)random() % model_count;
	assert_true(allowed_ips_remove(&table, &model[i].prefix, model[i].owner));
	model_forget(i);
}

static void random_remove_all(void)
{
	void *owner = &owners[random() % OWNERS];

	allowed_ips_remove_all(&table, owner);
	for (size_t i = model_count; i-- > 0;) {
		if (model[i].owner == owner)
			model_forget(i);
	}
}

static void *model_find(struct ip ip)
{
	void *owner = NULL;
	unsigned len = 0;

	for (size_t i = 0; i < model_count; i++) {
		const struct ip_prefix *prefix = &model[i].prefix;

		if (ip_is_v4(prefix->address) != ip_is_v4(ip) || !prefix_contains(prefix, ip) ||
			(owner && prefix->len < len))
			continue;
		owner = model[i].owner;
		len = prefix->len;
	}
	return owner;
}

static void check_prefix(void *argument, const struct ip_prefix *prefix)
{
	size_t *count = argument;
	bool is_known = false;

	for (size_t i = 0; i < model_count; i++)
		is_known |= same(&model[i].prefix, prefix);
	assert_true(is_known);
	++*count;
}

static void test_against_the_model(void **)
{
	size_t count = 0;

	srandom(1);
	for (unsigned i = 0; i < 20000; i++) {
		struct ip ip = random_ip();

		if (random() % 2)
			random_add();
		else if (random() % 100)
			random_remove();
		else
			random_remove_all();
		assert_int_equal(table.count, model_count);
		assert_ptr_equal(allowed_ips_find(&table, ip), model_find(ip));
	}
	for (unsigned i = 0; i < OWNERS; i++)
		allowed_ips_each(&table, &owners[i], check_prefix, &count);
	assert_int_equal(count, model_count);
	for (unsigned i = 0; i < OWNERS; i++)
		allowed_ips_remove_all(&table, &owners[i]);
	assert_null(table.roots[0]);
	assert_null(table.roots[1]);
}

#define TRIE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRIE_TEST(test_the_longest_prefix_says),
		TRIE_TEST(test_families_do_not_mix),
		TRIE_TEST(test_a_prefix_moves_to_who_got_it_last),
		TRIE_TEST(test_no_more_than_the_limit),
		TRIE_TEST(test_against_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
