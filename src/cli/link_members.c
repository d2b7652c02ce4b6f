/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A relay's members: who may be one, who no more. */
#include "cli/link.h"

#include "cli/json_text.h"

#include <errno.h>
#include <string.h>

/* The ways of a hub to others' relays: entrances, each with its port where it has one. */
static json_t *joined_of(const json_t *hub)
{
	json_t *joined = json_array(), *entrance, *port;
	size_t i, j;

	json_array_foreach(json_object_get(hub, "entrances"), i, entrance) {
		if (!json_object_get(json_object_get(entrance, "details"), "relay"))
			continue;
		json_array_foreach(json_object_get(hub, "ports"), j, port) {
			if (!strcmp(text_of(port, "entrance"), text_of(entrance, "name")))
				json_object_set(entrance, "port", port);
		}
		json_array_append(joined, entrance);
	}
	return joined;
}

/* {hub, members, invites, joined} of each hub that has any of them. */
int link_gather(struct call *call, struct api *api, const char *only, json_t **ret_all)
{
	json_t *hubs, *hub, *link, *joined;
	struct error none = {0};
	int err = api_get(api, &hubs, &call->error, "/v1/hubs");
	size_t i;

	if (err)
		return err;
	*ret_all = json_array();
	json_array_foreach(json_object_get(hubs, "hubs"), i, hub) {
		const char *name = text_of(hub, "name");

		if (only && strcmp(only, name) != 0)
			continue;
		joined = joined_of(hub);
		if (api_get(api, &link, &none, "/v1/hubs/%s/link", name))
			link = json_array_size(joined)
				       ? json_pack("{s:[], s:[]}", "members", "invites")
				       : NULL;
		json_object_set_new(link, "hub", json_string(name));
		json_object_set_new(link, "joined", joined);
		if (link)
			json_array_append_new(*ret_all, link);
	}
	json_decref(hubs);
	return 0;
}

const char *link_only_hub(struct call *call, const json_t *all)
{
	const json_t *link, *found = NULL;
	unsigned count = 0;
	size_t i;

	json_array_foreach(all, i, link) {
		if (!json_object_get(link, "key"))
			continue;
		found = link;
		count++;
	}
	if (count == 1)
		return text_of(found, "hub");
	error_set(&call->error, EINVAL, "%s",
		count ? "more than one hub listens for links; --hub says which"
		      : "no hub listens for links; 'lanyard link listen' makes one");
	return NULL;
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
static const char *link_hub_of(struct call *call, const json_t *all, const char *name)
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

/* Of the one that the call names. */
static int decide(struct call *call, struct api *api, const struct link_options *options,
	int (*decide_on)(struct call *call, struct api *api, const char *hub, const char *name))
{
	json_t *all;
	int err = link_gather(call, api, options->hub, &all);
	const char *hub;
	char *name;

	if (err)
		return call_exit(err);
	hub = link_hub_of(call, all, call->args[1]);
	name = api_escape(api, call->args[1]);
	if (hub)
		err = decide_on(call, api, hub, name);
	api_unescape(name);
	json_decref(all);
	return hub ? call_exit(err) : EXIT_FAILED;
}

static int revoke(struct call *call, struct api *api, const char *hub, const char *name)
{
	return api_delete(api, &call->error, "/v1/hubs/%s/link/members/%s", hub, name);
}

/* link revoke NAME */
int link_revoke(struct call *call, struct api *api, const struct link_options *options)
{
	return decide(call, api, options, revoke);
}

static int approve(struct call *call, struct api *api, const char *hub, const char *name)
{
	json_t *none = NULL;
	int err = api_post(api, json_object(), -1, &none, &call->error,
		"/v1/hubs/%s/link/members/%s/approval", hub, name);

	json_decref(none);
	return err;
}

/* link approve NAME */
int link_approve(struct call *call, struct api *api, const struct link_options *options)
{
	return decide(call, api, options, approve);
}
