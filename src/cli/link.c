/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/link.h"

#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

/* link listen HUB --port PORT */
static int listen_on(struct call *call, struct api *api, const struct link_options *options)
{
	char *hub = api_escape(api, call->args[1]);
	json_t *body = json_object(), *port = NULL;
	int err;

	json_object_set_new(body, "kind", json_string("link"));
	json_object_set_new(body, "listen", json_string(options->port ? options->port : "4000"));
	if (options->address)
		json_object_set_new(body, "address", json_string(options->address));
	if (options->needs_approval)
		json_object_set_new(body, "approve", json_true());
	err = api_post(api, body, -1, &port, &call->error, "/v1/hubs/%s/ports", hub);
	api_unescape(hub);
	if (!err && call->wants_json)
		print_json(port);
	else if (!err)
		puts(text_of(json_object_get(port, "details"), "key"));
	json_decref(port);
	return call_exit(err);
}

/* link invite HUB --name NAME */
static int invite(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *body = json_object(), *made = NULL;
	unsigned seconds;
	char *hub;
	int err = 0;

	if (options->expires)
		err = duration_parse(options->expires, &seconds, &call->error);
	if (err) {
		json_decref(body);
		return call_exit(error_wrap(&call->error, err, "--expires"));
	}
	if (options->expires)
		json_object_set_new(body, "expires", json_integer(seconds));
	json_object_set_new(body, "name", json_string(options->name));
	if (options->role)
		json_object_set_new(body, "role", json_string(options->role));
	if (options->address)
		json_object_set_new(body, "address", json_string(options->address));
	hub = api_escape(api, call->args[1]);
	err = api_post(api, body, -1, &made, &call->error, "/v1/hubs/%s/link/invites", hub);
	api_unescape(hub);
	if (!err && call->wants_json)
		print_json(made);
	else if (!err)
		puts(text_of(made, "invite"));
	json_decref(made);
	return call_exit(err);
}

static const struct {
	const char *name;
	int words;
	int (*run)(struct call *call, struct api *api, const struct link_options *options);
} actions[] = {
	{"listen", 2, listen_on},
	{"invite", 2, invite},
	{"join", 2, link_join},
	{"list", 1, link_list},
	{"approve", 2, link_approve},
	{"revoke", 2, link_revoke},
	{"wg-config", 2, link_wg_config},
};

static int run_action(struct call *call, size_t i, const struct link_options *options)
{
	struct api *api;
	int code;

	if (call->arg_count != actions[i].words)
		return call_refuse(call, "too few or too many words");
	if (actions[i].run == invite && !options->name)
		return call_refuse(call, "--name is missing: who is invited?");
	if (actions[i].run == link_join && !options->hub)
		return call_refuse(call, "--hub is missing: which hub is to be joined to it?");
	if (options->wants_code && call->wants_json)
		return call_refuse(call, "--qr and --json: one of them");
	code = call_open_api(call, &api);
	if (!code)
		code = actions[i].run(call, api, options);
	api_close(api);
	return code;
}

int link_run(struct call *call)
{
	struct link_options values = {0};
	const struct option options[] = {
		{"port", .value = &values.port},
		{"address", .value = &values.address},
		{"name", .value = &values.name},
		{"role", .value = &values.role},
		{"expires", .value = &values.expires},
		{"hub", .value = &values.hub},
		{"ip", .value = &values.ip},
		{"approve", .flag = &values.needs_approval},
		{"qr", .flag = &values.wants_code},
	};
	int code = options_read(call, options, ARRAY_SIZE(options), OPERANDS_ANYWHERE);

	if (code)
		return code;
	for (size_t i = 0; call->arg_count && i < ARRAY_SIZE(actions); i++) {
		if (!strcmp(call->args[0], actions[i].name))
			return run_action(call, i, &values);
	}
	return call_refuse(call,
		"%s%s%sone of listen, invite, join, list, approve, revoke, wg-config is wanted",
		call->arg_count ? "'" : "", call->arg_count ? call->args[0] : "",
		call->arg_count ? "' is unknown: " : "");
}
