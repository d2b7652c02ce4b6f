/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session: the keys of both directions, how often each was used, and since when. A peer has up to
 * three (paper, 6.3): the current one; the one before it, in which messages are still on their way;
 * and the next one, that the initiator has not used yet.
 */
#pragma once

#include "base/time.h"
#include "wg/index_table.h"
#include "wg/noise.h"
#include "wg/replay.h"
#include "wg/timing.h"

struct session {
	EVP_CIPHER_CTX *sealer, *opener; /* NULL: the keys have been wiped */
	uint64_t sent;			 /* messages: the next counter */
	nsec born;
	bool is_initiator;
	uint32_t remote_index;
	struct index_entry index;
	struct replay replay;
};

/* Wipes the keys. NULL: out of memory. */
struct session *session_new(struct noise_keys *keys, bool is_initiator, nsec now);
void session_free(struct session *session, struct index_table *indices);

static inline bool session_may_open(
	const struct session *session, const struct wg_timing *timing, nsec now)
{
	return now < session->born + timing->reject_after;
}

static inline bool session_may_seal(
	const struct session *session, const struct wg_timing *timing, nsec now)
{
	return session_may_open(session, timing, now) &&
	       session->sent < timing->reject_after_messages;
}

/* It still works, but is to be renewed: by who began it, so that not both do, unless the messages
 * run out. */
static inline bool session_is_worn(
	const struct session *session, const struct wg_timing *timing, nsec now)
{
	return session->sent > timing->rekey_after_messages ||
	       (session->is_initiator && now >= session->born + timing->rekey_after);
}

struct sessions {
	struct session *current, *previous, *next;
};

/* Adds one that was just agreed on. */
void sessions_begin(
	struct sessions *sessions, struct session *session, struct index_table *indices);
/* A message came in this one. True: it is the first in the next one, which is current now. */
bool sessions_confirm(
	struct sessions *sessions, struct session *session, struct index_table *indices);
void sessions_end(struct sessions *sessions, struct index_table *indices);
