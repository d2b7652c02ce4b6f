/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that wait for a neighbour's MAC address. Whoever asks for addresses where nobody is does
 * not keep others from theirs: the neighbour waited for longest makes way. Who asks the neighbour,
 * and what a neighbour is besides, is the owner's business.
 */
#pragma once

#include "base/list.h"
#include "hub/port.h"
#include "wire/address.h"

#define WAITING_HOP_PACKETS_MAX 16

struct waiting_hop;

struct waiting {
	unsigned hops_max, hop_packets_max; /* the latter at most WAITING_HOP_PACKETS_MAX */
	size_t bytes_max;		    /* over all */
	/* A packet as a frame, whose first bytes may be anything: it is lost. */
	void (*lose)(struct waiting *waiting, enum drop reason, const struct frame *frame);
	/* Nothing waits for it any more: the end of its memory. */
	void (*free_hop)(struct waiting_hop *hop);

	struct list hops; /* the oldest first */
	unsigned hop_count;
	size_t bytes;
};

/* A neighbour; embedded in the owner's. */
struct waiting_hop {
	struct list node;
	struct waiting *waiting;
	struct ip ip;
	struct list packets;
	unsigned count;
};

/* The fields above the line are the owner's to fill. */
void waiting_init(struct waiting *waiting);
/* All are lost for that reason. */
void waiting_done(struct waiting *waiting, enum drop reason);

struct waiting_hop *waiting_find(const struct waiting *waiting, struct ip ip); /* or NULL */
void waiting_open(struct waiting *waiting, struct waiting_hop *hop, struct ip ip);
/* What waits for it is lost, and the hop is gone. */
void waiting_give_up(struct waiting_hop *hop, enum drop reason);
/* A packet with an Ethernet header before it; what there is no room for is lost, but never the hop.
 */
void waiting_add(struct waiting_hop *hop, const struct frame *frame);
/* What waits, oldest first; lent until the hop is let go. */
unsigned waiting_frames(
	const struct waiting_hop *hop, struct frame frames[WAITING_HOP_PACKETS_MAX]);
/* The same, to be sent to that address. */
unsigned waiting_frames_to(
	struct waiting_hop *hop, struct mac mac, struct frame frames[WAITING_HOP_PACKETS_MAX]);
/* They were sent. */
void waiting_let_go(struct waiting_hop *hop);
