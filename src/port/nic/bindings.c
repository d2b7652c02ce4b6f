/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/bindings.h"

#include <errno.h>
#include <stdlib.h>

void bindings_init(
	struct bindings *table, const struct hash_key *key, const struct binding_limits *limits)
{
	*table = (struct bindings){.key = *key, .limits = *limits};
	list_init(&table->by_age);
	list_init(&table->lasting);
}

void bindings_done(struct bindings *table)
{
	LIST_EACH(node, &table->by_age)
		binding_remove(table, LIST_ENTRY(node, struct binding, by_age));
	LIST_EACH(node, &table->lasting)
		binding_remove(table, LIST_ENTRY(node, struct binding, by_age));
	map_done(&table->by_address);
	map_done(&table->by_mac);
}

static uint64_t address_hash(const struct bindings *table, struct ip ip, uint16_t vlan)
{
	uint64_t words[3] = {[2] = vlan};

	memcpy(words, &ip, sizeof(ip));
	return hash_words(&table->key, words, ARRAY_SIZE(words));
}

static uint64_t mac_hash(const struct bindings *table, struct mac mac)
{
	uint64_t word = 0;

	memcpy(&word, &mac, sizeof(mac));
	return hash_u64(&table->key, word);
}

struct member *member_find(const struct bindings *table, struct mac mac)
{
	struct map_node *node = map_first(&table->by_mac, mac_hash(table, mac));

	for (; node; node = map_next(node)) {
		struct member *member = CONTAINER_OF(node, struct member, by_mac);

		if (mac_equal(member->mac, mac))
			return member;
	}
	return NULL;
}

static struct member *member_get(struct bindings *table, struct mac mac)
{
	struct member *member = member_find(table, mac);

	if (member)
		return member;
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	member->mac = mac;
	list_init(&member->bindings);
	if (!map_insert(&table->by_mac, &member->by_mac, mac_hash(table, mac)))
		return member;
	free(member);
	return NULL;
}

static void member_put(struct bindings *table, struct member *member)
{
	if (member->count)
		return;
	map_remove(&table->by_mac, &member->by_mac);
	free(member);
}

static bool is_aged(const struct bindings *table, const struct binding *binding, nsec now)
{
	return !binding->is_static && now - binding->seen_at > table->limits.age;
}

struct binding *binding_find(struct bindings *table, struct ip ip, uint16_t vlan, nsec now)
{
	struct map_node *node = map_first(&table->by_address, address_hash(table, ip, vlan));

	for (; node; node = map_next(node)) {
		struct binding *binding = CONTAINER_OF(node, struct binding, by_address);

		if (!ip_equal(binding->ip, ip) || binding->vlan != vlan)
			continue;
		if (!is_aged(table, binding, now))
			return binding;
		binding_remove(table, binding);
		return NULL;
	}
	return NULL;
}

void binding_remove(struct bindings *table, struct binding *binding)
{
	struct member *member = binding->member;

	map_remove(&table->by_address, &binding->by_address);
	list_remove(&binding->by_age);
	list_remove(&binding->by_member);
	member->count--;
	member_put(table, member);
	free(binding);
}

void member_remove(struct bindings *table, struct member *member)
{
	member->count++; /* so that it outlives its last binding */
	LIST_EACH(node, &member->bindings) {
		struct binding *binding = LIST_ENTRY(node, struct binding, by_member);

		if (!binding->is_static)
			binding_remove(table, binding);
	}
	member->count--;
	member_put(table, member);
}

static struct binding *oldest_of_member(const struct member *member)
{
	LIST_EACH(node, &member->bindings) {
		struct binding *binding = LIST_ENTRY(node, struct binding, by_member);

		if (!binding->is_static)
			return binding;
	}
	return NULL;
}

/* A member at its limit loses its own oldest address; a full table its oldest, when that has been
 * silent for a while, so that no flood of made-up addresses drives out those in use. */
static bool make_room(struct bindings *table, struct member *member, nsec now)
{
	struct binding *oldest = NULL;

	if (member->count >= table->limits.member_bindings) {
		oldest = oldest_of_member(member);
	} else if (table->by_address.count >= table->limits.bindings) {
		if (!list_is_empty(&table->by_age))
			oldest = LIST_ENTRY(table->by_age.next, struct binding, by_age);
		if (oldest && now - oldest->seen_at < table->limits.young)
			oldest = NULL;
	} else {
		return true;
	}
	if (!oldest)
		return false;
	member->count++; /* it may be about to lose its last one */
	binding_remove(table, oldest);
	member->count--;
	return true;
}

static struct binding *enter(
	struct bindings *table, struct member *member, struct ip ip, uint16_t vlan)
{
	struct binding *binding = calloc(1, sizeof(*binding));

	if (!binding)
		return NULL;
	binding->ip = ip;
	binding->vlan = vlan;
	binding->member = member;
	if (map_insert(&table->by_address, &binding->by_address, address_hash(table, ip, vlan))) {
		free(binding);
		return NULL;
	}
	list_push_back(&member->bindings, &binding->by_member);
	member->count++;
	return binding;
}

struct binding *binding_add(
	struct bindings *table, struct ip ip, uint16_t vlan, struct mac mac, nsec now)
{
	struct member *member = member_get(table, mac);
	struct binding *binding = NULL;

	if (!member)
		return NULL;
	if (make_room(table, member, now))
		binding = enter(table, member, ip, vlan);
	if (!binding) {
		member_put(table, member);
		return NULL;
	}
	binding->seen_at = now;
	list_push_back(&table->by_age, &binding->by_age);
	return binding;
}

int binding_add_static(struct bindings *table, struct ip ip, uint16_t vlan, struct mac mac)
{
	struct binding *binding = binding_find(table, ip, vlan, 0);
	struct member *member;

	if (binding && binding->is_static)
		return mac_equal(binding->member->mac, mac) ? 0 : -EEXIST;
	if (binding)
		binding_remove(table, binding);
	member = member_get(table, mac);
	binding = member ? enter(table, member, ip, vlan) : NULL;
	if (!binding) {
		if (member)
			member_put(table, member);
		return -ENOMEM;
	}
	binding->is_static = true;
	list_push_back(&table->lasting, &binding->by_age);
	return 0;
}

void binding_touch(struct bindings *table, struct binding *binding, nsec now)
{
	bool is_next_second = now - binding->seen_at > NSEC_PER_SEC;

	binding->seen_at = now;
	/* Once a second is order enough. */
	if (binding->is_static || !is_next_second)
		return;
	list_remove(&binding->by_age);
	list_push_back(&table->by_age, &binding->by_age);
	list_remove(&binding->by_member);
	list_push_back(&binding->member->bindings, &binding->by_member);
}
