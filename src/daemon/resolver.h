/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host's name looked up beside everything else: it may take half a minute. */
#pragma once

#include "io/loop.h"
#include "wire/address.h"

struct resolver;

/* The answer comes to on_answer() on the loop's thread, once; count 0: why says why, lent. NULL: no
 * memory, or no thread. */
struct resolver *resolver_start(struct loop *loop, const char *host, uint16_t port,
	void (*on_answer)(void *owner, const struct endpoint *answer, const char *why),
	void *owner);
/* No answer comes any more. NULL is fine; so is one that has answered, from within on_answer() too.
 */
void resolver_stop(struct resolver *resolver);
