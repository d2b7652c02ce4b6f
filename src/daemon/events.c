/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/events.h"

#include "hub/hub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct events {
	struct loop *loop;
	struct list listeners;
	unsigned listener_count;
	uint64_t last_id;
};

struct listener {
	struct stream_owner owner;
	struct list node;
	struct events *events;
	struct stream *stream;
	char hub[HUB_NAME_SIZE]; /* empty: all */
	uint64_t lost;
};

struct posted {
	struct task task;
	struct events *events;
	json_t *event;
};

struct events *events_new(struct loop *loop)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return NULL;
	events->loop = loop;
	list_init(&events->listeners);
	return events;
}

/* Streams end with the HTTP server, and so listeners, before this. */
void events_free(struct events *events)
{
	free(events);
}

/* RFC 3339, in UTC, with milliseconds. */
static void format_time(char text[40])
{
	struct timespec t;
	struct tm utc;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &utc);
	len = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + len, 40 - len, ".%03ldZ", t.tv_nsec / 1000000);
}

static json_t *compose(const char *name, const char *hub, const char *format, va_list args)
{
	json_t *event, *details = json_vpack_ex(NULL, 0, format, args);
	char text[40];

	format_time(text);
	event = json_pack("{s:s, s:s, s:s*}", "event", name, "time", text, "hub", hub);
	if (event && details)
		json_object_update(event, details);
	json_decref(details);
	return event;
}

static bool concerns(const struct listener *listener, const json_t *event)
{
	const char *hub = json_string_value(json_object_get(event, "hub"));

	return !listener->hub[0] || !hub || !strcmp(hub, listener->hub);
}

/* Both or nothing: a queue that is full must not fill up with word of what it lost. */
static bool write_after_lost(struct listener *listener, const char *text, size_t len)
{
	char lost[160];
	int lost_len;

	if (!listener->lost)
		return stream_write(listener->stream, text, len);
	lost_len = snprintf(lost, sizeof(lost),
		"event: lost\ndata: {\"event\": \"lost\", \"count\": %llu}\n\n",
		(unsigned long long)listener->lost);
	if (stream_room(listener->stream) < (size_t)lost_len + len)
		return false;
	listener->lost = 0;
	return stream_write(listener->stream, lost, (size_t)lost_len) &&
	       stream_write(listener->stream, text, len);
}

static void tell(struct events *events, const json_t *event)
{
	char *data = json_dumps(event, 0), *text = NULL;
	int len;

	if (!data)
		return;
	len = asprintf(&text, "id: %llu\nevent: %s\ndata: %s\n\n",
		(unsigned long long)events->last_id,
		json_string_value(json_object_get(event, "event")), data);
	free(data);
	if (len < 0)
		return;
	LIST_EACH(node, &events->listeners) {
		struct listener *listener = LIST_ENTRY(node, struct listener, node);

		if (!concerns(listener, event))
			continue;
		if (!write_after_lost(listener, text, (size_t)len))
			listener->lost++;
	}
	free(text);
}

static void publish(struct events *events, json_t *event)
{
	events->last_id++;
	if (event && !list_is_empty(&events->listeners))
		tell(events, event);
	json_decref(event);
}

void events_tell(struct events *events, const char *name, const char *hub, const char *format, ...)
{
	va_list args;
	json_t *event;

	va_start(args, format);
	event = compose(name, hub, format, args);
	va_end(args);
	publish(events, event);
}

static void run_posted(struct task *task)
{
	struct posted *posted = CONTAINER_OF(task, struct posted, task);

	publish(posted->events, posted->event);
	free(posted);
}

void events_post(struct events *events, const char *name, const char *hub, const char *format, ...)
{
	struct posted *posted = calloc(1, sizeof(*posted));
	va_list args;

	if (!posted)
		return;
	posted->task.run = run_posted;
	posted->events = events;
	va_start(args, format);
	posted->event = compose(name, hub, format, args);
	va_end(args);
	loop_post(events->loop, &posted->task);
}

static void on_close(struct stream_owner *owner)
{
	struct listener *listener = CONTAINER_OF(owner, struct listener, owner);

	list_remove(&listener->node);
	listener->events->listener_count--;
	free(listener);
}

struct stream *events_listen(struct events *events, const char *hub)
{
	struct listener *listener;

	if (events->listener_count >= EVENTS_LISTENERS)
		return NULL;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return NULL;
	listener->owner.on_close = on_close;
	listener->events = events;
	snprintf(listener->hub, sizeof(listener->hub), "%s", hub ? hub : "");
	listener->stream = stream_new(&listener->owner, EVENTS_QUEUE_SIZE);
	if (!listener->stream) {
		free(listener);
		return NULL;
	}
	list_push_back(&events->listeners, &listener->node);
	events->listener_count++;
	/* The client learns at once that it is heard: what happens from here on, it is told. */
	(void)!stream_write(listener->stream, ": listening\n\n", 13);
	return listener->stream;
}
