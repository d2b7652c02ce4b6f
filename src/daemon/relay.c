/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/relay_state.h"

#include "base/log.h"
#include "daemon/link_key.h"
#include "daemon/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAVE_SOON  (200 * NSEC_PER_MSEC)
#define SAVE_EVERY (1 * NSEC_PER_SEC)

/* Something for the hub's thread to say, or to change. */
struct errand {
	struct relay *relay;
	const struct wg_key *key;
	const struct control *control;
	int err;
};

static void on_hub(struct relay *relay, void (*run)(void *argument), void *argument)
{
	worker_call(relay->entrance->hub->worker, run, argument);
}

static void say(void *argument)
{
	const struct errand *errand = argument;

	link_say(errand->relay->link, errand->key, errand->control);
}

static void add_caller(void *argument)
{
	struct errand *errand = argument;

	errand->err = link_caller_add(errand->relay->link, errand->key, NULL);
}

static void remove_caller(void *argument)
{
	const struct errand *errand = argument;

	link_caller_remove(errand->relay->link, errand->key);
}

void relay_remove_caller(struct relay *relay, const struct wg_key *key)
{
	struct errand errand = {.relay = relay, .key = key};

	if (relay->link)
		on_hub(relay, remove_caller, &errand);
}

void relay_say(struct relay *relay, const struct wg_key *key, const struct control *control)
{
	struct errand errand = {.relay = relay, .key = key, .control = control};

	on_hub(relay, say, &errand);
}

int relay_add_caller(struct relay *relay, const struct wg_key *key)
{
	struct errand errand = {.relay = relay, .key = key};

	on_hub(relay, add_caller, &errand);
	return errand.err;
}

static void tell_of_strangers(const struct relay *relay, const struct link_news *news)
{
	events_tell(relay_world(relay)->events, "link-strangers", relay_hub(relay), "{s:I, s:I}",
		"unknown", (json_int_t)news->unknown, "forged", (json_int_t)news->forged);
}

void relay_save_soon(struct relay *relay)
{
	struct loop *loop = relay_world(relay)->loop;

	if (!heap_has(&relay->save.node))
		timer_set(loop, &relay->save,
			MAX(loop_now(loop) + SAVE_SOON, relay->saved_at + SAVE_EVERY));
}

static void unwanted(struct relay *relay, struct link_member_record *member)
{
	struct error error = {0};

	if (relay_revoke_member(relay, member, &error))
		log_warning("%s: wg(8) removed a peer: %s", relay_hub(relay), error.text);
}

static void on_news(struct link_mail *mail, const struct link_news *news)
{
	struct relay *relay = CONTAINER_OF(mail, struct relay, mail);
	struct link_member_record *member = link_store_member_of(&relay->store, &news->key);
	struct world_port *port = member ? world_find_client(relay->entrance, member->name) : NULL;

	if (news->event == LINK_ASKED)
		relay_take_asked(relay, news);
	if (news->event == LINK_STRANGERS)
		tell_of_strangers(relay, news);
	if (!member || !port)
		return;
	if (news->event == LINK_UNWANTED) {
		unwanted(relay, member);
		return;
	}
	switch (news->event) {
	case LINK_UP:
	case LINK_DOWN:
		world_port_tell(port, news->event == LINK_UP ? "link-up" : "link-down", NULL);
		break;
	case LINK_MAC_BOUND:
		relay_bind_mac(relay, member, news->mac);
		break;
	case LINK_SUBNETS:
		relay_tell_of_subnets(relay, member, &news->control->subnet);
		break;
	case LINK_NOTICED:
		world_port_tell(port, "link-notice", news->control->text);
		break;
	case LINK_UNWANTED:
	case LINK_SILENT:
	case LINK_MOVED:
	case LINK_STRANGERS:
	case LINK_ASKED:
	case LINK_REFUSED:
		break;
	}
	if (!ip_is_none(news->from.ip) && !endpoint_equal(&member->endpoint, &news->from)) {
		member->endpoint = news->from;
		member->is_changed = true;
	}
	if (member->is_changed)
		relay_save_soon(relay);
}

static void on_save(struct timer *timer, nsec now)
{
	struct relay *relay = CONTAINER_OF(timer, struct relay, save);
	struct error error = {0};

	relay->saved_at = now;
	if (link_store_save(&relay->store, &error))
		log_warning("%s", error.text);
}

/* Its life */

static void make(void *argument)
{
	struct relay *relay = argument;
	struct link_settings settings = {
		.udp = relay->udp,
		.private = &relay->private,
		.on_news = link_mail_post,
		.owner = &relay->mail,
		.subnet = relay->entrance->hub->config.subnet,
	};

	relay->link = link_new(worker_loop(relay->entrance->hub->worker), &settings);
	if (!relay->link) {
		relay->err = -errno;
		return;
	}
	LIST_EACH(node, &relay->store.invites) {
		const struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		relay->err = link_caller_add(relay->link, &invite->key, NULL) ?: relay->err;
	}
}

static void end(void *argument)
{
	link_free(((struct relay *)argument)->link);
}

static int open_files(struct relay *relay, struct error *error)
{
	const char *state = relay_world(relay)->state_dir;
	char path[400];
	int err;

	snprintf(path, sizeof(path), "%s/link", state);
	err = state_folder_make(path, error);
	snprintf(path, sizeof(path), "%s/link/%s.key", state, relay_hub(relay));
	if (!err)
		err = link_key_open(path, &relay->private, error);
	snprintf(path, sizeof(path), "%s/link/%s.json", state, relay_hub(relay));
	if (!err)
		err = link_store_open(&relay->store, path, error);
	return err;
}

static int open_link(struct relay *relay, struct error *error)
{
	int err = udp_open(&relay->udp, &relay->entrance->config.link.listen, error);

	if (err)
		return err;
	relay->public = wg_key_public(&relay->private);
	relay_forget_old(relay, time(NULL));
	on_hub(relay, make, relay);
	wg_key_wipe(&relay->private);
	return relay->err ? error_set(error, -relay->err, "%s", strerror(-relay->err)) : 0;
}

int relay_open(struct world_port *entrance, struct relay **ret_relay, struct error *error)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int err;

	if (!relay)
		return error_set(error, ENOMEM, "out of memory");
	relay->entrance = entrance;
	relay->udp.fd = -1;
	relay->save.on_expire = on_save;
	relay->saved_at = relay->refused_at = -SAVE_EVERY;
	list_init(&relay->store.members);
	list_init(&relay->store.invites);
	link_mail_init(&relay->mail, relay_world(relay)->loop, on_news);
	err = open_files(relay, error);
	if (!err)
		err = open_link(relay, error);
	if (err)
		relay_close(relay);
	else
		*ret_relay = relay;
	return err;
}

void relay_close(struct relay *relay)
{
	if (!relay)
		return;
	link_wg_close(relay->wg);
	if (relay->link)
		on_hub(relay, end, relay);
	link_mail_done(&relay->mail);
	if (heap_has(&relay->save.node))
		on_save(&relay->save, 0);
	timer_cancel(relay_world(relay)->loop, &relay->save);
	link_store_close(&relay->store);
	wg_key_wipe(&relay->private);
	free(relay);
}

const struct link_store *relay_store(const struct relay *relay)
{
	return &relay->store;
}

const uint64_t *relay_drops(const struct relay *relay)
{
	return link_drops(relay->link);
}

struct wg_key relay_public(const struct relay *relay)
{
	return relay->public;
}

int relay_revoke(struct relay *relay, const char *name, struct error *error)
{
	struct link_member_record *member = link_store_member(&relay->store, name);
	struct link_invite_record *invite = link_store_open_invite(&relay->store, name, time(NULL));

	if (member)
		return relay_revoke_member(relay, member, error);
	if (!invite)
		return error_set(error, ENOENT, "%s: nobody named '%s' is a member or invited",
			relay_hub(relay), name);
	invite->is_revoked = invite->is_changed = true;
	invite->ended = time(NULL);
	events_tell(relay_world(relay)->events, "link-revoked", relay_hub(relay), "{s:s}", "name",
		name);
	return link_store_save(&relay->store, error);
}
