/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whoever asks everybody for a MAC address that the hub knows does not ask everybody: ARP requests
 * (RFC 826) and neighbour solicitations (RFC 4861), where they would leave by a port that is to be
 * spared, as a link to a far place is. Of an owner who said who he is a moment ago (hub/claims.h)
 * the hub answers in his name; if it was longer ago, he is asked, alone; who asks the same again
 * was not helped, and asks everybody. What asks whether an address is free, and what tells of one,
 * goes to everybody.
 *
 * An owner's port is up, and frames for his MAC address go there. Of IPv6 the hub answers only for
 * who answered for himself before, since an answer also says whether he is a router.
 */
#pragma once

#include "base/machine.h"
#include "hub/hub.h"
#include "wire/discovery.h"

#define ANSWERS_MAX   64		 /* that wait for the end of the turn */
#define ANSWERS_FRESH (3 * NSEC_PER_SEC) /* since the owner was heard of */
/* Who asks the same again in between was not helped, and asks everybody. */
#define ANSWERS_AGAIN  (1 * NSEC_PER_SEC)
#define ANSWERS_HELPED (15 * NSEC_PER_SEC)

struct answer {
	const struct port *owner;
	struct port *to;
	uint32_t len;
	uint8_t bytes[ETH_HEADER_LEN + DISCOVERY_LEN];
};

struct answers {
	struct machine machine;
	struct hub *hub;
	uint64_t given; /* questions that did not go to everybody */
	unsigned count;
	struct answer queue[ANSWERS_MAX];
};

/* The hub has it from here on. */
void answers_init(struct answers *answers, struct hub *hub);
void answers_done(struct answers *answers);
/* The port leaves the hub. */
void answers_forget(struct answers *answers, const struct port *port);

enum question_goes {
	QUESTION_TO_ALL, /* or it is none */
	QUESTION_TO_OWNER,
	QUESTION_ENDS, /* it is dealt with */
};

/* Of a frame for a group that came in from the port. */
enum question_goes answers_take(struct answers *answers, struct port *from,
	const struct frame *frame, nsec now, struct port **ret_owner);
