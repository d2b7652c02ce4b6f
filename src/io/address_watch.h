/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A call when the host's addresses or IPv4 routes have changed, in the network namespace of the
 * thread that opens it: who speaks to others has another address then, and they do not know it. */
#pragma once

#include "io/loop.h"

struct address_watch {
	struct watch watch;
	void (*on_change)(struct address_watch *watch);
};

/* -errno. on_change comes often, several times for one change. */
int address_watch_open(struct address_watch *watch, struct loop *loop,
	void (*on_change)(struct address_watch *watch)) MUST_USE;
/* One that was never opened, but is zero, is fine. */
void address_watch_close(struct address_watch *watch);
