/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/place.h"

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

void place_name_done(struct place_name *place)
{
	api_unescape(place->hub);
	api_unescape(place->port);
}
