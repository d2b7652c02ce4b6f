/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other network namespaces: finding one, and doing something inside it. From any thread. */
#pragma once

#include "base/error.h"

/*
 * Opens the namespace `where` names: a path, a name under /run/netns, or the PID of a process that
 * lives in it (digits alone are a PID). Returns a descriptor, or -errno with the sentence written.
 */
int netns_open(const char *where, struct error *error) MUST_USE;

/*
 * Moves the calling thread into the namespace, runs call(argument) and moves it back; returns what
 * call returned, or -errno when the namespace could not be entered. where NULL or empty: runs it
 * here. A thread that cannot come back ends the program: everything it does later would be wrong.
 */
int netns_call(const char *where, int (*call)(void *argument), void *argument,
	struct error *error) MUST_USE;
