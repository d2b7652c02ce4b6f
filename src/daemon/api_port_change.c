/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PATCH of a port: what can change while it is there. */
#include "daemon/api_handlers.h"

#include "daemon/api_settings.h"
#include "daemon/kinds.h"

#include <errno.h>

static int read_settings(json_t *body, struct api_settings *settings, struct error *error)
{
	const char *key;
	json_t *value;
	int err = 0;

	json_object_foreach(body, key, value) {
		if (!err)
			err = api_settings_add(settings, key, value, error);
	}
	return err;
}

static int read_change(const struct world_port *port, json_t *body, struct port_config *ret_next,
	struct error *error)
{
	struct api_settings settings = {0};
	int err = 0;

	if (json_object_get(body, "mac") && !port->kind->fixes_mac)
		err = error_set(error, EINVAL,
			"mac: a %s port has it as long as it is there; plug another one",
			port_kind_name(port->config.kind));
	if (!err)
		err = read_settings(body, &settings, error);
	if (!err)
		err = config_change_port(&port->config, (const char *const *)settings.all,
			settings.count, ret_next, error);
	api_settings_done(&settings);
	return err;
}

static int change(struct world_port *port, json_t *body, struct error *error)
{
	struct port_config next;
	int err = read_change(port, body, &next, error);

	if (err)
		return err;
	if (!port_config_equal(&port->config, &next))
		return world_port_change(port, &next, error);
	port_config_done(&next);
	return 0;
}

void api_patch_port(struct api *api, struct request *request, struct reply *reply)
{
	struct world_port *port = api_find_port(api, request, reply);
	json_t *body = port ? api_body(request, reply) : NULL;
	struct error error = {0};
	int err;

	if (!body)
		return;
	err = change(port, body, &error);
	if (err)
		reply_error(reply, err, &error);
	else
		api_reply_port(reply, 200, port);
	json_decref(body);
}
