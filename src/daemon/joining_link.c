/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way to a relay as the hub's thread sees it. */
#include "daemon/joining_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void on_hub(struct joining *joining, void (*run)(void *argument))
{
	worker_call(joining->entrance->hub->worker, run, joining);
}

static void end_link(void *argument)
{
	struct joining *joining = argument;

	link_free(joining->link);
	joining->link = NULL;
}

static void make_link(void *argument)
{
	struct joining *joining = argument;
	bool is_member = joining->state == JOINING_MEMBER;
	const struct link_settings settings = {
		.udp = joining->udp,
		.private = is_member ? &joining->private : &joining->invite.enrolment,
		.on_news = link_mail_post,
		.owner = &joining->mail,
		.subnet = joining->entrance->hub->config.subnet,
	};

	joining->link = link_new(worker_loop(joining->entrance->hub->worker), &settings);
	joining->err = joining->link ? 0 : -errno;
	if (joining->link && !is_member)
		joining->err = link_caller_add(
			joining->link, &joining->invite.relay, &joining->relay);
}

static void ask(void *argument)
{
	struct joining *joining = argument;
	const struct control enrol = {.type = CONTROL_ENROL,
		.key = wg_key_public(&joining->private),
		.capabilities = CAN_PRESHARE};

	if (joining->link)
		link_say(joining->link, &joining->invite.relay, &enrol);
}

static void move_client(void *argument)
{
	struct joining *joining = argument;
	struct world_port *client = world_find_client(joining->entrance, joining->entrance->name);

	if (client)
		link_member_move(client->port, &joining->relay);
}

static void nudge_client(void *argument)
{
	struct joining *joining = argument;
	struct world_port *client = world_find_client(joining->entrance, joining->entrance->name);

	if (client)
		link_member_nudge(client->port);
}

struct port *joining_make_port(struct joining *joining, struct world_port *client)
{
	struct link_member_settings settings = {
		.key = joining->invite.relay,
		.preshared = joining->preshared,
		.mtu = client->config.mtu ? client->config.mtu : joining->mtu,
		.endpoint = joining->relay,
		.is_dialled = true,
		.is_meshed = joining->role == ROLE_RELAY,
		.forges_mtu = joining->entrance->config.link.forges_mtu,
	};
	struct port *port;

	snprintf(settings.name, sizeof(settings.name), "%s", client->config.name);
	if (joining->name[0]) /* as members know it */
		snprintf(client->hub->loop_guard.name, LOOP_NAME_SIZE, "%.19s", joining->name);
	port = link_member_new(joining->link, &settings);
	wg_key_wipe(&settings.preshared);
	return port;
}

/* Control */

int joining_open_link(struct joining *joining, struct error *error)
{
	static const struct endpoint anywhere;
	int err = udp_open(&joining->udp, &anywhere, error);

	if (err)
		return err;
	on_hub(joining, make_link);
	if (joining->err)
		return error_set(error, -joining->err, "%s", strerror(-joining->err));
	return 0;
}

void joining_end_link(struct joining *joining)
{
	on_hub(joining, end_link);
}

void joining_ask(struct joining *joining)
{
	on_hub(joining, ask);
}

void joining_move(struct joining *joining)
{
	on_hub(joining, move_client);
}

void joining_nudge(struct joining *joining)
{
	on_hub(joining, nudge_client);
}
