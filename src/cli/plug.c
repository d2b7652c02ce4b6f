/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/place.h"

#include <stdio.h>
#include <string.h>

/* {"kind": KIND, "key": value...} of KIND key=value...; NULL: refused. */
static json_t *compose(struct call *call)
{
	json_t *body = json_object();

	json_object_set_new(body, "kind", json_string(call->args[1]));
	if (!call_add_settings(call, 2, body))
		return body;
	json_decref(body);
	return NULL;
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

static int unplug(struct call *call, struct api *api)
{
	struct place_name place;
	int code = place_name_find(call, api, call->args[0], &place), err;

	if (code)
		return code;
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
