/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/place.h"

#include "cli/json_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool place_name_read(struct api *api, const char *text, struct place_name *ret)
{
	struct place_name place = {0};
	const char *dot = strchr(text, '.');
	char *hub = strndup(text, dot ? (size_t)(dot - text) : strlen(text));

	if (!hub)
		return false;
	place.hub = api_escape(api, hub);
	if (dot)
		place.port = api_escape(api, dot + 1);
	free(hub);
	if (!place.hub || (dot && !place.port)) {
		place_name_done(&place);
		return false;
	}
	*ret = place;
	return true;
}

#define ID_SIZE 64

static unsigned count_named(const json_t *hub, const char *list, const char *name, char id[ID_SIZE])
{
	unsigned found = 0;
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(hub, list), i, one) {
		if (strcmp(text_of(one, "name"), name) != 0)
			continue;
		snprintf(id, ID_SIZE, "%s", text_of(one, "id"));
		found++;
	}
	return found;
}

/* The id ("hub8.3") of the one port or entrance that has the name on any hub. */
static int find_by_name(struct call *call, struct api *api, const char *name, char id[ID_SIZE])
{
	json_t *reply, *hub;
	unsigned found = 0;
	size_t i;
	int err = api_get(api, &reply, &call->error, "/v1/hubs");

	if (err)
		return err;
	json_array_foreach(json_object_get(reply, "hubs"), i, hub)
		found += count_named(hub, "ports", name, id) +
			 count_named(hub, "entrances", name, id);
	json_decref(reply);
	if (!found)
		return error_set(&call->error, EINVAL,
			"%s: no port has the name '%s'; 'lanyard show' lists them", call->name,
			name);
	if (found > 1)
		return error_set(&call->error, EINVAL,
			"%s: %u ports have the name '%s'; say which, as %s", call->name, found,
			name, id);
	return 0;
}

int place_name_find(struct call *call, struct api *api, const char *text, struct place_name *ret)
{
	char id[ID_SIZE];
	int err;

	if (strchr(text, '.'))
		snprintf(id, sizeof(id), "%s", text);
	else if ((err = find_by_name(call, api, text, id)))
		return call_exit(err);
	if (place_name_read(api, id, ret))
		return EXIT_FINE;
	error_set(&call->error, ENOMEM, "out of memory");
	return EXIT_FAILED;
}

void place_name_done(struct place_name *place)
{
	api_unescape(place->hub);
	api_unescape(place->port);
}
