/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard speaks it (paper, 5.4): pure functions from
 * keys and messages to messages and keys. What is random or a time comes from the caller, as do the
 * indices; the MACs are cookie.h's.
 */
#pragma once

#include "wg/message.h"

/* Who we are. */
struct noise_identity {
	EVP_PKEY *pair; /* NULL: nobody */
	struct wg_key public;
	struct digest hash; /* with which an initiation to us begins */
};

void noise_identity_init(struct noise_identity *identity, const struct wg_key *private);
void noise_identity_done(struct noise_identity *identity);

/* Whom we talk to. */
struct noise_remote {
	struct wg_key public, preshared; /* preshared: zero for none */
	struct wg_key static_static;	 /* agreed between our static key and theirs */
	struct digest hash;		 /* with which an initiation to them begins */
};

/* Fills public and hash. */
void noise_remote_init(struct noise_remote *remote, const struct wg_key *public);
/* Fills static_static. False: nothing can be agreed with that key. */
bool noise_remote_meet(struct noise_remote *remote, const struct noise_identity *identity) MUST_USE;
void noise_remote_done(struct noise_remote *remote);

struct noise_handshake {
	struct wg_key ephemeral; /* our private key: the caller's, new for each message */
	struct wg_key remote_ephemeral;
	struct wg_key chaining;
	struct digest hash;
};

void noise_handshake_wipe(struct noise_handshake *handshake);

/* The initiator's message, but for the index and the MACs. False: out of memory, or nothing can be
 * agreed with the remote's key. */
bool noise_write_initiation(struct noise_handshake *handshake,
	const struct noise_identity *identity, const struct noise_remote *remote,
	const uint8_t timestamp[TIMESTAMP_LEN], struct message_initiation *ret) MUST_USE;
/* The responder reads it in two steps: who it says it is; then, with what is known of him, whether
 * it is he. */
bool noise_read_static(struct noise_handshake *handshake, const struct noise_identity *identity,
	const struct message_initiation *message, struct wg_key *ret_public) MUST_USE;
bool noise_read_timestamp(struct noise_handshake *handshake, const struct noise_remote *remote,
	const struct message_initiation *message, uint8_t ret_timestamp[TIMESTAMP_LEN]) MUST_USE;
/* And answers, likewise without the indices and the MACs. */
bool noise_write_response(struct noise_handshake *handshake, const struct noise_remote *remote,
	struct message_response *ret) MUST_USE;
/* The initiator reads that; false leaves the handshake as it was. */
bool noise_read_response(struct noise_handshake *handshake, const struct noise_identity *identity,
	const struct noise_remote *remote, const struct message_response *message) MUST_USE;

/* The keys of the session; wipes the handshake. The initiator sends with the first. */
struct noise_keys {
	struct wg_key first, second;
};
void noise_split(struct noise_handshake *handshake, struct noise_keys *ret);
