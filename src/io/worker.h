/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread with a loop of its own. */
#pragma once

#include "io/loop.h"

struct worker;

/* name: at most 15 characters, seen in ps -L. NULL: errno says why. */
struct worker *worker_start(const char *name);
struct loop *worker_loop(struct worker *worker);
/* Runs call(argument) on the worker's thread and waits for it. Never from a worker to another. */
void worker_call(struct worker *worker, void (*call)(void *argument), void *argument);
/* Stops the loop, joins the thread, frees. NULL is fine. */
void worker_stop(struct worker *worker);
