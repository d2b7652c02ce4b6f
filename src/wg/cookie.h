/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two MACs at the end of a handshake message (paper, 5.4.4 and 5.4.7). mac1 shows that the
 * sender knows whom he talks to; mac2, with a cookie that was sent to his address, that he is
 * there.
 */
#pragma once

#include "base/time.h"
#include "wg/message.h"
#include "wg/timing.h"
#include "wire/address.h"

/* A device's: for messages to it. */
struct cookie_checker {
	EVP_MAC_CTX *mac1, *scratch;
	EVP_MAC_CTX *cookie;	  /* makes them, with a new secret every timing->cookie_age */
	struct wg_key cookie_key; /* seals them */
	nsec secret_at;
	const struct wg_timing *timing;
};

void cookie_checker_init(struct cookie_checker *checker, const struct wg_key *public,
	const struct wg_timing *timing);
void cookie_checker_done(struct cookie_checker *checker);

/* len: of the message with both MACs, which are its last bytes. */
bool cookie_mac1_is_good(struct cookie_checker *checker, const void *message, size_t len);
bool cookie_mac2_is_good(struct cookie_checker *checker, const void *message, size_t len,
	const struct endpoint *from, nsec now);
/* A cookie for whoever sent the message. False: out of memory. */
bool cookie_write_reply(struct cookie_checker *checker, const void *message, size_t len,
	const struct endpoint *from, nsec now, struct message_cookie *ret) MUST_USE;

/* A peer's: for messages to him. */
struct cookie_jar {
	struct wg_key mac1_key, cookie_key;
	uint8_t cookie[MAC_LEN];
	nsec cookie_at;
	bool has_cookie;
	uint8_t sent_mac1[MAC_LEN]; /* of the message that a cookie may be the answer to */
	bool has_sent;
};

void cookie_jar_init(struct cookie_jar *jar, const struct wg_key *public);
void cookie_jar_done(struct cookie_jar *jar);
/* Fills both; mac2 only with a cookie that still holds. scratch: any context of mac_new(). */
void cookie_write_macs(struct cookie_jar *jar, EVP_MAC_CTX *scratch, const struct wg_timing *timing,
	void *message, size_t len, nsec now);
/* False: it is no answer to the last message. */
bool cookie_read_reply(
	struct cookie_jar *jar, const struct message_cookie *message, nsec now) MUST_USE;
