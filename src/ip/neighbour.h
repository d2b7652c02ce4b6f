/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has which MAC address on the hub: what was learned, and the questions that are still open.
 * It speaks no ARP and no Neighbour Discovery itself: it says when to ask, and is told the answers.
 */
#pragma once

#include "ip/host.h"

#define NEIGHBOURS_MAX 1024		    /* the one heard of longest ago goes first */
#define NEIGHBOUR_AGE  (300 * NSEC_PER_SEC) /* since it was last heard of */
#define QUERIES_MAX    256
#define QUERY_TRIES    3
#define QUERY_INTERVAL NSEC_PER_SEC

struct neighbours_ops {
	/* Ask the wire; is_probe: with sender address none. Called from neighbours_run(). */
	void (*ask)(struct host *host, struct ip ip, bool is_probe, nsec now);
};

/* NULL: no memory. */
struct neighbours *neighbours_new(
	struct host *host, const struct neighbours_ops *ops, const struct hash_key *key);
/* Those who still wait hear nothing. NULL is fine. */
void neighbours_free(struct neighbours *neighbours);

bool neighbours_find(
	const struct neighbours *neighbours, struct ip ip, nsec now, struct mac *ret_mac) MUST_USE;
/* Makes an entry, or changes the one there is. */
void neighbours_learn(struct neighbours *neighbours, struct ip ip, struct mac mac, nsec now);
/* Changes an entry, if there is one; false otherwise. */
bool neighbours_update(struct neighbours *neighbours, struct ip ip, struct mac mac, nsec now);
/* ip was heard to be at mac: ends the questions about it. False: nobody asked. */
bool neighbours_answer(struct neighbours *neighbours, struct ip ip, struct mac mac, nsec now);

/* The first try goes out with the next neighbours_run(). Beyond QUERIES_MAX the answer is no. */
void neighbours_ask(struct neighbours *neighbours, struct ip ip, struct resolve *resolve, nsec now);
void neighbours_probe(struct neighbours *neighbours, struct ip ip, nsec patience,
	struct resolve *resolve, nsec now);
/* Tries again, gives up; returns the next deadline. */
nsec neighbours_run(struct neighbours *neighbours, nsec now);
