/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the MAC translation share; nobody else includes it. */
#pragma once

#include "base/list.h"
#include "port/nic/bindings.h"
#include "port/nic/mac_translate.h"
#include "port/nic/questions.h"
#include "wire/packet.h"

#define PROBES_MAX 16
#define EVENTS_MAX 16

/* A question of our own, to the hub: who has this address? */
struct probe {
	struct ip ip;
	struct mac to;
};

struct mac_translate {
	struct machine machine;
	struct mac_translate_settings settings;
	struct nic_facts nic;
	struct bindings bindings;
	struct questions questions;
	nsec claim_told_at, full_told_at; /* events that have no binding to remember that */

	struct probe probes[PROBES_MAX]; /* to be sent */
	unsigned probe_count;
	nsec probes_from; /* a second's worth of probes is counted from here */
	unsigned probes_in_second;

	unsigned round; /* of announcements; a binding with another number waits for its own */
	bool is_announcing;
	bool are_seen; /* guests, on the wire: mac_translate_show() */
	nsec announce_at;
	unsigned repeats; /* rounds still to come, */
	nsec repeat_at, repeat_gap;

	struct translate_event events[EVENTS_MAX]; /* to be told */
	unsigned event_count;
};

/* One frame on its way through. */
struct crossing {
	struct mac_translate *translate;
	const struct frame *frame;
	struct packet packet;
	struct mac from, to;
	uint16_t vlan; /* 0: none, also for a priority tag */
	enum translate_side side;
	nsec now;
	struct translated *ret;
};

/* Each of these is a frame's way to its verdict: true, with *ret filled, or false by refuse(). */
bool arp_out(struct crossing *crossing);
bool arp_in(struct crossing *crossing);
bool discovery_out(struct crossing *crossing);
bool discovery_in(struct crossing *crossing, const struct binding *to);
bool dhcp_out(struct crossing *crossing);
bool dhcp_in(struct crossing *crossing);

static inline bool refuse(struct crossing *crossing, enum drop reason)
{
	crossing->ret->reason = reason;
	return false;
}

/* Copies the first len bytes to where they may be changed. */
bool take(struct crossing *crossing, uint32_t len);
/* The same, for a frame that goes to the NIC's side; sets the source address. */
bool take_out(struct crossing *crossing, uint32_t len);
/* To the hub; sets the destination address. */
bool take_in(struct crossing *crossing, uint32_t len, struct mac to);
/* A checksum in ret->bytes whose packet changed; not where it is left to others to fill in. */
void adjust_checksum(struct crossing *crossing, uint32_t at, const void *old_bytes,
	const void *new_bytes, size_t len);

/* How it is known that a machine has an address. */
enum evidence {
	BY_PACKET, /* the source of a packet: may be from behind a router */
	BY_CLAIM,  /* ARP or Neighbour Discovery: is on the link */
};
/* Learns that mac has ip, where that may be learnt. False: mac may not speak from there. */
bool may_speak_from(
	struct crossing *crossing, struct ip ip, struct mac mac, enum evidence evidence);
/* NULL: not known. */
struct binding *owner_of(struct crossing *crossing, struct ip ip);
/* Somebody on the wire says that he has the address, with that MAC address. */
void note_elsewhere(struct crossing *crossing, struct ip ip, struct mac mac);

bool is_discovery(const struct crossing *crossing);
bool is_dhcp_request(const struct crossing *crossing);
bool is_dhcp_reply(const struct crossing *crossing);
bool discovery_is_fragmented(const struct crossing *crossing);
/* Prefixes of a router's advertisement; an echo of our own. False: not to pass. */
bool discovery_in_group(struct crossing *crossing);

/* Asks the hub for an address that somebody wants; to: MAC_BROADCAST, or the one who had it. */
void probe(struct mac_translate *translate, struct ip ip, struct mac to, nsec now);
/* A machine says that it is here now, as hypervisors have it do after a move: by RARP, which names
 * no IP address. What is known of it is said to the wire. */
void announce_member(struct mac_translate *translate, struct mac mac);
/* All that is known, now and a few times later. */
void announce_repeatedly(struct mac_translate *translate);
/* One that was learnt from something that not all have heard. */
void announce_later(struct mac_translate *translate, struct binding *binding);
void tell(struct mac_translate *translate, const struct translate_event *event);
nsec translate_run(struct machine *machine, nsec now);
