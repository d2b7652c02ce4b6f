/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/gather.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/table.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

static int add(struct call *call, struct api *api)
{
	char *hub = api_escape(api, call->args[1]);
	json_t *body = json_object(), *made = NULL;
	char text[256];
	int err;

	snprintf(text, sizeof(text), "%s %s %s", call->args[2], call->args[3], call->args[4]);
	json_object_set_new(body, "forward", json_string(text));
	err = api_post(api, body, -1, &made, &call->error, "/v1/hubs/%s/forwards", hub);
	api_unescape(hub);
	if (!err && call->wants_json)
		print_json(made);
	json_decref(made);
	return call_exit(err);
}

static int rm(struct call *call, struct api *api)
{
	char *hub = api_escape(api, call->args[1]);
	char *protocol = api_escape(api, call->args[2]);
	char *outside = api_escape(api, call->args[3]);
	int err = api_delete(api, &call->error, "/v1/hubs/%s/forwards?protocol=%s&outside=%s", hub,
		protocol, outside);

	api_unescape(hub);
	api_unescape(protocol);
	api_unescape(outside);
	return call_exit(err);
}

static int list(struct call *call)
{
	struct gather question = {.hub = call->args[1], .kind = "nat", .what = "forwards"};
	json_t *all, *forward;
	struct table *table;
	int code = gather(call, &question, &all);
	size_t i;

	if (code)
		return code;
	if (call->wants_json) {
		print_json(all);
	} else {
		table = table_new("HUB\tPROTOCOL\tHOST\tGUEST\t>PORTS");
		json_array_foreach(json_object_get(all, "forwards"), i, forward)
			table_add(table, "%s\t%s\t%s\t%s\t%u", text_of(forward, "hub"),
				text_of(forward, "protocol"), text_of(forward, "outside"),
				text_of(forward, "guest"), (unsigned)count_of(forward, "count"));
		table_print(table);
	}
	json_decref(all);
	return EXIT_FINE;
}

static int change(struct call *call, int (*run)(struct call *, struct api *))
{
	struct api *api;
	int code = call_open_api(call, &api);

	if (!code)
		code = run(call, api);
	api_close(api);
	return code;
}

/* Before the daemon is asked: what is no forward is bad input with or without one. */
static int check(struct call *call)
{
	struct forward_config forward;
	char text[256];
	int err;

	snprintf(text, sizeof(text), "%s %s %s", call->args[2], call->args[3], call->args[4]);
	err = config_read_forward(text, &forward, &call->error);
	return call_exit(err ? error_wrap(&call->error, err, "forward '%s'", text) : 0);
}

int forward_run(struct call *call)
{
	int code = options_read(call, NULL, 0, OPERANDS_ANYWHERE);
	const char *what = call->args[0];
	int count = call->arg_count;

	if (code)
		return code;
	if (count && !strcmp(what, "list") && count <= 2)
		return list(call);
	if (count == 5 && !strcmp(what, "add")) {
		code = check(call);
		return code ? code : change(call, add);
	}
	if ((count == 4 || count == 5) && !strcmp(what, "rm"))
		return change(call, rm);
	if (count && strcmp(what, "list") != 0 && strcmp(what, "add") != 0 &&
		strcmp(what, "rm") != 0)
		return call_refuse(call, "'%s' is none of add, rm, list", what);
	return call_refuse(call, "too few or too many words");
}
