/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which member of the hub has which IP address: what tells apart, behind one NIC's MAC address,
 * the machines it stands for. A table with limits; who may enter what is mac_translate.c's.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/time.h"
#include "wire/address.h"

#include <stdbool.h>

/* A machine of the hub that has at least one address. */
struct member {
	struct map_node by_mac;
	struct mac mac;
	struct list bindings;
	unsigned count;
};

struct binding {
	struct map_node by_address;
	struct list by_age;    /* in the table, the one seen longest ago first */
	struct list by_member; /* in the member, likewise */
	struct member *member;
	struct ip ip;
	uint16_t vlan; /* 0: none */
	bool is_static, is_router;
	bool is_elsewhere;  /* so it was said on the wire: to be announced when it speaks here */
	nsec seen_at;	    /* the member last spoke from this address */
	nsec challenged_at; /* somebody else did, and the member was asked to speak; 0: never */
	nsec told_at;	    /* when that was last an event; 0: never */
	unsigned announced; /* mac_translate's round */
};

struct binding_limits {
	unsigned bindings, member_bindings;
	nsec age;   /* one that is older is not there */
	nsec young; /* in a full table, one that is younger makes way for nobody */
};

struct bindings {
	struct hash_key key;
	struct binding_limits limits;
	struct map by_address, by_mac;
	struct list by_age, lasting; /* lasting: static ones */
};

void bindings_init(
	struct bindings *table, const struct hash_key *key, const struct binding_limits *limits);
void bindings_done(struct bindings *table);

/* NULL: none, or too old. */
struct binding *binding_find(struct bindings *table, struct ip ip, uint16_t vlan, nsec now);
/* One that is not there yet. At a limit the member's oldest makes way, or the table's. NULL: all of
 * those are young or static, or there is no memory. */
struct binding *binding_add(
	struct bindings *table, struct ip ip, uint16_t vlan, struct mac mac, nsec now);
/* One that never ages and never makes way. -ENOMEM; -EEXIST: the address is taken by another. */
int binding_add_static(
	struct bindings *table, struct ip ip, uint16_t vlan, struct mac mac) MUST_USE;
void binding_touch(struct bindings *table, struct binding *binding, nsec now);
void binding_remove(struct bindings *table, struct binding *binding);

/* NULL: no address is known of that machine. */
struct member *member_find(const struct bindings *table, struct mac mac);
/* All it has that is not static. */
void member_remove(struct bindings *table, struct member *member);
