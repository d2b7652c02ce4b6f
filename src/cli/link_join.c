/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link join: the way to somebody's relay. */
#include "cli/link.h"

#include "cli/json_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define JOIN_TRIES 80 /* of a quarter of a second each */

static const char *details_text(const json_t *port, const char *key)
{
	return text_of(json_object_get(port, "details"), key);
}

static bool is_settled(const json_t *entrance)
{
	const json_t *details = json_object_get(entrance, "details");

	return !strcmp(text_of(details, "state"), "refused") ||
	       !strcmp(text_of(details, "state"), "waits") || text_of(details, "notice")[0] ||
	       json_is_true(json_object_get(details, "up"));
}

/* Until the relay has answered, or nobody can be expected to. */
static int await_answer(struct call *call, struct api *api, const char *hub, const char *name,
	json_t **ret_entrance)
{
	const struct timespec pause = {.tv_nsec = 250000000};
	json_t *entrance = NULL;
	int err = 0;

	for (unsigned i = 0; i < JOIN_TRIES && !err; i++) {
		json_decref(entrance);
		entrance = NULL;
		err = api_get(api, &entrance, &call->error, "/v1/hubs/%s/ports/%s", hub, name);
		if (err || is_settled(entrance) || (details_text(entrance, "why")[0] && i > 30))
			break;
		nanosleep(&pause, NULL);
	}
	if (err)
		json_decref(entrance);
	else
		*ret_entrance = entrance;
	return err;
}

static int settle(struct call *call, struct api *api, const char *hub, const char *name)
{
	json_t *entrance = NULL;
	int err = await_answer(call, api, hub, name, &entrance);

	if (err)
		return err;
	if (!strcmp(details_text(entrance, "state"), "waits")) {
		if (call->wants_json)
			print_json(entrance);
		else
			printf("%s at %s %s\n", details_text(entrance, "member"),
				details_text(entrance, "relay"), details_text(entrance, "why"));
	} else if (!strcmp(details_text(entrance, "state"), "joined")) {
		if (call->wants_json)
			print_json(entrance);
		else
			printf("%s of %s at %s\n", details_text(entrance, "member"),
				details_text(entrance, "segment"), details_text(entrance, "relay"));
		if (details_text(entrance, "notice")[0])
			fprintf(stderr, "lanyard: %s\n", details_text(entrance, "notice"));
	} else {
		const char *why = details_text(entrance, "why");

		err = error_set(&call->error, EIO, "link join: %s: %s",
			details_text(entrance, "relay"), why[0] ? why : "no answer");
		if (api_delete(api, NULL, "/v1/hubs/%s/ports/%s", hub, name))
			fprintf(stderr, "lanyard: %s.%s is left behind\n", hub, name);
	}
	json_decref(entrance);
	return err;
}

/* link join INVITE --hub HUB */
int link_join(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *body = json_object(), *port = NULL;
	char *hub = api_escape(api, options->hub), *name;
	int err;

	json_object_set_new(body, "kind", json_string("link"));
	json_object_set_new(body, "invite", json_string(call->args[1]));
	if (options->name)
		json_object_set_new(body, "name", json_string(options->name));
	err = api_post(api, body, -1, &port, &call->error, "/v1/hubs/%s/ports", hub);
	if (!err) {
		name = api_escape(api, text_of(port, "name"));
		err = settle(call, api, hub, name);
		api_unescape(name);
	}
	api_unescape(hub);
	json_decref(port);
	return call_exit(err);
}
