/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is on the hub. How frames get across it is forward.c's. */
#include "hub/hub_state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS_FIRST 8

struct hub *hub_new(const char *name, const struct hash_key *key)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return NULL;
	snprintf(hub->name, sizeof(hub->name), "%s", name);
	mac_table_init(&hub->addresses, key, HUB_MACS_MAX, second_of(HUB_MAC_AGE));
	list_init(&hub->captures);
	claims_init(&hub->claims, key);
	return hub;
}

void hub_free(struct hub *hub)
{
	if (!hub)
		return;
	for (unsigned slot = 0; slot < hub->slot_count; slot++) {
		struct port *port = hub->slots[slot].port;

		if (!port)
			continue;
		hub_detach(port);
		port->ops->free(port);
	}
	LIST_EACH(node, &hub->captures)
		list_remove(node);
	mac_table_done(&hub->addresses);
	claims_done(&hub->claims);
	free(hub->slots);
	free(hub);
}

const char *hub_name(const struct hub *hub)
{
	return hub->name;
}

static struct port *find_name(const struct hub *hub, const char *name)
{
	for (unsigned slot = 0; slot < hub->slot_count; slot++) {
		struct port *port = hub->slots[slot].port;

		if (port && !strcmp(port->name, name))
			return port;
	}
	return NULL;
}

/* "vm3", or, where somebody already has that name, "vm3-2" and so on. */
static void make_up_name(const struct hub *hub, struct port *port, unsigned slot)
{
	char name[PORT_NAME_SIZE];

	snprintf(name, sizeof(name), "%.16s%u", port->ops->kind, slot);
	for (unsigned i = 2; find_name(hub, name); i++)
		snprintf(name, sizeof(name), "%.16s%u-%u", port->ops->kind, slot, i);
	memcpy(port->name, name, sizeof(name));
}

/* The lowest that is free. */
static int take_slot(struct hub *hub, unsigned *ret_slot)
{
	unsigned slot = 0, size = hub->slot_size ? hub->slot_size * 2 : SLOTS_FIRST;
	struct slot *slots;

	while (slot < hub->slot_count && hub->slots[slot].port)
		slot++;
	if (slot == HUB_PORTS_MAX)
		return -ENOSPC;
	if (slot == hub->slot_size) {
		slots = realloc(hub->slots, size * sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		hub->slots = slots;
		hub->slot_size = size;
	}
	if (slot == hub->slot_count)
		hub->slots[hub->slot_count++] = (struct slot){0};
	*ret_slot = slot;
	return 0;
}

/* The port that has no other beside it, or NULL. */
static struct port *only_port(const struct hub *hub)
{
	struct port *only = NULL;

	for (unsigned slot = 0; slot < hub->slot_count; slot++) {
		struct port *port = hub->slots[slot].port;

		if (port && only)
			return NULL;
		if (port)
			only = port;
	}
	return only;
}

static void tell_company(struct port *port, bool has_company)
{
	if (port && port->ops->on_company)
		port->ops->on_company(port, has_company);
}

/* Tells one port of all that were behind another. */
static void tell_departures(struct port *to, const struct port *port)
{
	uint32_t place = port->addresses.newest;
	struct mac_sight sight;

	while (mac_table_walk(&to->hub->addresses, &place, second_of(to->hub->now), &sight))
		to->ops->on_departure(to, sight.mac);
}

int hub_attach(struct hub *hub, struct port *port, nsec now)
{
	struct port *alone = only_port(hub);
	unsigned slot;
	int err;

	assert(!port->hub && !hub->is_forwarding);
	if (port->name[0] && find_name(hub, port->name))
		return -EEXIST;
	err = take_slot(hub, &slot);
	if (err < 0)
		return err;
	err = mac_table_add_owner(&hub->addresses, &port->addresses, HUB_PORT_MACS_MAX);
	if (err < 0)
		return err;
	if (!port->name[0])
		make_up_name(hub, port, slot);
	port->hub = hub;
	port->slot = slot;
	port->in = port->out = (struct port_counters){0};
	port->hub_frames_at_attach = hub->frames;
	port->attached_at = now;
	hub->slots[slot].port = port;
	if (port->ops->on_attach)
		port->ops->on_attach(port);
	tell_company(alone, true);
	if (only_port(hub) != port)
		tell_company(port, true);
	if (hub->loop_guard)
		loop_guard_attached(hub->loop_guard, port);
	return 0;
}

void hub_detach(struct port *port)
{
	struct hub *hub = port->hub;
	struct slot *slot;

	if (!hub)
		return;
	assert(!hub->is_forwarding);
	slot = &hub->slots[port->slot];
	slot->frames_before += port->in.frames;
	slot->port = NULL;
	for (unsigned i = 0; i < hub->slot_count; i++) {
		struct port *other = hub->slots[i].port;

		if (other && other->ops->on_departure)
			tell_departures(other, port);
	}
	mac_table_remove_owner(&hub->addresses, &port->addresses);
	claims_forget(&hub->claims, port);
	if (hub->answers)
		answers_forget(hub->answers, port);
	if (hub->loop_guard)
		loop_guard_detached(hub->loop_guard, port);
	port->hub = NULL;
	tell_company(only_port(hub), false);
}

void hub_forget_addresses(struct port *port)
{
	if (port->hub)
		mac_table_forget(&port->hub->addresses, &port->addresses);
}

unsigned hub_slot_count(const struct hub *hub)
{
	return hub->slot_count;
}

struct port *hub_port(const struct hub *hub, unsigned slot)
{
	return slot < hub->slot_count ? hub->slots[slot].port : NULL;
}

struct port *hub_find(const struct hub *hub, const char *name_or_slot)
{
	struct port *port = find_name(hub, name_or_slot);
	unsigned long slot;
	char *end;

	if (port || name_or_slot[0] < '0' || name_or_slot[0] > '9')
		return port;
	slot = strtoul(name_or_slot, &end, 10);
	return *end || slot >= HUB_PORTS_MAX ? NULL : hub_port(hub, (unsigned)slot);
}

uint64_t hub_slot_frames(const struct hub *hub, unsigned slot)
{
	const struct slot *s = &hub->slots[slot];

	if (slot >= hub->slot_count)
		return 0;
	return s->frames_before + (s->port ? s->port->in.frames : 0);
}

uint64_t hub_frames(const struct hub *hub)
{
	return hub->frames;
}

uint64_t port_mismatch(const struct port *port)
{
	uint64_t entered = port->hub ? port->hub->frames - port->hub_frames_at_attach : 0;
	uint64_t seen = port->in.frames + port->out.frames;

	return entered > seen ? entered - seen : 0;
}

struct port *hub_lookup(const struct hub *hub, struct mac mac, nsec now)
{
	struct mac_owner *owner = mac_table_find(&hub->addresses, mac, second_of(now));

	return owner ? CONTAINER_OF(owner, struct port, addresses) : NULL;
}

static size_t port_addresses(const struct hub *hub, const struct port *port, nsec now,
	struct hub_address *ret, size_t max)
{
	uint32_t place = port->addresses.newest;
	struct mac_sight sight;
	size_t count = 0;

	while (count < max && mac_table_walk(&hub->addresses, &place, second_of(now), &sight))
		ret[count++] = (struct hub_address){
			sight.mac, port->slot, sight.age * NSEC_PER_SEC};
	return count;
}

size_t hub_addresses(
	const struct hub *hub, unsigned slot, nsec now, struct hub_address *ret, size_t max)
{
	size_t count = 0;

	for (unsigned s = 0; s < hub->slot_count; s++) {
		const struct port *port = hub->slots[s].port;

		if (port && (s == slot || slot == HUB_PORTS_MAX))
			count += port_addresses(hub, port, now, ret + count, max - count);
	}
	return count;
}
