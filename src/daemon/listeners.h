/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets that forwards listen on. They stay here, and gateways get duplicates: so a forward
 * can change its guest, or its gateway be made anew, without the port ever being free for
 * somebody else.
 */
#pragma once

#include "base/list.h"
#include "config/model.h"

#include <stdbool.h>

struct listeners {
	struct list all;
};

void listeners_init(struct listeners *listeners);
void listeners_done(struct listeners *listeners);

/* outside: the address and one port of the forward's range. Opens the socket where there is none
 * yet: TCP listens, UDP is bound. */
int listeners_open(struct listeners *listeners, bool is_udp, const struct endpoint *outside,
	struct error *error) MUST_USE;
/* A duplicate of one that is open, the caller's. -errno. */
int listeners_take(
	struct listeners *listeners, bool is_udp, const struct endpoint *outside) MUST_USE;
/* Closes those that is_wanted() denies. */
void listeners_sweep(struct listeners *listeners,
	bool (*is_wanted)(void *context, bool is_udp, const struct endpoint *outside),
	void *context);
