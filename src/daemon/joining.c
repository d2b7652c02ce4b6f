/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/joining_state.h"

#include "base/log.h"
#include "daemon/kind_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN    (1 * NSEC_PER_SEC)
#define LOOKUP_AGAIN (5 * NSEC_PER_SEC)
#define SETTLING     (200 * NSEC_PER_MSEC) /* an address comes with routes, one after the other */
#define WAIT_AGAIN   (5 * NSEC_PER_SEC)
#define PATIENCE     5 /* unanswered questions after which it is said what may be wrong */

static void again(struct joining *joining, nsec after)
{
	timer_set(joining_world(joining)->loop, &joining->timer,
		loop_now(joining_world(joining)->loop) + after);
}

static void tell(const struct joining *joining, const char *event, const char *why)
{
	events_tell(joining_world(joining)->events, event, joining->entrance->hub->config.name,
		"{s:s, s:s, s:s*}", "name", joining->entrance->name, "relay", joining->invite.host,
		"why", why);
	log_info("%s: link to %s: %s%s%s", joining->entrance->hub->config.name,
		joining->invite.host, event, why ? ": " : "", why ? why : "");
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
	joining_end_link(joining);
	err = joining_open_link(joining, &error);
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

	if (!joining->link && joining_open_link(joining, &error)) {
		fail(joining, error.text);
		again(joining, LOOKUP_AGAIN);
		return;
	}
	joining_ask(joining);
	if (++joining->asked == PATIENCE)
		fail(joining,
			"no answer: is the relay running, is UDP let through to it, is it the one "
			"that invited?");
	again(joining, joining->state == JOINING_WAITS ? WAIT_AGAIN : ASK_AGAIN);
}

static void on_resolved(void *owner, const struct endpoint *answer, const char *why)
{
	struct joining *joining = owner;
	char text[CONTROL_TEXT_SIZE];
	bool is_new = answer && !endpoint_equal(answer, &joining->relay);

	resolver_stop(joining->resolver);
	joining->resolver = NULL;
	if (!answer && joining->is_up)
		return; /* while the relay is silent it is asked again, and told of when that is
			   sure */
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
		joining_move(joining); /* also back to where it was when it moved by itself */
		again(joining, LOOKUP_AGAIN);
	} else {
		if (joining->state == JOINING_LOOKUP)
			joining->state = JOINING_ENROL;
		if (is_new && joining->link)
			joining_end_link(joining);
		enrol(joining);
	}
}

static void look_up(struct joining *joining)
{
	if (joining->resolver)
		return;
	joining->resolver = resolver_start(joining_world(joining)->loop, joining->invite.host,
		joining->invite.port, on_resolved, joining);
	if (!joining->resolver)
		again(joining, LOOKUP_AGAIN);
}

/* A relay that is not heard of may be elsewhere by now. */
static void on_timer(struct timer *timer, nsec)
{
	struct joining *joining = CONTAINER_OF(timer, struct joining, timer);

	const bool is_asking = joining->state == JOINING_ENROL || joining->state == JOINING_WAITS;

	if (is_asking && joining->asked % PATIENCE)
		enrol(joining);
	else if (is_asking)
		joining->asked++, look_up(joining);
	else if (joining->state != JOINING_REFUSED && !joining->is_up)
		look_up(joining);
}

/* We are elsewhere: the relay learns it from whatever we say, and says nothing to us before. */
static void on_addresses(struct address_watch *addresses)
{
	struct joining *joining = CONTAINER_OF(addresses, struct joining, addresses);
	struct loop *loop = joining_world(joining)->loop;

	if (joining->state == JOINING_MEMBER)
		timer_set(loop, &joining->nudge, loop_now(loop) + SETTLING);
}

static void on_nudge(struct timer *timer, nsec)
{
	joining_nudge(CONTAINER_OF(timer, struct joining, nudge));
}

static void on_accepted(struct joining *joining, const struct control *told)
{
	struct error error = {0};

	joining_take_told(joining, told);
	kind_link_settle(joining->entrance, false);
	if (joining_keep(joining, &error)) {
		fail(joining, error.text); /* it is asked again, and the relay says it again */
		return;
	}
	tell(joining, "link-joined", NULL);
	be_member(joining);
}

/* Said again each time that we ask. */
static void on_waits(struct joining *joining, const struct control *told)
{
	if (joining->state != JOINING_WAITS)
		tell(joining, "link-waits", told->text);
	joining->state = JOINING_WAITS;
	joining->asked = 1;
	snprintf(joining->name, sizeof(joining->name), "%s", told->name);
	snprintf(joining->why, sizeof(joining->why), "%s", told->text);
	again(joining, WAIT_AGAIN);
}

static void on_refused(struct joining *joining, const char *why)
{
	struct world_port *client = world_find_client(joining->entrance, joining->entrance->name);

	joining->state = JOINING_REFUSED;
	joining->is_up = false;
	timer_cancel(joining_world(joining)->loop, &joining->timer);
	snprintf(joining->why, sizeof(joining->why), "%s", why);
	tell(joining, "link-refused", why);
	if (client) {
		world_port_tell(client, "port-down", why);
		world_port_free(client);
	}
	joining_end_link(joining);
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
	case LINK_SILENT:
		if (joining->state == JOINING_MEMBER)
			look_up(joining);
		return;
	case LINK_REFUSED:
		on_refused(joining, news->control->text);
		return;
	case LINK_NOTICED:
		snprintf(joining->notice, sizeof(joining->notice), "%s", news->control->text);
		tell(joining, "link-notice", joining->notice);
		return;
	case LINK_ASKED:
		if (joining->state != JOINING_ENROL && joining->state != JOINING_WAITS)
			return;
		if (news->control->type == CONTROL_WAITS)
			on_waits(joining, news->control);
		else if (news->control->type == CONTROL_ACCEPTED)
			on_accepted(joining, news->control);
		else if (news->control->type == CONTROL_REFUSED)
			on_refused(joining, news->control->text);
		return;
	case LINK_MOVED:
	case LINK_STRANGERS:
	case LINK_SUBNETS:
	case LINK_MAC_BOUND:
	case LINK_UNWANTED:
		return;
	}
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
	link_mail_init(&joining->mail, joining_world(joining)->loop, on_news);
	err = invite_parse(entrance->config.link.invite, &joining->invite, error);
	if (!err)
		err = joining_open_files(joining, error);
	if (!err)
		err = address_watch_open(
			&joining->addresses, joining_world(joining)->loop, on_addresses);
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
	joining->wg = link_wg_open(joining->entrance, &joining->link);
	look_up(joining);
}

void joining_close(struct joining *joining)
{
	if (!joining)
		return;
	link_wg_close(joining->wg);
	joining_end_link(joining);
	link_mail_done(&joining->mail);
	resolver_stop(joining->resolver);
	timer_cancel(joining_world(joining)->loop, &joining->timer);
	timer_cancel(joining_world(joining)->loop, &joining->nudge);
	address_watch_close(&joining->addresses);
	wg_key_wipe(&joining->private);
	wg_key_wipe(&joining->preshared);
	wg_key_wipe(&joining->invite.enrolment);
	free(joining);
}

void joining_describe(const struct joining *joining, json_t *details)
{
	static const char *const states[] = {
		"looking up", "enrolling", "waits", "joined", "refused"};
	char place[INVITE_PLACE_SIZE];

	invite_format_place(joining->invite.host, joining->invite.port, place);
	json_object_set_new(details, "relay", json_string(place));
	json_object_set_new(details, "state", json_string(states[joining->state]));
	if (joining->why[0])
		json_object_set_new(details, "why", json_string(joining->why));
	if (joining->notice[0])
		json_object_set_new(details, "notice", json_string(joining->notice));
	if (joining->state == JOINING_WAITS || joining->state == JOINING_MEMBER)
		json_object_set_new(details, "member", json_string(joining->name));
	if (joining->state != JOINING_MEMBER)
		return;
	json_object_set_new(details, "segment", json_string(joining->segment));
	json_object_set_new(details, "up", json_boolean(joining->is_up));
	json_object_set_new(details, "role", json_string(link_role_name(joining->role)));
}
