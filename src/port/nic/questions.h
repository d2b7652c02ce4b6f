/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who asked what, for answers that do not name the asker: a reply to an ARP probe is for 0.0.0.0, a
 * DHCP offer for an address nobody has yet. Bounded: the oldest question makes way.
 */
#pragma once

#include "base/time.h"
#include "wire/address.h"

#define QUESTIONS_EACH 128

enum question_kind {
	QUESTION_PROBE,	      /* ARP probe; key: the address asked about */
	QUESTION_RARP,	      /* key: the MAC address asked about */
	QUESTION_DHCP,	      /* key: xid and the chaddr that the server sees */
	QUESTION_DESTINATION, /* our own: who has this address? key: the address */
	QUESTION_KINDS,
};

struct question_key {
	uint8_t bytes[16];
};

struct question {
	struct question_key key;
	struct mac asker;
	struct mac chaddr;  /* QUESTION_DHCP: what the asker put there */
	bool has_client_id; /* QUESTION_DHCP: the asker's own */
	nsec until;	    /* 0: not in use */
};

struct questions {
	struct {
		struct question asked[QUESTIONS_EACH];
		unsigned next;
	} kinds[QUESTION_KINDS];
};

struct question_key question_about_ip(struct ip ip);
struct question_key question_about_mac(struct mac mac);
struct question_key question_about_dhcp(uint32_t xid, struct mac chaddr);

/* The same key asked again is the same question. until > 0. */
void questions_note(
	struct questions *questions, enum question_kind kind, const struct question *question);
/* NULL: nobody asked, or too long ago. */
const struct question *questions_find(const struct questions *questions, enum question_kind kind,
	const struct question_key *key, nsec now);
