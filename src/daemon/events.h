/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens, told to whoever listens. An event is a JSON object; each listener has a queue of
 * bounded size, and one that is too slow loses events and hears how many.
 */
#pragma once

#include "base/attr.h"
#include "daemon/stream.h"

#include <jansson.h>

#define EVENTS_QUEUE_SIZE (64 * 1024) /* bytes for each listener */
#define EVENTS_LISTENERS  32

struct events;

struct events *events_new(struct loop *loop); /* NULL: no memory */
void events_free(struct events *events);

/* "port-up" of a hub (or NULL), and a json_pack() format for the rest: "{s:s}", "key", value...
 * On the control thread. */
void events_tell(
	struct events *events, const char *event, const char *hub, const char *format, ...);
/* The same from any thread: it arrives a little later. */
void events_post(
	struct events *events, const char *event, const char *hub, const char *format, ...);

/* A stream of server-sent events; hub NULL: of all. NULL: no memory, or EVENTS_LISTENERS. */
struct stream *events_listen(struct events *events, const char *hub);
