/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer's five deadlines (paper, 6.2 to 6.5) and what moves them. The nearest of all peers is the
 * device's; one that moves away is noticed only when it would have come, so that traffic costs no
 * more than storing a number.
 */
#pragma once

#include "base/heap.h"
#include "base/time.h"

#include <stdbool.h>

struct wg_device;
struct wg_peer;

enum peer_timer {
	TIMER_FORGET_KEYS,	 /* first: after a long sleep the others begin anew */
	TIMER_REPEAT_INITIATION, /* no answer */
	TIMER_ANSWER,		 /* data came, and nothing has been sent since */
	TIMER_DOUBT,		 /* data was sent, and nothing has come since */
	TIMER_KEEPALIVE,	 /* persistent */
	TIMER_COUNT,
};

struct timers {
	nsec deadlines[TIMER_COUNT];
	struct heap_node nearest;
	nsec handshake_sent_at; /* an initiation, or a response */
	nsec wanted_at;		/* when it was last asked for a session, not counting repetitions */
	nsec unanswered_since;	/* NSEC_NEVER: no initiation is */
	nsec unheard_since;	/* NSEC_NEVER: nothing was sent since we heard of it */
	bool has_told;		/* that it is unreachable */
	bool needs_another_answer, has_tried_last_minute;
};

/* -ENOMEM. */
int timers_init(struct wg_peer *peer);
void timers_done(struct wg_peer *peer);
void timers_on_initiation_sent(struct wg_peer *peer, nsec now);
/* It is too early for another. */
void timers_on_initiation_put_off(struct wg_peer *peer);
void timers_on_response_sent(struct wg_peer *peer, nsec now);
void timers_on_session(struct wg_peer *peer, nsec now);		   /* keys were agreed on */
void timers_on_handshake_complete(struct wg_peer *peer, nsec now); /* and shown to be known */
/* Anything authentic; has_data: more than a keepalive. */
void timers_on_sent(struct wg_peer *peer, bool has_data, nsec now);
void timers_on_received(struct wg_peer *peer, bool has_data, nsec now);
void timers_on_keepalive_changed(struct wg_peer *peer, nsec now);

/* All that is due, of all peers. Returns the next deadline. */
nsec timers_run(struct wg_device *device, nsec now);
