/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/timers.h"

#include "wg/device_state.h"
#include "wg/handshake.h"
#include "wg/send.h"

#include <stdlib.h>

/* A node that is in its heap is moved without memory. */
static void move(struct wg_peer *peer, nsec when)
{
	if (heap_set(&peer->device->deadlines, &peer->timers.nearest, when) < 0)
		abort();
}

int timers_init(struct wg_peer *peer)
{
	struct timers *timers = &peer->timers;

	*timers = (struct timers){.handshake_sent_at = -NSEC_NEVER,
		.unanswered_since = NSEC_NEVER,
		.unheard_since = NSEC_NEVER};
	for (unsigned i = 0; i < TIMER_COUNT; i++)
		timers->deadlines[i] = NSEC_NEVER;
	return heap_set(&peer->device->deadlines, &timers->nearest, NSEC_NEVER);
}

void timers_done(struct wg_peer *peer)
{
	heap_remove(&peer->device->deadlines, &peer->timers.nearest);
}

static void set(struct wg_peer *peer, enum peer_timer timer, nsec when)
{
	peer->timers.deadlines[timer] = when;
	if (when >= peer->timers.nearest.key)
		return;
	move(peer, when);
	machine_wake(&peer->device->machine);
}

static void clear(struct wg_peer *peer, enum peer_timer timer)
{
	peer->timers.deadlines[timer] = NSEC_NEVER;
}

static bool is_set(const struct wg_peer *peer, enum peer_timer timer)
{
	return peer->timers.deadlines[timer] != NSEC_NEVER;
}

/* So that two who began together do not go on together. */
static nsec jitter(struct wg_device *device)
{
	uint64_t dice = hash_u64(&device->hash_key, device->jitter_count++);

	return (nsec)(dice % (uint64_t)device->timing.rekey_jitter);
}

static void tell_unreachable(struct wg_peer *peer, nsec now)
{
	struct timers *timers = &peer->timers;

	if (timers->has_told ||
		now - timers->unanswered_since < peer->device->timing.rekey_attempts)
		return;
	timers->has_told = true;
	tell(peer, WG_UNREACHABLE, now);
}

static void repeat_later(struct wg_peer *peer)
{
	set(peer, TIMER_REPEAT_INITIATION,
		peer->timers.handshake_sent_at + peer->device->timing.rekey_timeout +
			jitter(peer->device));
}

void timers_on_initiation_sent(struct wg_peer *peer, nsec now)
{
	struct timers *timers = &peer->timers;

	timers->handshake_sent_at = now;
	if (timers->unanswered_since == NSEC_NEVER)
		timers->unanswered_since = now;
	repeat_later(peer);
	tell_unreachable(peer, now);
}

/* Linux waits for the next packet; but this one may be the last. */
void timers_on_initiation_put_off(struct wg_peer *peer)
{
	if (!is_set(peer, TIMER_REPEAT_INITIATION))
		repeat_later(peer);
}

void timers_on_response_sent(struct wg_peer *peer, nsec now)
{
	peer->timers.handshake_sent_at = now;
}

void timers_on_session(struct wg_peer *peer, nsec now)
{
	set(peer, TIMER_FORGET_KEYS, now + 3 * peer->device->timing.reject_after);
}

void timers_on_handshake_complete(struct wg_peer *peer, nsec now)
{
	struct timers *timers = &peer->timers;

	clear(peer, TIMER_REPEAT_INITIATION);
	timers->unanswered_since = NSEC_NEVER;
	timers->has_told = false;
	timers->has_tried_last_minute = false;
	peer->handshake_at = now;
	tell(peer, WG_HANDSHAKE, now);
}

static void put_off_keepalive(struct wg_peer *peer, nsec now)
{
	if (peer->keepalive)
		set(peer, TIMER_KEEPALIVE, now + peer->keepalive);
}

void timers_on_sent(struct wg_peer *peer, bool has_data, nsec now)
{
	const struct wg_timing *timing = &peer->device->timing;

	clear(peer, TIMER_ANSWER);
	put_off_keepalive(peer, now);
	if (!has_data)
		return;
	peer->timers.unheard_since = MIN(peer->timers.unheard_since, now);
	if (!is_set(peer, TIMER_DOUBT))
		set(peer, TIMER_DOUBT,
			now + timing->keepalive + timing->rekey_timeout + jitter(peer->device));
}

void timers_on_received(struct wg_peer *peer, bool has_data, nsec now)
{
	peer->received_at = now;
	peer->timers.unheard_since = NSEC_NEVER;
	clear(peer, TIMER_DOUBT);
	put_off_keepalive(peer, now);
	if (!has_data)
		return;
	if (is_set(peer, TIMER_ANSWER))
		peer->timers.needs_another_answer = true;
	else
		set(peer, TIMER_ANSWER, now + peer->device->timing.keepalive);
}

void timers_on_keepalive_changed(struct wg_peer *peer, nsec now)
{
	if (peer->keepalive)
		set(peer, TIMER_KEEPALIVE, now);
	else
		clear(peer, TIMER_KEEPALIVE);
}

static void on_no_answer(struct wg_peer *peer, nsec now)
{
	const struct wg_timing *timing = &peer->device->timing;

	tell_unreachable(peer, now);
	if (now - peer->timers.wanted_at < timing->rekey_attempts) {
		handshake_repeat(peer, now);
		return;
	}
	clear(peer, TIMER_ANSWER);
	peer->drops[WG_DROP_QUEUE_FULL] += stage_clear(peer);
	if (!is_set(peer, TIMER_FORGET_KEYS))
		set(peer, TIMER_FORGET_KEYS, now + 3 * timing->reject_after);
}

static void on_answer_due(struct wg_peer *peer, nsec now)
{
	send_nothing(peer, now);
	if (!peer->timers.needs_another_answer)
		return;
	peer->timers.needs_another_answer = false;
	set(peer, TIMER_ANSWER, now + peer->device->timing.keepalive);
}

static void on_forget(struct wg_peer *peer, nsec now)
{
	peer_forget_keys(peer);
	tell(peer, WG_EXPIRED, now);
}

static void on_keepalive_due(struct wg_peer *peer, nsec now)
{
	set(peer, TIMER_KEEPALIVE, now + peer->keepalive);
	send_nothing(peer, now);
}

static void expire(struct wg_peer *peer, nsec now)
{
	static void (*const on_expire[TIMER_COUNT])(struct wg_peer *, nsec) = {
		[TIMER_REPEAT_INITIATION] = on_no_answer,
		[TIMER_ANSWER] = on_answer_due,
		[TIMER_DOUBT] = handshake_want,
		[TIMER_FORGET_KEYS] = on_forget,
		[TIMER_KEEPALIVE] = on_keepalive_due,
	};
	nsec nearest = NSEC_NEVER;

	for (unsigned i = 0; i < TIMER_COUNT; i++) {
		if (peer->timers.deadlines[i] > now)
			continue;
		clear(peer, i);
		on_expire[i](peer, now);
	}
	for (unsigned i = 0; i < TIMER_COUNT; i++)
		nearest = MIN(nearest, peer->timers.deadlines[i]);
	move(peer, nearest);
}

nsec timers_run(struct wg_device *device, nsec now)
{
	struct heap_node *first;

	while ((first = heap_first(&device->deadlines)) && first->key <= now)
		expire(CONTAINER_OF(first, struct wg_peer, timers.nearest), now);
	return first ? first->key : NSEC_NEVER;
}
