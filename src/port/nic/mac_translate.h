/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MAC translation: many machines behind the one MAC address a Wi-Fi access point, a cloud or a
 * guarded switch lets a NIC have. Frames that leave the hub get the NIC's address, in the Ethernet
 * header and in what ARP and Neighbour Discovery say; frames that come for the NIC get the address
 * of the machine whose IP address they are for.
 *
 * A machine (base/machine.h). In order, for a frame from the wire: a group's passes as it is; one
 * for another MAC address is dropped; so is one that is not ARP, RARP or IP; so is one for an
 * address of the host itself; what is left goes to the owner of the address. Owners are learnt from
 * what leaves the hub only, on the NIC's own subnets, and the first one stays until it is silent.
 */
#pragma once

#include "base/machine.h"
#include "hub/port.h"
#include "port/nic/nic_facts.h"

struct mac_translate;

/* Where a frame goes, or comes from. */
enum translate_side {
	TRANSLATE_HUB = 1,
	TRANSLATE_WIRE = 2,
	TRANSLATE_HOST = 4, /* the machine the NIC is in; its frames have the NIC's address too */
};

enum translate_event_kind {
	TRANSLATE_CLAIMED, /* another machine speaks from an address that has an owner: refused */
	TRANSLATE_MOVED,   /* it got it, for the owner was silent when asked */
	TRANSLATE_FULL,	   /* no room for another address */
};

struct translate_event {
	enum translate_event_kind kind;
	struct ip ip;
	struct mac owner, claimant; /* owner: the NIC's, where the address is the host's */
};

enum translate_dhcp {
	TRANSLATE_DHCP_BROADCAST, /* replies are asked for as broadcasts; chaddr stays the guest's
				   */
	TRANSLATE_DHCP_PROXY, /* chaddr becomes the NIC's, the guest is told apart by its client id
			       */
};

struct mac_translate_settings {
	enum translate_dhcp dhcp;
	bool serves_host;			    /* somebody takes what is for TRANSLATE_HOST */
	unsigned bindings_max, member_bindings_max; /* 0: as many as is usual */
	nsec age;				    /* 0: as long as is usual */
	/* From run() only: a frame of the machine's own; an event. Lent. on_event may be NULL. */
	void (*emit)(void *owner, enum translate_side to, const struct frame *frame);
	void (*on_event)(void *owner, const struct translate_event *event);
	void *owner;
};

/* NULL: out of memory. */
struct mac_translate *mac_translate_new(
	const struct mac_translate_settings *settings, const struct hash_key *key);
void mac_translate_free(struct mac_translate *translate); /* NULL is fine */
struct machine *mac_translate_machine(struct mac_translate *translate);

/* The NIC as it is now; until the first time, nothing passes. When its MAC address is another than
 * before, the wire is told of it as by mac_translate_announce(). */
void mac_translate_set_nic(struct mac_translate *translate, struct mac mac,
	const struct ip_prefix *addresses, unsigned count);
/* As in the settings; it may end, or begin. */
void mac_translate_serve_host(struct mac_translate *translate, bool serves_host);
/* Tells the wire again who is here, a few times: after it came back, or a bridge took over from
 * another. */
void mac_translate_announce(struct mac_translate *translate);
/* Whether guests are seen on the wire with MAC addresses of their own: then they are announced with
 * these, and not with the NIC's. At first they are not. */
void mac_translate_show(struct mac_translate *translate, bool are_seen);
/* An agreed address: never learnt from anybody else, never forgotten. vlan 0: untagged. */
int mac_translate_add_static(
	struct mac_translate *translate, struct ip ip, uint16_t vlan, struct mac mac) MUST_USE;
/* All that was learnt: what came in by another way was taken for a machine of the hub. */
void mac_translate_forget_all(struct mac_translate *translate);
/* A machine that left. */
void mac_translate_forget(struct mac_translate *translate, struct mac mac);

/* The table, oldest first, for people; returns how many of at most max were written. */
struct translate_binding {
	struct ip ip;
	struct mac mac;
	uint16_t vlan;
	bool is_static;
	nsec age;
};
size_t mac_translate_bindings(
	const struct mac_translate *translate, nsec now, struct translate_binding *ret, size_t max);

enum translate_verdict {
	TRANSLATE_PASS,
	TRANSLATE_DROP, /* for `reason` */
	TRANSLATE_DONE, /* an answer to the machine itself: it goes nowhere, nothing is lost */
};

#define TRANSLATED_MAX 2048 /* more than that is not changed beyond the Ethernet header */

/* A frame with its first bytes exchanged: bytes[0 .. len) stand where the first `replaces` bytes
 * were. The two differ only for DHCP requests in TRANSLATE_DHCP_PROXY. */
struct translated {
	uint32_t len, replaces;
	unsigned to; /* enum translate_side */
	enum drop reason;
	uint8_t bytes[TRANSLATED_MAX];
};

/* From the hub. */
enum translate_verdict translate_out(struct mac_translate *translate, const struct frame *frame,
	struct translated *ret, nsec now);
/* To the hub, from the wire, or as the host sent it (then as it left, not as others see it). */
enum translate_verdict translate_in(struct mac_translate *translate, enum translate_side from,
	const struct frame *frame, struct translated *ret, nsec now);
