/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's command, as a child that stays in the foreground of the terminal. It gets the signals
 * that are sent to us; those of the terminal reach it without us.
 */
#pragma once

#include "base/error.h"
#include "io/loop.h"

#include <signal.h>
#include <sys/types.h>

struct child {
	void (*on_exit)(struct child *child, int exit_code); /* 128 + N: it died of signal N */

	pid_t pid;
	sigset_t signals; /* that we had not blocked before */
	struct watch exit_watch, signal_watch;
};

/* argv: as for execvp(3). It dies with us. Returns 0, or -errno with the sentence when it cannot be
 * run at all. */
int child_start(
	struct child *child, struct loop *loop, char *const argv[], struct error *error) MUST_USE;
/* After on_exit(), or when it never started. */
void child_done(struct child *child);
