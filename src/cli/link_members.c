/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A relay's members: who may be one, who no more. */
#include "cli/link.h"

#include "cli/json_text.h"

#include <errno.h>
#include <string.h>

/* {hub: {...}} of all hubs that listen, or of one. */
int link_gather(struct call *call, struct api *api, const char *only, json_t **ret_all)
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

/* The one hub that listens; NULL: the error says why. */
const char *link_only_hub(struct call *call, const json_t *all)
{
	if (json_array_size(all) == 1)
		return text_of(json_array_get(all, 0), "hub");
	error_set(&call->error, EINVAL, "%s",
		json_array_size(all) ? "more than one hub listens for links; --hub says which"
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
