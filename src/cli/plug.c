/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* {"kind": KIND, "key": value...} of KIND key=value...; NULL: refused. */
static json_t *compose(struct call *call)
{
	json_t *body = json_object();

	json_object_set_new(body, "kind", json_string(call->args[1]));
	for (int i = 2; i < call->arg_count; i++) {
		const char *equals = strchr(call->args[i], '=');
		size_t len = equals ? (size_t)(equals - call->args[i]) : 0;

		/* Values are texts: the daemon reads them as it reads a file's. */
		if (!len ||
			json_object_setn_new(body, call->args[i], len, json_string(equals + 1))) {
			call_refuse(call, "'%s' is not KEY=VALUE", call->args[i]);
			json_decref(body);
			return NULL;
		}
	}
	return body;
}

static int plug(struct call *call, struct api *api, json_t *body)
{
	char *hub = api_escape(api, call->args[0]);
	json_t *port = NULL;
	int err = api_post(api, body, -1, &port, &call->error, "/v1/hubs/%s/ports", hub);

	api_unescape(hub);
	if (!err && call->wants_json)
		print_json(port);
	else if (!err)
		puts(text_of(port, "id"));
	json_decref(port);
	return call_exit(err);
}

int plug_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 2, 4096);
	struct api *api;
	json_t *body;

	if (code)
		return code;
	body = compose(call);
	if (!body)
		return EXIT_BAD_INPUT;
	code = call_open_api(call, &api);
	if (code)
		json_decref(body);
	else
		code = plug(call, api, body);
	api_close(api);
	return code;
}

/* How many of the list have the name, and the id of the last. */
static unsigned find_name(const json_t *list, const char *name, char id[64])
{
	const json_t *one;
	unsigned found = 0;
	size_t i;

	json_array_foreach(list, i, one) {
		if (strcmp(text_of(one, "name"), name) != 0)
			continue;
		snprintf(id, 64, "%s", text_of(one, "id"));
		found++;
	}
	return found;
}

/* The id ("hub8.3") of the one port or entrance that has the name on any hub. */
static int find_by_name(struct call *call, struct api *api, char id[64])
{
	const char *name = call->args[0];
	json_t *reply, *hub;
	unsigned found = 0;
	size_t i;
	int err = api_get(api, &reply, &call->error, "/v1/hubs");

	if (err)
		return err;
	json_array_foreach(json_object_get(reply, "hubs"), i, hub) {
		found += find_name(json_object_get(hub, "ports"), name, id);
		found += find_name(json_object_get(hub, "entrances"), name, id);
	}
	json_decref(reply);
	if (!found)
		return error_set(&call->error, EINVAL,
			"unplug: no port has the name '%s'; 'lanyard show' lists them", name);
	if (found > 1)
		return error_set(&call->error, EINVAL,
			"unplug: %u ports have the name '%s'; say which, as %s", found, name, id);
	return 0;
}

static int unplug(struct call *call, struct api *api)
{
	struct place_name place;
	char id[64];
	int err;

	if (strchr(call->args[0], '.'))
		snprintf(id, sizeof(id), "%.63s", call->args[0]);
	else if ((err = find_by_name(call, api, id)))
		return call_exit(err);
	if (!place_name_read(api, id, &place)) {
		error_set(&call->error, ENOMEM, "out of memory");
		return EXIT_FAILED;
	}
	err = api_delete(api, &call->error, "/v1/hubs/%s/ports/%s", place.hub, place.port);
	place_name_done(&place);
	return call_exit(err);
}

int unplug_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 1, 1);
	struct api *api;

	if (code)
		return code;
	code = call_open_api(call, &api);
	if (!code)
		code = unplug(call, api);
	api_close(api);
	return code;
}
