/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/capture_stream.h"

void api_get_capture(struct api *api, struct request *request, struct reply *reply)
{
	struct world_hub *hub = api_find_hub(api, request, reply);
	const char *name = request->query(request, "port");
	struct world_port *port = hub && name ? world_find_port(hub, name) : NULL;
	struct error error = {0};
	char id[PORT_ID_SIZE];
	int err;

	if (!hub)
		return;
	if (name && !port) {
		reply_problem(reply, 404, "%s has no port '%s'", hub->config.name, name);
		return;
	}
	if (port && port->is_entrance) {
		reply_problem(reply, 409, "%s is an entrance and has no frames; its clients have",
			world_port_id(port, id));
		return;
	}
	err = capture_stream_start(
		hub, port, request->query(request, "filter"), &reply->stream, &error);
	if (err) {
		reply_error(reply, err, &error);
		return;
	}
	reply->status = 200;
	reply->type = "application/x-pcapng";
}
