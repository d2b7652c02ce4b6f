/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/gather.h"

#include "cli/api.h"

#include <string.h>

static json_int_t total_of(const json_t *reply, const json_t *list)
{
	const json_t *total = json_object_get(reply, "total");

	return total ? json_integer_value(total) : (json_int_t)json_array_size(list);
}

static int add_from(const struct gather *question, const char *hub, struct api *api, json_t *all,
	struct error *error)
{
	json_t *reply, *list, *one, *sum = json_object_get(all, "total");
	char *name = api_escape(api, hub);
	int err = api_get(api, &reply, error, "/v1/hubs/%s/%s", name, question->what);
	size_t i;

	api_unescape(name);
	if (err)
		return err;
	list = json_object_get(reply, question->what);
	json_integer_set(sum, json_integer_value(sum) + total_of(reply, list));
	json_array_foreach(list, i, one) {
		json_object_set_new(one, "hub", json_string(hub));
		json_array_append(json_object_get(all, question->what), one);
	}
	json_decref(reply);
	return 0;
}

static bool has_kind(const json_t *hub, const char *kind)
{
	const json_t *port;
	size_t i;

	if (!kind)
		return true;
	json_array_foreach(json_object_get(hub, "ports"), i, port)
		if (!strcmp(json_string_value(json_object_get(port, "kind")) ?: "", kind))
			return true;
	return false;
}

static int add_from_all(
	const struct gather *question, struct api *api, json_t *all, struct error *error)
{
	json_t *reply, *hub;
	int err = api_get(api, &reply, error, "/v1/hubs");
	size_t i;

	if (err)
		return err;
	json_array_foreach(json_object_get(reply, "hubs"), i, hub) {
		const char *name = json_string_value(json_object_get(hub, "name"));

		if (!err && name && has_kind(hub, question->kind))
			err = add_from(question, name, api, all, error);
	}
	json_decref(reply);
	return err;
}

int gather(struct call *call, const struct gather *question, json_t **ret_list)
{
	struct api *api;
	json_t *all;
	int err = call_open_api(call, &api);

	if (err)
		return err;
	all = json_pack("{s:[], s:i}", question->what, "total", 0);
	if (question->hub)
		err = add_from(question, question->hub, api, all, &call->error);
	else
		err = add_from_all(question, api, all, &call->error);
	api_close(api);
	if (err)
		json_decref(all);
	else
		*ret_list = all;
	return call_exit(err);
}
