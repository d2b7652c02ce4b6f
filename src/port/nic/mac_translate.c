/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's life. A frame's way through it begins in crossing.c. */
#include "port/nic/translate_internal.h"

#include <errno.h>
#include <stdlib.h>

#define BINDINGS_MAX	    8192
#define MEMBER_BINDINGS_MAX 64 /* IPv6 privacy addresses: a new one a day, each for a week */
#define BINDING_AGE	    (600 * NSEC_PER_SEC)
#define BINDING_YOUNG	    (30 * NSEC_PER_SEC)

struct mac_translate *mac_translate_new(
	const struct mac_translate_settings *settings, const struct hash_key *key)
{
	struct mac_translate *translate = calloc(1, sizeof(*translate));
	struct binding_limits limits = {
		.bindings = settings->bindings_max ? settings->bindings_max : BINDINGS_MAX,
		.member_bindings = settings->member_bindings_max ? settings->member_bindings_max
								 : MEMBER_BINDINGS_MAX,
		.age = settings->age ? settings->age : BINDING_AGE,
		.young = BINDING_YOUNG,
	};

	if (!translate)
		return NULL;
	translate->settings = *settings;
	translate->machine.run = translate_run;
	bindings_init(&translate->bindings, key, &limits);
	return translate;
}

void mac_translate_free(struct mac_translate *translate)
{
	if (!translate)
		return;
	bindings_done(&translate->bindings);
	free(translate);
}

struct machine *mac_translate_machine(struct mac_translate *translate)
{
	return &translate->machine;
}

void mac_translate_set_nic(struct mac_translate *translate, struct mac mac,
	const struct ip_prefix *addresses, unsigned count)
{
	struct nic_facts *nic = &translate->nic;
	bool is_new = !mac_is_zero(nic->mac) && !mac_equal(nic->mac, mac);

	nic->mac = mac;
	nic->address_count = MIN(count, NIC_ADDRESSES_MAX);
	for (unsigned i = 0; i < nic->address_count; i++)
		nic->addresses[i] = addresses[i];
	if (is_new)
		mac_translate_announce(translate);
}

void mac_translate_show(struct mac_translate *translate, bool are_seen)
{
	translate->are_seen = are_seen;
}

void mac_translate_serve_host(struct mac_translate *translate, bool serves_host)
{
	translate->settings.serves_host = serves_host;
}

void mac_translate_announce(struct mac_translate *translate)
{
	announce_repeatedly(translate);
}

int mac_translate_add_static(
	struct mac_translate *translate, struct ip ip, uint16_t vlan, struct mac mac)
{
	return binding_add_static(&translate->bindings, ip, vlan, mac);
}

void mac_translate_forget_all(struct mac_translate *translate)
{
	LIST_EACH(node, &translate->bindings.by_age)
		binding_remove(&translate->bindings, LIST_ENTRY(node, struct binding, by_age));
}

void mac_translate_forget(struct mac_translate *translate, struct mac mac)
{
	struct member *member = member_find(&translate->bindings, mac);

	if (member)
		member_remove(&translate->bindings, member);
}

static struct translate_binding describe(const struct binding *binding, nsec now)
{
	return (struct translate_binding){
		.ip = binding->ip,
		.mac = binding->member->mac,
		.vlan = binding->vlan,
		.is_static = binding->is_static,
		.age = binding->seen_at ? now - binding->seen_at : NSEC_NEVER,
	};
}

size_t mac_translate_bindings(
	const struct mac_translate *translate, nsec now, struct translate_binding *ret, size_t max)
{
	const struct bindings *table = &translate->bindings;
	size_t count = 0;

	LIST_EACH(node, &table->lasting) {
		if (count < max)
			ret[count++] = describe(LIST_ENTRY(node, struct binding, by_age), now);
	}
	LIST_EACH(node, &table->by_age) {
		const struct binding *binding = LIST_ENTRY(node, struct binding, by_age);

		if (count < max && now - binding->seen_at <= table->limits.age)
			ret[count++] = describe(binding, now);
	}
	return count;
}
