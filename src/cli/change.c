/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port that changes while it is there; `lanyard set`, `lanyard link-state`. */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/place.h"

#include <string.h>

/* Takes the body. */
static int patch(struct call *call, struct api *api, json_t *body)
{
	struct place_name place;
	json_t *port = NULL;
	int code = place_name_find(call, api, call->args[0], &place), err;

	if (code) {
		json_decref(body);
		return code;
	}
	err = api_patch(
		api, body, &port, &call->error, "/v1/hubs/%s/ports/%s", place.hub, place.port);
	place_name_done(&place);
	if (!err && call->wants_json)
		print_json(port);
	json_decref(port);
	return call_exit(err);
}

/* Takes the body. */
static int change(struct call *call, json_t *body)
{
	struct api *api;
	int code = call_open_api(call, &api);

	if (code)
		json_decref(body);
	else
		code = patch(call, api, body);
	api_close(api);
	return code;
}

int set_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 2, 64);
	json_t *body;

	if (code)
		return code;
	body = json_object();
	code = call_add_settings(call, 1, body);
	if (!code)
		return change(call, body);
	json_decref(body);
	return code;
}

int link_state_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 2, 2);
	const char *state = call->args[1];

	if (code)
		return code;
	if (strcmp(state, "up") != 0 && strcmp(state, "down") != 0)
		return call_refuse_value(call, "'%s' is not up or down", state);
	return change(call, json_pack("{s:s}", "link", state));
}
