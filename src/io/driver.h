/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a protocol machine (base/machine.h) on a loop: at the end of a turn in which it asked, and
 * when its deadline comes. */
#pragma once

#include "base/machine.h"
#include "io/loop.h"

struct driver {
	struct machine *machine;
	struct loop *loop;
	struct task task;
	struct timer timer;
};

/* Takes machine->wake and machine->driver. */
void driver_start(struct driver *driver, struct loop *loop, struct machine *machine);
void driver_stop(struct driver *driver);
