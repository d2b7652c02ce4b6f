/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/allowed_ips.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>

/* The bits of an address, first one highest. */
struct bits {
	uint64_t high, low;
};

/* A binary trie in which only prefixes and forks have nodes. */
struct allowed_node {
	struct bits bits;
	unsigned len;
	void *owner; /* NULL: a fork */
	struct allowed_node *children[2];
};

static struct bits bits_of(struct ip ip)
{
	if (ip_is_v4(ip))
		return (struct bits){(uint64_t)load_be32(ip.bytes + 12) << 32, 0};
	return (struct bits){load_be64(ip.bytes), load_be64(ip.bytes + 8)};
}

static struct ip ip_of(struct bits bits, bool is_v4)
{
	struct ip ip;

	if (is_v4)
		return ip_from_v4(ip4_from_number((uint32_t)(bits.high >> 32)));
	store_be64(ip.bytes, bits.high);
	store_be64(ip.bytes + 8, bits.low);
	return ip;
}

static unsigned common_len(struct bits a, struct bits b)
{
	if (a.high != b.high)
		return (unsigned)__builtin_clzll(a.high ^ b.high);
	return 64 + (a.low != b.low ? (unsigned)__builtin_clzll(a.low ^ b.low) : 64);
}

static struct bits first_bits(struct bits bits, unsigned len)
{
	uint64_t high = len < 64 ? ~(UINT64_MAX >> len) : UINT64_MAX;
	uint64_t low = len <= 64 ? 0 : len < 128 ? ~(UINT64_MAX >> (len - 64)) : UINT64_MAX;

	return (struct bits){bits.high & high, bits.low & low};
}

/* Which child: the bit after the first len. */
static unsigned side(struct bits bits, unsigned len)
{
	return len < 64 ? bits.high >> (63 - len) & 1 : bits.low >> (127 - len) & 1;
}

static bool holds(const struct allowed_node *node, struct bits bits)
{
	return common_len(node->bits, bits) >= node->len;
}

void allowed_ips_init(struct allowed_ips *table, size_t max)
{
	*table = (struct allowed_ips){.max = max};
}

static void free_all(struct allowed_node *node)
{
	if (!node)
		return;
	free_all(node->children[0]);
	free_all(node->children[1]);
	free(node);
}

void allowed_ips_done(struct allowed_ips *table)
{
	free_all(table->roots[0]);
	free_all(table->roots[1]);
	*table = (struct allowed_ips){0};
}

static struct allowed_node *node_new(struct bits bits, unsigned len, void *owner)
{
	struct allowed_node *node = malloc(sizeof(*node));

	if (node)
		*node = (struct allowed_node){
			.bits = first_bits(bits, len), .len = len, .owner = owner};
	return node;
}

static void adopt(struct allowed_node *parent, struct allowed_node *child)
{
	parent->children[side(child->bits, parent->len)] = child;
}

/* Puts the node where *at is: above it, or beside it under a fork. */
static int graft(struct allowed_node **at, struct allowed_node *node)
{
	unsigned common;
	struct allowed_node *fork;

	if (!*at) {
		*at = node;
		return 0;
	}
	common = common_len(node->bits, (*at)->bits);
	if (common >= node->len) {
		adopt(node, *at);
		*at = node;
		return 0;
	}
	fork = node_new(node->bits, common, NULL);
	if (!fork)
		return -ENOMEM;
	adopt(fork, *at);
	adopt(fork, node);
	*at = fork;
	return 0;
}

/* The place of the prefix: its node, or where it would be put. */
static struct allowed_node **place_of(struct allowed_node **at, struct bits bits, unsigned len)
{
	while (*at && (*at)->len < len && holds(*at, bits))
		at = &(*at)->children[side(bits, (*at)->len)];
	return at;
}

static bool is_prefix(const struct allowed_node *node, struct bits bits, unsigned len)
{
	return node && node->len == len && holds(node, bits);
}

static struct allowed_node **root_of(struct allowed_ips *table, struct ip ip)
{
	return &table->roots[!ip_is_v4(ip)];
}

int allowed_ips_add(struct allowed_ips *table, const struct ip_prefix *prefix, void *owner)
{
	struct bits bits = bits_of(prefix->address);
	struct allowed_node **at = place_of(root_of(table, prefix->address), bits, prefix->len);
	struct allowed_node *node;

	if (is_prefix(*at, bits, prefix->len)) {
		table->count += !(*at)->owner;
		(*at)->owner = owner;
		return 0;
	}
	if (table->count >= table->max)
		return -ENOSPC;
	node = node_new(bits, prefix->len, owner);
	if (!node || graft(at, node) < 0) {
		free(node);
		return -ENOMEM;
	}
	table->count++;
	return 0;
}

/* A node that is neither prefix nor fork gives way to its child. */
static void prune(struct allowed_node **at)
{
	struct allowed_node *node = *at;

	if (node->owner || (node->children[0] && node->children[1]))
		return;
	*at = node->children[node->children[1] ? 1 : 0];
	free(node);
}

static void remove_below(
	struct allowed_ips *table, struct allowed_node **at, struct bits bits, unsigned len)
{
	struct allowed_node *node = *at;

	if (node->len == len) {
		node->owner = NULL;
		table->count--;
	} else {
		remove_below(table, &node->children[side(bits, node->len)], bits, len);
	}
	prune(at);
}

bool allowed_ips_remove(struct allowed_ips *table, const struct ip_prefix *prefix, void *owner)
{
	struct bits bits = bits_of(prefix->address);
	struct allowed_node **root = root_of(table, prefix->address);
	const struct allowed_node *node = *place_of(root, bits, prefix->len);

	if (!is_prefix(node, bits, prefix->len) || node->owner != owner)
		return false;
	remove_below(table, root, bits, prefix->len);
	return true;
}

static void remove_owner(struct allowed_ips *table, struct allowed_node **at, const void *owner)
{
	struct allowed_node *node = *at;

	if (!node)
		return;
	remove_owner(table, &node->children[0], owner);
	remove_owner(table, &node->children[1], owner);
	if (node->owner == owner) {
		node->owner = NULL;
		table->count--;
	}
	prune(at);
}

void allowed_ips_remove_all(struct allowed_ips *table, void *owner)
{
	remove_owner(table, &table->roots[0], owner);
	remove_owner(table, &table->roots[1], owner);
}

void *allowed_ips_find(const struct allowed_ips *table, struct ip ip)
{
	const bool is_v4 = ip_is_v4(ip);
	const struct allowed_node *node = table->roots[!is_v4];
	const unsigned len = is_v4 ? 32 : 128;
	struct bits bits = bits_of(ip);
	void *owner = NULL;

	while (node && holds(node, bits)) {
		owner = node->owner ? node->owner : owner;
		if (node->len == len)
			break;
		node = node->children[side(bits, node->len)];
	}
	return owner;
}

struct each {
	const void *owner;
	void (*call)(void *argument, const struct ip_prefix *prefix);
	void *argument;
	bool is_v4;
};

static void visit(const struct each *each, const struct allowed_node *node)
{
	if (!node)
		return;
	if (node->owner == each->owner) {
		const struct ip_prefix prefix = {ip_of(node->bits, each->is_v4), node->len};

		each->call(each->argument, &prefix);
	}
	visit(each, node->children[0]);
	visit(each, node->children[1]);
}

void allowed_ips_each(const struct allowed_ips *table, const void *owner,
	void (*call)(void *argument, const struct ip_prefix *prefix), void *argument)
{
	struct each each = {owner, call, argument, true};

	visit(&each, table->roots[0]);
	each.is_v4 = false;
	visit(&each, table->roots[1]);
}
