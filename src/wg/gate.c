/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/gate.h"

#include "base/random.h"

#include <errno.h>

/* More than can be paid for in this time is load: many peers at once after a restart are none. */
#define LOAD_CREDIT (NSEC_PER_SEC / 8)
/* And more than this is not remembered, so that the load ends when the flood does. */
#define LOAD_CREDIT_MAX NSEC_PER_SEC
/* A reply costs 7 us, most of it the kernel's: a thirtieth of a core at most. */
#define REPLY_PRICE  (NSEC_PER_SEC / 5000)
#define REPLY_CREDIT (NSEC_PER_SEC / 10)

int gate_init(struct gate *gate, unsigned load)
{
	struct hash_key key;

	random_bytes(&key, sizeof(key));
	*gate = (struct gate){.sources = source_limit_new(&key),
		.price = load ? NSEC_PER_SEC / load : LOAD_CREDIT_MAX};
	return gate->sources ? 0 : -ENOMEM;
}

void gate_set_key(struct gate *gate, const struct wg_key *public, const struct wg_timing *timing)
{
	cookie_checker_done(&gate->cookies);
	cookie_checker_init(&gate->cookies, public, timing);
}

void gate_done(struct gate *gate)
{
	source_limit_free(gate->sources);
	cookie_checker_done(&gate->cookies);
}

/* Counts this message too. */
static bool is_loaded(struct gate *gate, nsec now)
{
	nsec paid_at = MAX(gate->messages_paid_at, now) + gate->price;

	gate->messages_paid_at = MIN(paid_at, now + LOAD_CREDIT_MAX);
	return now < gate->loaded_until || gate->messages_paid_at > now + LOAD_CREDIT;
}

/* Among strangers it is a lottery. Where a peer was heard of it must not be: he would miss one
 * session after the other while the flood lasts. */
static bool may_reply(struct gate *gate, struct ip from, nsec now)
{
	nsec paid_at = MAX(gate->replies_paid_at, now) + REPLY_PRICE;

	if (source_limit_take_known(gate->sources, from, now))
		return true;
	if (paid_at > now + REPLY_CREDIT)
		return false;
	gate->replies_paid_at = paid_at;
	return true;
}

void gate_know(struct gate *gate, const struct endpoint *at, nsec now)
{
	source_limit_know(gate->sources, at->ip, now);
}

enum gate_verdict gate_check(struct gate *gate, const void *message, size_t len,
	const struct endpoint *from, nsec now, struct message_cookie *ret_reply)
{
	if (!cookie_mac1_is_good(&gate->cookies, message, len))
		return GATE_FORGED;
	if (!is_loaded(gate, now))
		return GATE_OPEN;
	if (cookie_mac2_is_good(&gate->cookies, message, len, from, now))
		return source_limit_take(gate->sources, from->ip, now) ? GATE_OPEN : GATE_TOO_MANY;
	if (may_reply(gate, from->ip, now) &&
		cookie_write_reply(&gate->cookies, message, len, from, now, ret_reply))
		return GATE_COOKIE;
	return GATE_TOO_MANY;
}
