/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/resolver.h"

#include "io/address.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Belongs to the thread and to who asked; the last to let go frees it. */
struct resolver {
	struct task task;
	struct loop *loop;
	pthread_mutex_t lock;
	bool is_stopped, is_done; /* who asked, the thread */
	char host[256];
	struct endpoint answer; /* of none: why says why */
	char why[128];
	void (*on_answer)(void *owner, const struct endpoint *answer, const char *why);
	void *owner;
};

static void ask(struct resolver *self)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	struct sockaddr_storage address = {0};
	uint16_t port = self->answer.port;
	int err = getaddrinfo(self->host, NULL, &hints, &list);

	if (err) {
		snprintf(self->why, sizeof(self->why), "%s", gai_strerror(err));
		return;
	}
	memcpy(&address, list->ai_addr, list->ai_addrlen);
	self->answer = socket_endpoint(&address);
	self->answer.port = port;
	freeaddrinfo(list);
}

static void *run(void *argument)
{
	struct resolver *self = argument;
	bool is_stopped;

	ask(self);
	pthread_mutex_lock(&self->lock);
	self->is_done = true;
	is_stopped = self->is_stopped;
	if (!is_stopped)
		loop_post(self->loop, &self->task);
	pthread_mutex_unlock(&self->lock);
	if (is_stopped)
		free(self);
	return NULL;
}

/* From copies: who hears the answer may end us. */
static void answer(struct task *task)
{
	struct resolver *self = CONTAINER_OF(task, struct resolver, task);
	const struct endpoint found = self->answer;
	const bool is_found = !ip_is_none(found.ip);
	char why[sizeof(self->why)];

	memcpy(why, self->why, sizeof(why));
	self->on_answer(self->owner, is_found ? &found : NULL, is_found ? NULL : why);
}

struct resolver *resolver_start(struct loop *loop, const char *host, uint16_t port,
	void (*on_answer)(void *owner, const struct endpoint *answer, const char *why), void *owner)
{
	struct resolver *self = calloc(1, sizeof(*self));
	pthread_t thread;

	if (!self)
		return NULL;
	self->task.run = answer;
	self->loop = loop;
	self->answer.port = port;
	self->on_answer = on_answer;
	self->owner = owner;
	snprintf(self->host, sizeof(self->host), "%s", host);
	pthread_mutex_init(&self->lock, NULL);
	if (pthread_create(&thread, NULL, run, self)) {
		free(self);
		return NULL;
	}
	pthread_detach(thread);
	return self;
}

void resolver_stop(struct resolver *self)
{
	bool is_done;

	if (!self)
		return;
	pthread_mutex_lock(&self->lock);
	self->is_stopped = true;
	is_done = self->is_done;
	pthread_mutex_unlock(&self->lock);
	if (!is_done)
		return;
	loop_undefer(self->loop, &self->task);
	free(self);
}
