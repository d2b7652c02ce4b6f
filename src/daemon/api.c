/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api.h"

#include "daemon/api_handlers.h"
#include "daemon/door.h"
#include "daemon/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct route routes[] = {
	{"GET", "/v1/hubs", api_get_hubs},
	{"GET", "/v1/hubs/{hub}", api_get_hub},
	{"GET", "/v1/hubs/{hub}/ports", api_get_ports},
	{"POST", "/v1/hubs/{hub}/ports", api_post_port},
	{"GET", "/v1/hubs/{hub}/ports/{port}", api_get_port},
	{"PATCH", "/v1/hubs/{hub}/ports/{port}", api_patch_port},
	{"DELETE", "/v1/hubs/{hub}/ports/{port}", api_delete_port},
	{"GET", "/v1/hubs/{hub}/addresses", api_get_addresses},
	{"GET", "/v1/hubs/{hub}/capture", api_get_capture},
	{"GET", "/v1/hubs/{hub}/leases", api_get_leases},
	{"GET", "/v1/hubs/{hub}/flows", api_get_flows},
	{"GET", "/v1/hubs/{hub}/forwards", api_get_forwards},
	{"POST", "/v1/hubs/{hub}/forwards", api_post_forward},
	{"DELETE", "/v1/hubs/{hub}/forwards", api_delete_forward},
	{"GET", "/v1/hubs/{hub}/link", api_get_link},
	{"POST", "/v1/hubs/{hub}/link/invites", api_post_invite},
	{"POST", "/v1/hubs/{hub}/link/members", api_post_member},
	{"DELETE", "/v1/hubs/{hub}/link/members/{member}", api_delete_member},
	{"POST", "/v1/hubs/{hub}/link/members/{member}/approval", api_post_approval},
	{"GET", "/v1/config", api_get_config},
	{"PUT", "/v1/config", api_put_config},
	{"POST", "/v1/config/check", api_check_config},
	{"GET", "/v1/events", api_get_events},
	{"GET", "/v1/vmnet", api_get_vmnet},
	{"GET", "/v1/vmnet/{file}", api_get_vmnet_file},
	{"GET", "/metrics", api_get_metrics},
	{"GET", "/v1/version", api_get_version},
	{"GET", "/v1/openapi.json", api_get_openapi},
};

struct api {
	struct world *world;
	struct http *http;
	struct door *door;
	struct door_guest guest;
};

struct world *api_world(const struct api *api)
{
	return api->world;
}

const struct route *api_routes(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(routes);
	return routes;
}

struct world_hub *api_find_hub(struct api *api, const struct request *request, struct reply *reply)
{
	const char *name = request->parts.text[0];
	struct world_hub *hub = world_find_hub(api->world, name);

	if (!hub)
		reply_problem(reply, 404, "there is no hub '%s'", name);
	return hub;
}

struct world_port *api_find_port(
	struct api *api, const struct request *request, struct reply *reply)
{
	struct world_hub *hub = api_find_hub(api, request, reply);
	const char *name = request->parts.text[1];
	struct world_port *port = hub ? world_find_port(hub, name) : NULL;

	if (hub && !port)
		reply_problem(reply, 404, "%s has no port '%s'", hub->config.name, name);
	return port;
}

struct world_port *api_find_kind(
	struct api *api, const struct request *request, enum port_kind kind, struct reply *reply)
{
	struct world_hub *hub = api_find_hub(api, request, reply);
	struct world_port *port = hub ? world_find_kind(hub, kind) : NULL;

	if (hub && !port)
		reply_problem(
			reply, 404, "%s has no %s port", hub->config.name, port_kind_name(kind));
	return port;
}

json_t *api_body(const struct request *request, struct reply *reply)
{
	json_error_t where;
	json_t *body = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &where);

	if (!body)
		reply_problem(
			reply, 400, "(request):%d:%d: %s", where.line, where.column, where.text);
	else if (!json_is_object(body))
		reply_problem(reply, 400, "(request): a JSON object is wanted");
	if (json_is_object(body))
		return body;
	json_decref(body);
	return NULL;
}

static void serve(void *context, struct request *request, struct reply *reply)
{
	const struct route *route = route_find(routes, ARRAY_SIZE(routes), request->method,
		request->path, &request->parts, reply->allowed);

	if (route)
		route->handle(context, request, reply);
	else if (reply->allowed[0])
		reply_problem(reply, 405, "%s %s: this path takes %s", request->method,
			request->path, reply->allowed);
	else
		reply_problem(reply, 404, "%s: there is nothing here; see /v1/openapi.json",
			request->path);
}

static void on_guest(struct door_guest *guest, int fd, const int *fds, unsigned fd_count)
{
	http_accept(CONTAINER_OF(guest, struct api, guest)->http, fd, fds, fd_count);
}

int api_open(struct world *world, const char *path, struct api **ret_api, struct error *error)
{
	struct api *api = calloc(1, sizeof(*api));
	int err;

	if (!api)
		return error_set(error, ENOMEM, "out of memory");
	api->world = world;
	api->guest.on_guest = on_guest;
	api->http = http_new(world->loop, serve, api);
	err = api->http ? door_open(world->loop, path, &api->guest, &api->door, error)
			: error_set(error, errno, "the HTTP server: %m");
	if (err)
		api_close(api);
	else
		*ret_api = api;
	return err;
}

void api_close(struct api *api)
{
	if (!api)
		return;
	door_close(api->door);
	http_free(api->http);
	free(api);
}
