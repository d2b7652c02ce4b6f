/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses a flow has sent to, and may therefore be answered from: address-dependent filtering
 * (RFC 4787 5, REQ-8). Of many, those forgotten first were neither sent to nor heard from longest.
 */
#pragma once

#include "wire/address.h"

#include <stddef.h>

#define CONTACTS_MAX 256

struct contacts {
	struct ip *ips; /* the latest first */
	size_t count, size;
	struct ip first; /* the only one of most flows: no memory of its own */
};

/* All zero: nobody yet. Remembers ip; without memory for one more, in the place of another. */
void contacts_add(struct contacts *contacts, struct ip ip);
/* Whether ip is among them. It is the latest from now on. */
bool contacts_has(struct contacts *contacts, struct ip ip);
void contacts_done(struct contacts *contacts);
