/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four messages as they lie in a datagram (paper, 5.4). Numbers named _le are little endian. */
#pragma once

#include "wg/aead.h"

#include <assert.h>

enum message_type {
	MESSAGE_INITIATION = 1,
	MESSAGE_RESPONSE,
	MESSAGE_COOKIE,
	MESSAGE_DATA,
};

#define TIMESTAMP_LEN 12 /* TAI64N */

struct message_macs {
	uint8_t mac1[MAC_LEN], mac2[MAC_LEN];
};

struct message_initiation {
	uint32_t type_le, sender_le;
	uint8_t ephemeral[WG_KEY_LEN];
	uint8_t sealed_static[WG_KEY_LEN + TAG_LEN];
	uint8_t sealed_timestamp[TIMESTAMP_LEN + TAG_LEN];
	struct message_macs macs;
};

struct message_response {
	uint32_t type_le, sender_le, receiver_le;
	uint8_t ephemeral[WG_KEY_LEN];
	uint8_t sealed_nothing[TAG_LEN];
	struct message_macs macs;
};

struct message_cookie {
	uint32_t type_le, receiver_le;
	uint8_t nonce[XNONCE_LEN];
	uint8_t sealed_cookie[MAC_LEN + TAG_LEN];
};

struct message_data {
	uint32_t type_le, receiver_le;
	uint64_t counter_le;
};

static_assert(sizeof(struct message_initiation) == 148, "paper, 5.4.2");
static_assert(sizeof(struct message_response) == 92, "paper, 5.4.3");
static_assert(sizeof(struct message_cookie) == 64, "paper, 5.4.7");
static_assert(sizeof(struct message_data) == 16, "paper, 5.4.6");

#define MESSAGE_DATA_OVERHEAD (sizeof(struct message_data) + TAG_LEN)
/* The longest handshake message, which is an initiation. */
#define MESSAGE_HANDSHAKE_MAX sizeof(struct message_initiation)
