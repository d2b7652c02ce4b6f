/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/amount.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/table.h"
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JOIN_TRIES 80 /* of a quarter of a second each */

struct link_options {
	const char *port, *address, *name, *role, *expires, *hub, *ip;
};

static const char *details_text(const json_t *port, const char *key)
{
	return text_of(json_object_get(port, "details"), key);
}

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
	err = api_post(api, body, -1, &port, &call->error, "/v1/hubs/%s/ports", hub);
	api_unescape(hub);
	if (!err && call->wants_json)
		print_json(port);
	else if (!err)
		puts(details_text(port, "key"));
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

static bool is_settled(const json_t *entrance)
{
	const json_t *details = json_object_get(entrance, "details");

	return !strcmp(text_of(details, "state"), "refused") || text_of(details, "notice")[0] ||
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
	if (!strcmp(details_text(entrance, "state"), "joined")) {
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
static int join(struct call *call, struct api *api, const struct link_options *options)
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

/* {hub: {...}} of all hubs that listen, or of one. */
static int gather_links(struct call *call, struct api *api, const char *only, json_t **ret_all)
{
	json_t *hubs, *hub, *link, *all = json_array();
	int err = api_get(api, &hubs, &call->error, "/v1/hubs");
	size_t i;

	json_array_foreach(json_object_get(hubs, "hubs"), i, hub) {
		const char *name = text_of(hub, "name");
		struct error none = {0};

		if ((only && strcmp(only, name) != 0) ||
			api_get(api, &link, &none, "/v1/hubs/%s/link", name))
			continue;
		json_object_set_new(link, "hub", json_string(name));
		json_array_append_new(all, link);
	}
	if (err) {
		json_decref(all);
		return err;
	}
	json_decref(hubs);
	*ret_all = all;
	return 0;
}

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static void add_member(struct table *table, const char *hub, const json_t *member)
{
	const json_t *port = json_object_get(member, "port");
	const json_t *details = json_object_get(port, "details");
	char rtt[AMOUNT_SIZE] = "-", handshake[AMOUNT_SIZE] = "-";
	char received[AMOUNT_SIZE], sent[AMOUNT_SIZE];
	const char *own = text_of(member, "mac"), *mac = own[0] ? own : text_of(port, "mac");

	if (json_object_get(details, "rtt"))
		snprintf(rtt, sizeof(rtt), "%.1f ms", number_of(details, "rtt") * 1000);
	if (json_object_get(details, "handshake"))
		amount_time(number_of(details, "handshake"), handshake);
	amount_bytes(count_of(details, "received_bytes"), received);
	amount_bytes(count_of(details, "sent_bytes"), sent);
	table_add(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", hub, text_of(member, "name"),
		text_of(member, "role"), or_dash(text_of(port, "state")), or_dash(mac),
		or_dash(text_of(details, "endpoint")), rtt, handshake, received, sent);
}

static void add_invite(struct table *table, const char *hub, const json_t *invite)
{
	char left[AMOUNT_SIZE];

	if (strcmp(text_of(invite, "state"), "open") != 0)
		return;
	amount_time(number_of(invite, "expires"), left);
	table_add(table, "%s\t%s\t%s\tinvited for %s\t-\t-\t-\t-\t-\t-", hub,
		text_of(invite, "name"), text_of(invite, "role"), left);
}

static int list(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *all, *link, *item;
	struct table *table;
	int err = gather_links(call, api, options->hub, &all);
	size_t i, j;

	if (err)
		return call_exit(err);
	if (call->wants_json) {
		print_json(all);
		json_decref(all);
		return EXIT_FINE;
	}
	table = table_new(
		"HUB\tNAME\tROLE\tSTATE\tMAC\tENDPOINT\t>RTT\t>HANDSHAKE\t>RECEIVED\t>SENT");
	json_array_foreach(all, i, link) {
		json_array_foreach(json_object_get(link, "members"), j, item)
			add_member(table, text_of(link, "hub"), item);
		json_array_foreach(json_object_get(link, "invites"), j, item)
			add_invite(table, text_of(link, "hub"), item);
	}
	table_print(table);
	json_decref(all);
	return EXIT_FINE;
}

static bool names(const json_t *list, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *state = text_of(item, "state");

		if (!strcmp(text_of(item, "name"), name) && (!state[0] || !strcmp(state, "open")))
			return true;
	}
	return false;
}

/* The one hub that knows the name; NULL: the error says why. */
static const char *hub_of_name(struct call *call, const json_t *all, const char *name)
{
	const char *found = NULL;
	const json_t *link;
	size_t i;

	json_array_foreach(all, i, link) {
		if (!names(json_object_get(link, "members"), name) &&
			!names(json_object_get(link, "invites"), name))
			continue;
		if (found) {
			error_set(&call->error, EINVAL,
				"'%s' is known to %s and %s; --hub says which", name, found,
				text_of(link, "hub"));
			return NULL;
		}
		found = text_of(link, "hub");
	}
	if (!found)
		error_set(&call->error, ENOENT, "nobody named '%s' is a member or invited", name);
	return found;
}

/* link revoke NAME */
static int remove_member(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *all;
	int err = gather_links(call, api, options->hub, &all);
	const char *hub;
	char *name;

	if (err)
		return call_exit(err);
	hub = hub_of_name(call, all, call->args[1]);
	name = api_escape(api, call->args[1]);
	if (hub)
		err = api_delete(api, &call->error, "/v1/hubs/%s/link/members/%s", hub, name);
	api_unescape(name);
	json_decref(all);
	return hub ? call_exit(err) : EXIT_FAILED;
}

/* For the camera of a phone, where qrencode(1) is there and somebody can look. */
static void print_code(const char *text)
{
	FILE *qrencode;

	fflush(stdout);
	if (!isatty(STDOUT_FILENO) || system("command -v qrencode >/dev/null 2>&1") != 0)
		return;
	qrencode = popen("qrencode -t ansiutf8", "w");
	if (!qrencode)
		return;
	fputs(text, qrencode);
	pclose(qrencode);
}

/* The one hub that listens; NULL: the error says why. */
static const char *only_hub(struct call *call, const json_t *all)
{
	if (json_array_size(all) == 1)
		return text_of(json_array_get(all, 0), "hub");
	error_set(&call->error, EINVAL, "%s",
		json_array_size(all) ? "more than one hub listens for links; --hub says which"
				     : "no hub listens for links; 'lanyard link listen' makes one");
	return NULL;
}

/* link wg-config NAME */
static int wg_config(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *all, *made = NULL, *body;
	int err = gather_links(call, api, options->hub, &all);
	const char *hub;

	if (err)
		return call_exit(err);
	hub = only_hub(call, all);
	if (!hub) {
		json_decref(all);
		return EXIT_BAD_INPUT;
	}
	body = json_pack("{s:s, s:s*, s:s*}", "name", call->args[1], "ip", options->ip, "address",
		options->address);
	err = api_post(api, body, -1, &made, &call->error, "/v1/hubs/%s/link/members", hub);
	if (!err && call->wants_json) {
		print_json(made);
	} else if (!err) {
		fputs(text_of(made, "config"), stdout);
		print_code(text_of(made, "config"));
	}
	json_decref(made);
	json_decref(all);
	return call_exit(err);
}

static const struct {
	const char *name;
	int words;
	int (*run)(struct call *call, struct api *api, const struct link_options *options);
} actions[] = {
	{"listen", 2, listen_on},
	{"invite", 2, invite},
	{"join", 2, join},
	{"list", 1, list},
	{"revoke", 2, remove_member},
	{"wg-config", 2, wg_config},
};

static int run_action(struct call *call, size_t i, const struct link_options *options)
{
	struct api *api;
	int code;

	if (call->arg_count != actions[i].words)
		return call_refuse(call, "too few or too many words");
	if (actions[i].run == invite && !options->name)
		return call_refuse(call, "--name is missing: who is invited?");
	if (actions[i].run == join && !options->hub)
		return call_refuse(call, "--hub is missing: which hub is to be joined to it?");
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
	};
	int code = options_read(call, options, ARRAY_SIZE(options), OPERANDS_ANYWHERE);

	if (code)
		return code;
	for (size_t i = 0; call->arg_count && i < ARRAY_SIZE(actions); i++) {
		if (!strcmp(call->args[0], actions[i].name))
			return run_action(call, i, &values);
	}
	return call_refuse(call,
		"%s%s%sone of listen, invite, join, list, revoke, wg-config is wanted",
		call->arg_count ? "'" : "", call->arg_count ? call->args[0] : "",
		call->arg_count ? "' is unknown: " : "");
}
