/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who asks everybody for a MAC address that the hub knows is answered by the hub, in its owner's
 * name, and the question goes no further: ARP requests (RFC 826) and neighbour solicitations (RFC
 * 4861), where they would leave by a port that is to be spared, as a link to a far place is. What
 * asks whether an address is free, and what tells of one, goes to everybody.
 *
 * It knows an owner by what he said of himself (hub/claims.h) not long ago, while frames for his
 * MAC address go where he said it and his port is up. Of IPv6 it knows only who answered for
 * himself before, since an answer also says whether he is a router.
 */
#pragma once

#include "base/machine.h"
#include "hub/hub.h"
#include "wire/discovery.h"

#define ANSWERS_MAX   64		  /* that wait for the end of the turn */
#define ANSWERS_FRESH (60 * NSEC_PER_SEC) /* since the owner was heard of */

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

/* A frame for a group that came in from the port. True: it was a question, and is dealt with. */
bool answers_take(struct answers *answers, struct port *from, const struct frame *frame, nsec now);
