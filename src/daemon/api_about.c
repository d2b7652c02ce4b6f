/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/openapi.h"

#include <string.h>
#include <unistd.h>

void api_get_events(struct api *api, struct request *request, struct reply *reply)
{
	const char *hub = request->query(request, "hub");

	if (hub && !world_find_hub(api_world(api), hub)) {
		reply_problem(reply, 404, "there is no hub '%s'", hub);
		return;
	}
	reply->stream = events_listen(api_world(api)->events, hub);
	if (!reply->stream) {
		reply_problem(reply, 503, "%d clients listen already", EVENTS_LISTENERS);
		return;
	}
	reply->status = 200;
	reply->type = "text/event-stream";
}

void api_get_version(struct api *, struct request *, struct reply *reply)
{
	reply_json(reply, 200,
		json_pack("{s:s, s:s, s:s, s:i}", "name", "lanyard", "version", LANYARD_VERSION,
			"api", "v1", "pid", (int)getpid()));
}

void api_get_openapi(struct api *, struct request *, struct reply *reply)
{
	reply_text(reply, "application/json", strdup(openapi_text()));
}
