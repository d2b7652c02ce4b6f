/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate before everything that costs: a handshake message goes through when its first MAC is
 * good and, under load, when its sender has shown with a cookie that he is where he says, and has
 * not come too often. A flood from addresses that are made up costs a MAC each, and no memory.
 */
#pragma once

#include "wg/cookie.h"
#include "wg/source_limit.h"

enum gate_verdict {
	GATE_OPEN,
	GATE_FORGED,   /* not for us */
	GATE_COOKIE,   /* *ret_reply is to be sent */
	GATE_TOO_MANY, /* of this sender, or more than are worth an answer */
};

struct gate {
	struct cookie_checker cookies;
	struct source_limit *sources;
	nsec price; /* of a message, in time: what is no load yet pays for all that come */
	nsec messages_paid_at, replies_paid_at;
	nsec loaded_until; /* by the word of somebody who sees more */
};

/* load: messages a second above which senders have to show a cookie; 0: always. -ENOMEM. */
int gate_init(struct gate *gate, unsigned load) MUST_USE;
void gate_set_key(struct gate *gate, const struct wg_key *public, const struct wg_timing *timing);
void gate_done(struct gate *gate);

/* A peer was heard of there: for a while, whoever asks from there has an answer. */
void gate_know(struct gate *gate, const struct endpoint *at, nsec now);

/* len: of the message with its MACs. */
enum gate_verdict gate_check(struct gate *gate, const void *message, size_t len,
	const struct endpoint *from, nsec now, struct message_cookie *ret_reply);
