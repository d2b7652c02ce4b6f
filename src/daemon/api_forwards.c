/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The three words of forward_format(). */
static json_t *forward_json(const struct forward_config *forward)
{
	char text[160], words[160], *rest = words;
	const char *protocol, *outside, *guest;

	strcpy(words, forward_format(forward, text));
	protocol = strsep(&rest, " ");
	outside = strsep(&rest, " ");
	guest = strsep(&rest, " ");
	return json_pack("{s:s, s:s, s:s, s:i, s:s}", "protocol", protocol, "outside", outside,
		"guest", guest, "count", (int)forward->count, "text", text);
}

void api_get_forwards(struct api *api, struct request *request, struct reply *reply)
{
	struct world_port *port = api_find_kind(api, request, PORT_KIND_NAT, reply);
	json_t *forwards;

	if (!port)
		return;
	forwards = json_array();
	for (size_t i = 0; i < port->config.nat.forward_count; i++)
		json_array_append_new(forwards, forward_json(&port->config.nat.forwards[i]));
	reply_json(reply, 200, json_pack("{s:o}", "forwards", forwards));
}

/* next: taken, also on failure. */
static int change(struct world_port *port, struct port_config *next, struct error *error)
{
	int err = port->kind->open_change(port, next, error);

	if (err)
		port_config_done(next);
	else
		err = world_port_change(port, next, error);
	world_sweep_listeners(port->hub->world);
	return err;
}

static int append(struct port_config *port, const struct forward_config *forward)
{
	struct nat_config *nat = &port->nat;
	struct forward_config *forwards = reallocarray(
		nat->forwards, nat->forward_count + 1, sizeof(*forwards));

	if (!forwards)
		return -ENOMEM;
	nat->forwards = forwards;
	forwards[nat->forward_count++] = *forward;
	return 0;
}

/* Everything that runs, as it would be with the port changed so. */
static int check_together(const struct world_port *port, const struct port_config *next,
	const struct forward_config *forward, struct error *error)
{
	struct config *config = world_config_for_file(port->hub->world);
	struct hub_config *hub = config ? config_find_hub(config, port->hub->config.name) : NULL;
	struct error inner = {};
	const char *said;
	char text[160];
	int err = hub ? 0 : -ENOMEM;

	for (size_t i = 0; hub && i < hub->port_count; i++) {
		struct port_config before = hub->ports[i];

		if (before.kind != PORT_KIND_NAT)
			continue;
		hub->ports[i] = *next;
		err = config_check(config, &inner);
		hub->ports[i] = before;
	}
	config_free(config);
	if (!err)
		return 0;
	said = strstr(inner.text, ": "); /* behind the place in a file that there is not */
	return error_set(error, -err, "forward %s: %s", forward_format(forward, text),
		said ? said + 2 : strerror(-err));
}

static int add_forward(
	struct world_port *port, const struct forward_config *forward, struct error *error)
{
	struct port_config next;
	int err = port_config_copy(&port->config, &next);

	if (err)
		return error_set(error, ENOMEM, "out of memory");
	err = append(&next, forward);
	if (!err)
		err = check_together(port, &next, forward, error);
	if (!err)
		return change(port, &next, error);
	port_config_done(&next);
	return error_set(error, -err, "out of memory");
}

static const char *only_key(const json_t *body, const char *wanted, struct error *error)
{
	const char *value = json_string_value(json_object_get(body, wanted));

	if (value && json_object_size(body) == 1)
		return value;
	error_set(error, EINVAL, "(request): {\"%s\": \"tcp HOST:PORT GUEST:PORT\"} is wanted",
		wanted);
	return NULL;
}

void api_post_forward(struct api *api, struct request *request, struct reply *reply)
{
	struct world_port *port = api_find_kind(api, request, PORT_KIND_NAT, reply);
	json_t *body = port ? api_body(request, reply) : NULL;
	struct forward_config forward;
	struct error error = {0};
	const char *text;
	int err = -EINVAL;

	if (!body)
		return;
	text = only_key(body, "forward", &error);
	if (text)
		err = config_read_forward(text, &forward, &error);
	if (!err)
		err = add_forward(port, &forward, &error);
	if (err)
		reply_error(reply, err, &error);
	else
		reply_json(reply, 201, forward_json(&forward));
	json_decref(body);
}

/* outside: as it was written, or the address and first port of a range. */
static bool is_meant(
	const struct forward_config *forward, const char *protocol, const char *outside)
{
	json_t *value = forward_json(forward);
	struct endpoint endpoint;
	bool is_same = false;

	if (value && !strcmp(protocol, json_string_value(json_object_get(value, "protocol"))))
		is_same = !strcmp(outside, json_string_value(json_object_get(value, "outside"))) ||
			  (endpoint_parse(outside, &endpoint) &&
				  endpoint_equal(&endpoint, &forward->outside));
	json_decref(value);
	return is_same;
}

static void drop(struct port_config *port, size_t index)
{
	struct nat_config *nat = &port->nat;

	memmove(&nat->forwards[index], &nat->forwards[index + 1],
		(nat->forward_count - index - 1) * sizeof(*nat->forwards));
	if (--nat->forward_count)
		return;
	free(nat->forwards); /* an empty list has no memory */
	nat->forwards = NULL;
}

static int remove_forward(
	struct world_port *port, const char *protocol, const char *outside, struct error *error)
{
	const struct nat_config *nat = &port->config.nat;
	struct port_config next;
	size_t i = 0;

	while (i < nat->forward_count && !is_meant(&nat->forwards[i], protocol, outside))
		i++;
	if (i == nat->forward_count)
		return error_set(error, ENOENT, "%s has no forward %s %s", port->hub->config.name,
			protocol, outside);
	if (port_config_copy(&port->config, &next))
		return error_set(error, ENOMEM, "out of memory");
	drop(&next, i);
	return change(port, &next, error);
}

void api_delete_forward(struct api *api, struct request *request, struct reply *reply)
{
	struct world_port *port = api_find_kind(api, request, PORT_KIND_NAT, reply);
	const char *protocol = request->query(request, "protocol");
	const char *outside = request->query(request, "outside");
	struct error error = {0};

	if (!port)
		return;
	if (!protocol || !outside) {
		reply_problem(reply, 400, "?protocol=tcp&outside=HOST:PORT is wanted");
		return;
	}
	reply_outcome(reply, remove_forward(port, protocol, outside, &error), &error);
}
