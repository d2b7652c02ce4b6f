/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/joining.h"

#include "base/log.h"
#include "daemon/link_key.h"
#include "daemon/link_mail.h"
#include "daemon/resolver.h"
#include "daemon/state_file.h"
#include "io/address_watch.h"
#include "io/secret_file.h"
#include "port/link/invite.h"
#include "wg/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN    (1 * NSEC_PER_SEC)
#define LOOKUP_AGAIN (5 * NSEC_PER_SEC)
#define SETTLING     (200 * NSEC_PER_MSEC) /* an address comes with routes, one after the other */
#define PATIENCE     5 /* unanswered questions after which it is said what may be wrong */

struct joining {
	struct world_port *entrance;
	enum joining_state state;
	struct invite invite;
	struct wg_key private;
	struct udp udp;
	char path[400]; /* of what we were told when we were accepted */
	struct link_mail mail;
	struct resolver *resolver;
	struct timer timer, nudge;
	struct address_watch addresses;
	struct endpoint relay;
	unsigned asked; /* without an answer */
	bool is_up;
	/* What the relay said. */
	char name[CONTROL_NAME_SIZE], segment[CONTROL_NAME_SIZE];
	enum link_role role;
	uint32_t mtu;
	char why[sizeof(struct error)], notice[CONTROL_TEXT_SIZE];
	/* The hub's thread's: at first in the invitation's name, then in ours. */
	struct link *link;
	int err;
};

static struct world *world_of(const struct joining *joining)
{
	return joining->entrance->hub->world;
}

static void on_hub(struct joining *joining, void (*run)(void *argument))
{
	worker_call(joining->entrance->hub->worker, run, joining);
}

static void again(struct joining *joining, nsec after)
{
	timer_set(world_of(joining)->loop, &joining->timer,
		loop_now(world_of(joining)->loop) + after);
}

static void tell(const struct joining *joining, const char *event, const char *why)
{
	events_tell(world_of(joining)->events, event, joining->entrance->hub->config.name,
		"{s:s, s:s, s:s*}", "name", joining->entrance->name, "relay", joining->invite.host,
		"why", why);
	log_info("%s: link to %s: %s%s%s", joining->entrance->hub->config.name,
		joining->invite.host, event, why ? ": " : "", why ? why : "");
}

/* The hub's thread */

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
	const struct control enrol = {
		.type = CONTROL_ENROL, .key = wg_key_public(&joining->private)};

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
		.mtu = client->config.mtu ? client->config.mtu : joining->mtu,
		.endpoint = joining->relay,
		.is_dialled = true,
	};

	snprintf(settings.name, sizeof(settings.name), "%s", client->config.name);
	return link_member_new(joining->link, &settings);
}

/* Control */

static int open_link(struct joining *joining, struct error *error)
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

static void fail(struct joining *joining, const char *why)
{
	if (strcmp(joining->why, why) != 0)
		tell(joining, "link-trouble", why);
	snprintf(joining->why, sizeof(joining->why), "%s", why);
}

static void be_member(struct joining *joining)
{
	struct world_port *entrance = joining->entrance, *client;
	struct port_config config;
	struct error error = {0};
	int err;

	joining->state = JOINING_MEMBER;
	joining->why[0] = '\0';
	on_hub(joining, end_link);
	err = open_link(joining, &error);
	if (!err)
		err = port_config_copy(&entrance->config, &config);
	if (!err) {
		snprintf(config.name, sizeof(config.name), "%s", entrance->name);
		err = world_member_plug(entrance, &config, joining, &client, &error);
		port_config_done(&config);
	}
	if (err)
		fail(joining, error.text);
	again(joining, LOOKUP_AGAIN);
}

static void enrol(struct joining *joining)
{
	struct error error = {0};

	if (!joining->link && open_link(joining, &error)) {
		fail(joining, error.text);
		again(joining, LOOKUP_AGAIN);
		return;
	}
	on_hub(joining, ask);
	if (++joining->asked == PATIENCE)
		fail(joining,
			"no answer: is the relay running, is UDP let through to it, is it the one "
			"that invited?");
	again(joining, ASK_AGAIN);
}

static void on_resolved(void *owner, const struct endpoint *answer, const char *why)
{
	struct joining *joining = owner;
	char text[CONTROL_TEXT_SIZE];
	bool is_new = answer && !endpoint_equal(answer, &joining->relay);

	resolver_stop(joining->resolver);
	joining->resolver = NULL;
	if (!answer) {
		snprintf(text, sizeof(text), "%s: %s", joining->invite.host, why);
		fail(joining, text);
		again(joining, LOOKUP_AGAIN);
		return;
	}
	joining->relay = *answer;
	if (joining->state == JOINING_MEMBER &&
		!world_find_client(joining->entrance, joining->entrance->name)) {
		be_member(joining);
	} else if (joining->state == JOINING_MEMBER) {
		if (is_new)
			on_hub(joining, move_client);
		again(joining, LOOKUP_AGAIN);
	} else {
		joining->state = JOINING_ENROL;
		if (is_new && joining->link)
			on_hub(joining, end_link);
		enrol(joining);
	}
}

static void look_up(struct joining *joining)
{
	if (joining->resolver)
		return;
	joining->resolver = resolver_start(world_of(joining)->loop, joining->invite.host,
		joining->invite.port, on_resolved, joining);
	if (!joining->resolver)
		again(joining, LOOKUP_AGAIN);
}

/* A relay that is not heard of may be elsewhere by now. */
static void on_timer(struct timer *timer, nsec)
{
	struct joining *joining = CONTAINER_OF(timer, struct joining, timer);

	if (joining->state == JOINING_ENROL && joining->asked % PATIENCE)
		enrol(joining);
	else if (joining->state == JOINING_ENROL)
		joining->asked++, look_up(joining);
	else if (joining->state != JOINING_REFUSED && !joining->is_up)
		look_up(joining);
}

/* We are elsewhere: the relay learns it from whatever we say, and says nothing to us before. */
static void on_addresses(struct address_watch *addresses)
{
	struct joining *joining = CONTAINER_OF(addresses, struct joining, addresses);
	struct loop *loop = world_of(joining)->loop;

	if (joining->state == JOINING_MEMBER)
		timer_set(loop, &joining->nudge, loop_now(loop) + SETTLING);
}

static void on_nudge(struct timer *timer, nsec)
{
	on_hub(CONTAINER_OF(timer, struct joining, nudge), nudge_client);
}

/* What the relay said is kept: the invitation is good once. */
static int keep(const struct joining *joining, struct error *error)
{
	json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:I}", "version", 1, "name", joining->name,
		"segment", joining->segment, "role", link_role_name(joining->role), "mtu",
		(json_int_t)joining->mtu);
	char *text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
	int err = text ? secret_file_write(joining->path, text, strlen(text), error)
		       : error_set(error, ENOMEM, "out of memory");

	free(text);
	json_decref(object);
	return err;
}

static void take_told(struct joining *joining, const char *name, const char *segment,
	enum link_role role, uint32_t mtu)
{
	snprintf(joining->name, sizeof(joining->name), "%s", name);
	snprintf(joining->segment, sizeof(joining->segment), "%s", segment);
	joining->role = role;
	joining->mtu = mtu >= 576 && mtu <= 9000 ? mtu : LINK_MTU_STANDARD;
}

static void on_accepted(struct joining *joining, const struct control *told)
{
	struct error error = {0};

	take_told(joining, told->name, told->segment, told->role, told->mtu);
	if (keep(joining, &error)) {
		fail(joining, error.text); /* it is asked again, and the relay says it again */
		return;
	}
	tell(joining, "link-joined", NULL);
	be_member(joining);
}

static void on_refused(struct joining *joining, const char *why)
{
	struct world_port *client = world_find_client(joining->entrance, joining->entrance->name);

	joining->state = JOINING_REFUSED;
	joining->is_up = false;
	timer_cancel(world_of(joining)->loop, &joining->timer);
	snprintf(joining->why, sizeof(joining->why), "%s", why);
	tell(joining, "link-refused", why);
	if (client) {
		world_port_tell(client, "port-down", why);
		world_port_free(client);
	}
	on_hub(joining, end_link);
}

static void on_news(struct link_mail *mail, const struct link_news *news)
{
	struct joining *joining = CONTAINER_OF(mail, struct joining, mail);

	if (joining->state == JOINING_REFUSED || !wg_key_equal(&news->key, &joining->invite.relay))
		return;
	switch (news->event) {
	case LINK_UP:
	case LINK_DOWN:
		joining->is_up = news->event == LINK_UP;
		joining->why[0] = '\0';
		tell(joining, joining->is_up ? "link-up" : "link-down", NULL);
		if (!joining->is_up)
			again(joining, ASK_AGAIN);
		return;
	case LINK_REFUSED:
		on_refused(joining, news->control->text);
		return;
	case LINK_NOTICED:
		snprintf(joining->notice, sizeof(joining->notice), "%s", news->control->text);
		tell(joining, "link-notice", joining->notice);
		return;
	case LINK_ASKED:
		if (joining->state != JOINING_ENROL)
			return;
		if (news->control->type == CONTROL_ACCEPTED)
			on_accepted(joining, news->control);
		else if (news->control->type == CONTROL_REFUSED)
			on_refused(joining, news->control->text);
		return;
	case LINK_MOVED:
	case LINK_STRANGERS:
	case LINK_SUBNETS:
	case LINK_MAC_BOUND:
		return;
	}
}

/* Files are named by a digest: the invitation itself is a secret. */
static void name_files(struct joining *joining, char key_path[400])
{
	struct digest digest = blake2s(
		&joining->invite.relay, WG_KEY_LEN, &joining->invite.enrolment, WG_KEY_LEN);
	char text[17];

	for (unsigned i = 0; i < 8; i++)
		snprintf(text + 2 * i, 3, "%02x", digest.bytes[i]);
	snprintf(key_path, 400, "%s/link/%s.key", world_of(joining)->state_dir, text);
	snprintf(joining->path, sizeof(joining->path), "%s/link/%s.json",
		world_of(joining)->state_dir, text);
}

static int read_told(struct joining *joining, struct error *error)
{
	const char *name = NULL, *segment = NULL, *role = NULL;
	enum link_role parsed;
	json_t *object;
	json_int_t mtu;
	char *text;
	size_t len;
	int err = state_file_read(joining->path, &text, &len, error);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	object = json_loadb(text, len, 0, NULL);
	free(text);
	if (!object ||
		json_unpack(object, "{s:s, s:s, s:s, s:I}", "name", &name, "segment", &segment,
			"role", &role, "mtu", &mtu) ||
		!link_role_parse(role, &parsed)) {
		json_decref(object);
		return error_set(error, EINVAL, "%s: cannot be read", joining->path);
	}
	take_told(joining, name, segment, parsed, (uint32_t)mtu);
	joining->state = JOINING_MEMBER;
	json_decref(object);
	return 0;
}

static int open_files(struct joining *joining, struct error *error)
{
	char path[400];
	int err;

	snprintf(path, sizeof(path), "%s/link", world_of(joining)->state_dir);
	err = state_folder_make(path, error);
	name_files(joining, path);
	if (!err)
		err = link_key_open(path, &joining->private, error);
	return err ?: read_told(joining, error);
}

int joining_open(struct world_port *entrance, struct joining **ret_joining, struct error *error)
{
	struct joining *joining = calloc(1, sizeof(*joining));
	int err;

	if (!joining)
		return error_set(error, ENOMEM, "out of memory");
	joining->entrance = entrance;
	joining->udp.fd = -1;
	joining->timer.on_expire = on_timer;
	joining->nudge.on_expire = on_nudge;
	link_mail_init(&joining->mail, world_of(joining)->loop, on_news);
	err = invite_parse(entrance->config.link.invite, &joining->invite, error);
	if (!err)
		err = open_files(joining, error);
	if (!err)
		err = address_watch_open(
			&joining->addresses, world_of(joining)->loop, on_addresses);
	if (err && !error->text[0])
		error_set(error, -err, "changes of addresses: %s", strerror(-err));
	if (err)
		joining_close(joining);
	else
		*ret_joining = joining;
	return err;
}

void joining_begin(struct joining *joining)
{
	look_up(joining);
}

void joining_close(struct joining *joining)
{
	if (!joining)
		return;
	on_hub(joining, end_link);
	link_mail_done(&joining->mail);
	resolver_stop(joining->resolver);
	timer_cancel(world_of(joining)->loop, &joining->timer);
	timer_cancel(world_of(joining)->loop, &joining->nudge);
	address_watch_close(&joining->addresses);
	wg_key_wipe(&joining->private);
	wg_key_wipe(&joining->invite.enrolment);
	free(joining);
}

void joining_describe(const struct joining *joining, json_t *details)
{
	static const char *const states[] = {"looking up", "enrolling", "joined", "refused"};
	char place[INVITE_HOST_SIZE + 8];

	snprintf(place, sizeof(place), "%s:%u", joining->invite.host, joining->invite.port);
	json_object_set_new(details, "relay", json_string(place));
	json_object_set_new(details, "state", json_string(states[joining->state]));
	if (joining->why[0])
		json_object_set_new(details, "why", json_string(joining->why));
	if (joining->notice[0])
		json_object_set_new(details, "notice", json_string(joining->notice));
	if (joining->state != JOINING_MEMBER)
		return;
	json_object_set_new(details, "member", json_string(joining->name));
	json_object_set_new(details, "segment", json_string(joining->segment));
	json_object_set_new(details, "up", json_boolean(joining->is_up));
	json_object_set_new(details, "role", json_string(link_role_name(joining->role)));
}
