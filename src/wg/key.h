/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys as values and their text (base64, as wg(8) prints them). Whoever holds a secret one wipes it
 * when done. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

#define WG_KEY_LEN	 32
#define WG_KEY_TEXT_SIZE 45

/* A private or public key of X25519, a preshared key, or what is derived from them. */
struct wg_key {
	uint8_t bytes[WG_KEY_LEN];
};

/* Both take the same time whatever the key is. Of the text: false leaves *ret alone. */
bool wg_key_parse(const char *text, struct wg_key *ret) MUST_USE;
char *wg_key_format(const struct wg_key *key, char text[WG_KEY_TEXT_SIZE]);

/* RFC 7748 5: sets the bits that are the same in all private keys; whoever uses one does so anyway,
 * but then it is the same for all who show it. */
void wg_key_clamp(struct wg_key *private);
void wg_key_make_private(struct wg_key *ret);
void wg_key_make_preshared(struct wg_key *ret);
struct wg_key wg_key_public(const struct wg_key *private);

bool wg_key_equal(const struct wg_key *a, const struct wg_key *b);
bool wg_key_is_zero(const struct wg_key *key);
void wg_key_wipe(struct wg_key *key);
