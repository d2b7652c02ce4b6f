/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left of a connection that both sides finished: enough to answer a FIN that comes again,
 * for 30 seconds (RFC 9293 3.6.1), without keeping the whole machine. */
#pragma once

#include "nat/internal.h"

void time_wait_add(
	struct gateway *gateway, const struct flow_key *key, const struct tcp *tcp, nsec now);
/* True: the segment belonged to such a connection and has been dealt with. A SYN that begins anew
 * (RFC 6191) is not: what was left is forgotten. */
bool time_wait_answer(struct gateway *gateway, const struct flow_key *key,
	const struct frame *frame, const struct packet *packet, nsec now);
/* Forgets what is over, whenever the gateway runs: it is not woken for this. */
void time_wait_age(struct gateway *gateway, nsec now);
void time_wait_done(struct gateway *gateway);
