/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting IPv4 and IPv6 fragments together (RFC 791 3.2, RFC 8200 4.5), in any order. Bounded in
 * datagrams, bytes and share of each source; takes memory with the first fragment and gives it
 * back with the last. Overlaps drop the whole datagram (RFC 5722 4); an exact copy is ignored.
 */
#pragma once

#include "hub/frame.h"
#include "base/time.h"
#include "wire/packet.h"

#define FRAGMENT_DATAGRAMS_MAX	64
#define FRAGMENT_PER_SOURCE_MAX 16
#define FRAGMENT_BYTES_MAX	(1 << 20)
#define FRAGMENT_GAPS_MAX	64		    /* parts of one datagram that do not touch */
#define FRAGMENT_PATIENCE	(30 * NSEC_PER_SEC) /* from the first that arrives, as Linux */

struct fragments;

/* Who hears of datagrams that were lost. */
struct fragment_watcher {
	/* first: the start of the datagram as it arrived, lent, when that part did arrive; else
	 * NULL. has_timed_out: rather than pushed out by others or spoilt. */
	void (*on_lost)(struct fragment_watcher *watcher, const struct frame *first,
		bool has_timed_out, nsec now);
};

enum fragment_result {
	FRAGMENT_KEPT,
	FRAGMENT_WHOLE,
	FRAGMENT_SPOILT,    /* of a datagram that is lost for good */
	FRAGMENT_MALFORMED, /* cannot be part of any */
	FRAGMENT_NO_MEMORY,
};

/* NULL: no memory. The watcher is the caller's. */
struct fragments *fragments_new(struct fragment_watcher *watcher);
void fragments_free(struct fragments *fragments);

/* frame: with packet->is_fragment. FRAGMENT_WHOLE: *ret_bytes is the whole frame, its headers
 * rewritten, to be freed by the caller; *ret_len its length. */
enum fragment_result fragments_add(struct fragments *fragments, const struct frame *frame,
	const struct packet *packet, nsec now, uint8_t **ret_bytes, uint32_t *ret_len);
/* Gives up what waited too long; the next deadline, NSEC_NEVER when nothing waits. */
nsec fragments_run(struct fragments *fragments, nsec now);
bool fragments_is_empty(const struct fragments *fragments);
