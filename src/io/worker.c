/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/worker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

struct worker {
	struct loop *loop;
	pthread_t thread;
};

struct pending_call {
	struct task task;
	void (*call)(void *argument);
	void *argument;
	sem_t is_done;
};

static void *run(void *argument)
{
	struct worker *worker = argument;

	/* It ends when it is told to. A loop that cannot wait any more is a mistake of ours, and
	 * would leave everybody waiting for this thread: better an end that is seen. */
	if (loop_run(worker->loop) < 0)
		abort();
	return NULL;
}

/* Signals are for the thread that starts workers: theirs are blocked from their first moment. */
static int start_thread(struct worker *worker, const char *name)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_setname_np(worker->thread, name);
	return err;
}

struct worker *worker_start(const char *name)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int err;

	if (!worker)
		return NULL;
	worker->loop = loop_new();
	err = worker->loop ? start_thread(worker, name) : errno;
	if (err) {
		loop_free(worker->loop);
		free(worker);
		errno = err;
		return NULL;
	}
	return worker;
}

struct loop *worker_loop(struct worker *worker)
{
	return worker->loop;
}

static void run_call(struct task *task)
{
	struct pending_call *pending = CONTAINER_OF(task, struct pending_call, task);

	pending->call(pending->argument);
	sem_post(&pending->is_done);
}

void worker_call(struct worker *worker, void (*call)(void *argument), void *argument)
{
	struct pending_call pending = {.task.run = run_call, .call = call, .argument = argument};

	sem_init(&pending.is_done, 0, 0);
	loop_post(worker->loop, &pending.task);
	while (sem_wait(&pending.is_done) < 0 && errno == EINTR)
		;
	sem_destroy(&pending.is_done);
}

void worker_stop(struct worker *worker)
{
	if (!worker)
		return;
	loop_stop(worker->loop);
	pthread_join(worker->thread, NULL);
	loop_free(worker->loop);
	free(worker);
}
