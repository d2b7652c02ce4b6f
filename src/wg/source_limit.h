/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many handshakes one source may begin: a token bucket for each address (for each /64 of IPv6)
 * that was heard of lately, in a table that never grows.
 */
#pragma once

#include "base/hash.h"
#include "base/time.h"
#include "wire/address.h"

struct source_limit;

/* NULL: out of memory. */
struct source_limit *source_limit_new(const struct hash_key *key);
void source_limit_free(struct source_limit *limit);
/* Takes a token; false: there is none. */
bool source_limit_take(struct source_limit *limit, struct ip from, nsec now);

/* A peer was heard of there. */
void source_limit_know(struct source_limit *limit, struct ip from, nsec now);
/* False: nobody was, lately, or there have been as many as source_limit_take() gives. It has tokens
 * of its own: whoever makes up a peer's address takes nothing from him. */
bool source_limit_take_known(struct source_limit *limit, struct ip from, nsec now);
