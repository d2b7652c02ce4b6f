/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control thread's half of a link to somebody's relay, by an invitation: enrols once, with a
 * key that is made here and stays here; then has a client, the port that the segment is behind. It
 * goes on trying until the relay says no.
 */
#pragma once

#include "daemon/world.h"

struct joining;

enum joining_state {
	JOINING_LOOKUP, /* the relay's name */
	JOINING_ENROL,	/* no answer yet */
	JOINING_WAITS,	/* the answer is a person's to give */
	JOINING_MEMBER,
	JOINING_REFUSED, /* for good: why */
};

int joining_open(
	struct world_port *entrance, struct joining **ret_joining, struct error *error) MUST_USE;
void joining_close(struct joining *joining);
void joining_begin(struct joining *joining); /* the entrance is in the world */
/* The hub's thread: kind->make() of its client. NULL: errno. */
struct port *joining_make_port(struct joining *joining, struct world_port *client);
/* What the relay said that the segment carries. */
uint32_t joining_mtu(const struct joining *joining);
void joining_describe(const struct joining *joining, json_t *details);
