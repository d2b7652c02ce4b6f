/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has which IP address, by what is said in ARP (RFC 826) and Neighbour Discovery (RFC 4861):
 * for ports with an ARP guard, which may claim what is nobody's, but not what is another port's;
 * where the same station comes by another port, nobody is misled.
 * A port without a guard is believed. Bounded; an owner who has not been heard of for a while has
 * lost what he had.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/time.h"
#include "hub/frame.h"

#define CLAIMS_MAX	16384
#define CLAIMS_PORT_MAX 1024 /* of a port with a guard; the one heard longest ago makes way */
#define CLAIM_AGE	(300 * NSEC_PER_SEC)

struct port;

struct claims {
	struct hash_key key;
	struct map by_ip;
	struct list by_age; /* the oldest first */
};

struct claim {
	struct map_node by_ip;
	struct list by_age;
	struct ip ip;
	struct mac mac;
	const struct port *port;
	nsec heard_at;
	bool is_tagged;		       /* it was said within a VLAN */
	bool is_advertised, is_router; /* IPv6: it answered for itself; what it said it was */
	struct ip asker;	       /* hub/answers.h: who was told of it last, and when */
	nsec told_at;
};

void claims_init(struct claims *claims, const struct hash_key *key);
void claims_done(struct claims *claims);
/* The port is gone. */
void claims_forget(struct claims *claims, const struct port *port);

/* What a frame from the port claims is noted; a probe (RFC 5227) claims nothing. False: is_guarded,
 * and what it claims is another's; *ret_ip is the address then. */
bool claims_note(struct claims *claims, const struct port *port, bool is_guarded,
	const struct frame *frame, nsec now, struct ip *ret_ip) MUST_USE;
/* NULL: nobody, or nobody who has been heard of lately. */
struct claim *claims_find(const struct claims *claims, struct ip ip, nsec now);
