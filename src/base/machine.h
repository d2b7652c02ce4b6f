/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A protocol machine: (event, now) in, packets and a next deadline out. It does no I/O and reads
 * no clock, so it runs the same under a loop (io/driver.h), a unit test and a fuzzer.
 *
 * Events reach a machine through its own functions. Such a function may only note what is to be
 * said; the machine asks to be run (machine_wake) and speaks from run(), when nobody above it on
 * the stack is in the middle of something.
 */
#pragma once

#include "base/time.h"

struct machine {
	/*
	 * Says what the events left to say and does what is due at `now`.
	 * Returns the next deadline on the same clock, NSEC_NEVER for none.
	 */
	nsec (*run)(struct machine *machine, nsec now);
	/* These two are set by whoever drives the machine. wake: run it soon, once, not from
	 * within this call. */
	void (*wake)(struct machine *machine);
	void *driver;
};

static inline void machine_wake(struct machine *machine)
{
	if (machine->wake)
		machine->wake(machine);
}
