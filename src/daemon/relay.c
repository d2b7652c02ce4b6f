/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/relay.h"

#include "base/log.h"
#include "config/value.h"
#include "daemon/identity.h"
#include "daemon/link_key.h"
#include "daemon/link_mail.h"
#include "daemon/state_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SAVE_SOON  (200 * NSEC_PER_MSEC)
#define SAVE_EVERY (5 * NSEC_PER_SEC)
#define TELL_EVERY                                                                                    \
	(1 * NSEC_PER_SEC) /* of those who are refused: they may ask as often as they like */ /* what \
												 members did, not what we decided */
#define STORM_LIMIT 100 /* frames for everybody a second that a member may send */

struct relay {
	struct world_port *entrance;
	struct link *link; /* the hub's thread's */
	struct link_mail mail;
	struct link_store store;
	struct timer save;
	nsec saved_at, refused_at;
	struct wg_key public;
	struct wg_key private; /* until the link has it */
	struct udp udp;	       /* likewise; then its port */
	int err;
};

/* Something for the hub's thread to say, or to change. */
struct errand {
	struct relay *relay;
	const struct wg_key *key;
	const struct control *control;
	int err;
};

static struct world *world_of(const struct relay *relay)
{
	return relay->entrance->hub->world;
}

static const char *hub_of(const struct relay *relay)
{
	return relay->entrance->hub->config.name;
}

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

/* Members */

/* A member's wish is the entrance's, but for its name and what its role is held to. */
static int member_config(
	const struct relay *relay, const struct link_member_record *member, struct port_config *ret)
{
	int err = port_config_copy(&relay->entrance->config, ret);

	if (err)
		return err;
	snprintf(ret->name, sizeof(ret->name), "%s", member->name);
	ret->policy.guards.arp = true;
	ret->policy.guards.dhcp |= member->role != ROLE_BRIDGE;
	ret->policy.guards.ra |= member->role == ROLE_HOST;
	if (!ret->policy.storm)
		ret->policy.storm = STORM_LIMIT;
	ret->policy.looks_for_loops = true;
	return 0;
}

static int plug(struct relay *relay, const struct link_member_record *member, struct error *error)
{
	struct port_config config;
	struct world_port *port;
	int err = member_config(relay, member, &config);

	if (err)
		return error_set(error, ENOMEM, "out of memory");
	err = world_member_plug(relay->entrance, &config, member, &port, error);
	port_config_done(&config);
	return err;
}

void relay_plug_members(struct relay *relay)
{
	LIST_EACH(node, &relay->store.members) {
		const struct link_member_record *member = LIST_ENTRY(
			node, struct link_member_record, node);
		struct error error = {0};

		if (plug(relay, member, &error))
			log_warning("%s: member '%s': %s", hub_of(relay), member->name, error.text);
	}
}

struct port *relay_make_port(struct relay *relay, struct world_port *client)
{
	const struct link_member_record *member = client->member;
	struct link_member_settings settings = {
		.key = member->key,
		.mtu = client->config.mtu,
		.endpoint = member->endpoint,
		.is_one_host = member->role == ROLE_HOST,
		.mac = member->mac,
	};

	snprintf(settings.name, sizeof(settings.name), "%s", member->name);
	if (member->address.len) {
		settings.address = member->address;
		settings.mac = identity_mac(
			&world_of(relay)->identity, hub_of(relay), "link", member->name);
		if (world_find_kind(client->hub, PORT_KIND_NAT) && client->hub->config.has_subnet)
			settings.gateway = hub_config_gateway(&client->hub->config);
	}
	return link_member_new(relay->link, &settings);
}

/* Those who come with an invitation */

static void refuse(
	struct relay *relay, const struct link_news *news, const char *name, const char *why)
{
	struct control control = {.type = CONTROL_REFUSED};
	struct errand errand = {.relay = relay, .key = &news->key, .control = &control};
	nsec now = loop_now(world_of(relay)->loop);
	char from[ENDPOINT_TEXT_SIZE];

	snprintf(control.text, sizeof(control.text), "%s", why);
	on_hub(relay, say, &errand);
	if (now - relay->refused_at < TELL_EVERY)
		return;
	relay->refused_at = now;
	events_tell(world_of(relay)->events, "link-refused", hub_of(relay), "{s:s, s:s, s:s}",
		"name", name, "from", endpoint_format(&news->from, from), "why", why);
	log_info("%s: '%s' from %s was refused: %s", hub_of(relay), name, from, why);
}

static char *date(int64_t when, char text[32])
{
	time_t seconds = (time_t)when;
	struct tm tm;

	strftime(text, 32, "%Y-%m-%d %H:%M UTC", gmtime_r(&seconds, &tm));
	return text;
}

static void accept_member(
	struct relay *relay, const struct link_news *news, const struct link_member_record *member)
{
	struct control control = {
		.type = CONTROL_ACCEPTED,
		.role = member->role,
		.mtu = relay->entrance->config.mtu ? relay->entrance->config.mtu
						   : LINK_MTU_STANDARD,
		.subnet = relay->entrance->hub->config.subnet,
	};
	struct errand errand = {.relay = relay, .key = &news->key, .control = &control};

	snprintf(control.name, sizeof(control.name), "%s", member->name);
	snprintf(control.segment, sizeof(control.segment), "%s", hub_of(relay));
	on_hub(relay, say, &errand);
}

static int enrol(struct relay *relay, struct link_invite_record *invite, const struct wg_key *key,
	int64_t now, struct error *error)
{
	struct link_member_record *member = link_store_add_member(&relay->store);
	int err;

	if (!member)
		return error_set(error, ENOMEM, "the relay is out of memory");
	snprintf(member->name, sizeof(member->name), "%s", invite->name);
	member->key = *key;
	member->role = invite->role;
	member->since = now;
	err = plug(relay, member, error);
	if (!err) {
		invite->used_by = *key;
		invite->ended = now;
		err = link_store_save(&relay->store, error);
	}
	if (!err)
		return 0;
	world_port_free(world_find_client(relay->entrance, member->name));
	link_store_remove_member(&relay->store, member);
	invite->used_by = (struct wg_key){0};
	invite->ended = 0;
	return err;
}

static void take_open(struct relay *relay, const struct link_news *news,
	struct link_invite_record *invite, int64_t now)
{
	const struct wg_key *key = &news->control->key;
	struct error error = {0};

	if (wg_key_is_zero(key) || link_store_member_of(&relay->store, key) ||
		link_store_invite(&relay->store, key))
		refuse(relay, news, invite->name, "this key is somebody's already");
	else if (relay->store.member_count >= LINK_MEMBERS_MAX)
		refuse(relay, news, invite->name, "the relay has as many members as it can have");
	else if (enrol(relay, invite, key, now, &error))
		refuse(relay, news, invite->name, error.text);
	else {
		events_tell(world_of(relay)->events, "link-joined", hub_of(relay), "{s:s, s:s}",
			"name", invite->name, "role", link_role_name(invite->role));
		accept_member(relay, news, link_store_member(&relay->store, invite->name));
	}
}

static void take_asked(struct relay *relay, const struct link_news *news)
{
	int64_t now = time(NULL);
	struct link_invite_record *invite = link_store_invite(&relay->store, &news->key);
	char why[160], when[32];

	if (!invite)
		return;
	switch (invite_state(invite, now)) {
	case INVITE_OPEN:
		if (news->control->type == CONTROL_ENROL)
			take_open(relay, news, invite, now);
		return;
	case INVITE_USED:
		/* Our answer was lost. */
		if (wg_key_equal(&invite->used_by, &news->control->key) &&
			link_store_member_of(&relay->store, &invite->used_by)) {
			accept_member(
				relay, news, link_store_member_of(&relay->store, &invite->used_by));
			return;
		}
		snprintf(why, sizeof(why),
			"this invitation was used already, on %s; each is good for one member",
			date(invite->ended, when));
		break;
	case INVITE_EXPIRED:
		snprintf(why, sizeof(why), "this invitation expired on %s; ask for a new one",
			date(invite->expires, when));
		break;
	case INVITE_REVOKED:
		snprintf(why, sizeof(why), "this invitation was revoked on %s",
			date(invite->ended, when));
		break;
	case INVITE_LEFT:
		snprintf(why, sizeof(why), "'%s' is no member since %s: it was revoked",
			invite->name, date(invite->ended, when));
		break;
	}
	refuse(relay, news, invite->name, why);
}

static void clash(struct relay *relay, const struct link_member_record *member,
	const struct link_member_record *other, struct mac mac)
{
	struct control control = {.type = CONTROL_NOTICE};
	struct errand errand = {.relay = relay, .key = &member->key, .control = &control};
	char text[MAC_TEXT_SIZE];

	snprintf(control.text, sizeof(control.text),
		"%s, the MAC address here, is also that of member '%.31s': one of the two must "
		"change",
		mac_format(mac, text), other->name);
	on_hub(relay, say, &errand);
	events_tell(world_of(relay)->events, "link-clash", hub_of(relay), "{s:s, s:s, s:s}", "name",
		member->name, "other", other->name, "mac", text);
}

static void clash_of_subnets(struct relay *relay, const struct link_member_record *member,
	const struct ip_prefix *theirs)
{
	const struct ip_prefix *ours = &relay->entrance->hub->config.subnet;
	struct control control = {.type = CONTROL_NOTICE};
	struct errand errand = {.relay = relay, .key = &member->key, .control = &control};
	char own_text[PREFIX_TEXT_SIZE], their_text[PREFIX_TEXT_SIZE];

	snprintf(control.text, sizeof(control.text),
		"the hub here has the subnet %s, the segment that it joins %s: remove this "
		"hub's, or make them one",
		prefix_format(theirs, their_text), prefix_format(ours, own_text));
	on_hub(relay, say, &errand);
	events_tell(world_of(relay)->events, "link-clash", hub_of(relay), "{s:s, s:s, s:s}", "name",
		member->name, "subnet", their_text, "segment", own_text);
}

static void tell_of_strangers(const struct relay *relay, const struct link_news *news)
{
	events_tell(world_of(relay)->events, "link-strangers", hub_of(relay), "{s:I, s:I}",
		"unknown", (json_int_t)news->unknown, "forged", (json_int_t)news->forged);
}

static void bind_mac(struct relay *relay, struct link_member_record *member, struct mac mac)
{
	LIST_EACH(node, &relay->store.members) {
		const struct link_member_record *other = LIST_ENTRY(
			node, struct link_member_record, node);

		if (other != member && mac_equal(other->mac, mac))
			clash(relay, member, other, mac);
	}
	member->mac = mac;
}

static void save_soon(struct relay *relay)
{
	struct loop *loop = world_of(relay)->loop;

	if (!heap_has(&relay->save.node))
		timer_set(loop, &relay->save,
			MAX(loop_now(loop) + SAVE_SOON, relay->saved_at + SAVE_EVERY));
}

static void on_news(struct link_mail *mail, const struct link_news *news)
{
	struct relay *relay = CONTAINER_OF(mail, struct relay, mail);
	struct link_member_record *member = link_store_member_of(&relay->store, &news->key);
	struct world_port *port = member ? world_find_client(relay->entrance, member->name) : NULL;

	if (news->event == LINK_ASKED)
		take_asked(relay, news);
	if (news->event == LINK_STRANGERS)
		tell_of_strangers(relay, news);
	if (!member || !port)
		return;
	switch (news->event) {
	case LINK_UP:
	case LINK_DOWN:
		world_port_tell(port, news->event == LINK_UP ? "link-up" : "link-down", NULL);
		break;
	case LINK_MAC_BOUND:
		bind_mac(relay, member, news->mac);
		break;
	case LINK_SUBNETS:
		clash_of_subnets(relay, member, &news->control->subnet);
		break;
	case LINK_NOTICED:
		world_port_tell(port, "link-notice", news->control->text);
		break;
	case LINK_MOVED:
	case LINK_STRANGERS:
	case LINK_ASKED:
	case LINK_REFUSED:
		break;
	}
	if (!ip_is_none(news->from.ip))
		member->endpoint = news->from;
	save_soon(relay);
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

static void forget_old(struct link_store *store, int64_t now)
{
	LIST_EACH(node, &store->invites) {
		struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if (MAX(invite->expires, invite->ended) + LINK_REMEMBER < now)
			link_store_remove_invite(store, invite);
	}
}

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
	const char *state = world_of(relay)->state_dir;
	char path[400];
	int err;

	snprintf(path, sizeof(path), "%s/link", state);
	err = state_folder_make(path, error);
	snprintf(path, sizeof(path), "%s/link/%s.key", state, hub_of(relay));
	if (!err)
		err = link_key_open(path, &relay->private, error);
	snprintf(path, sizeof(path), "%s/link/%s.json", state, hub_of(relay));
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
	forget_old(&relay->store, time(NULL));
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
	link_mail_init(&relay->mail, world_of(relay)->loop, on_news);
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
	if (relay->link)
		on_hub(relay, end, relay);
	link_mail_done(&relay->mail);
	if (heap_has(&relay->save.node))
		on_save(&relay->save, 0);
	timer_cancel(world_of(relay)->loop, &relay->save);
	link_store_close(&relay->store);
	wg_key_wipe(&relay->private);
	free(relay);
}

const struct link_store *relay_store(const struct relay *relay)
{
	return &relay->store;
}

struct wg_key relay_public(const struct relay *relay)
{
	return relay->public;
}

/* The address that we would speak to the world from. */
static bool guess_host(char ret_host[INVITE_HOST_SIZE])
{
	struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(4000)};
	socklen_t len = sizeof(far);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_known;

	inet_pton(AF_INET, "192.0.2.1", &far.sin_addr);
	is_known = fd >= 0 && !connect(fd, (struct sockaddr *)&far, sizeof(far)) &&
		   !getsockname(fd, (struct sockaddr *)&far, &len) &&
		   inet_ntop(AF_INET, &far.sin_addr, ret_host, INVITE_HOST_SIZE);
	if (fd >= 0)
		close(fd);
	return is_known;
}

int relay_place(const struct relay *relay, const char *given, char ret_host[INVITE_HOST_SIZE],
	uint16_t *ret_port, struct error *error)
{
	const struct link_config *config = &relay->entrance->config.link;
	char text[IP_TEXT_SIZE];

	*ret_port = config->listen.port;
	if (given || config->address[0])
		return invite_parse_place(given ? given : config->address, config->listen.port,
			ret_host, ret_port, error);
	if (!ip_is_none(config->listen.ip))
		snprintf(ret_host, INVITE_HOST_SIZE, "%s", ip_format(config->listen.ip, text));
	else if (!guess_host(ret_host))
		return error_set(error, EINVAL,
			"address: where do members find this host? Say it with --address HOST, or "
			"the link's key address");
	return 0;
}

/* Invitations */

static int check_name(struct relay *relay, const char *name, int64_t now, struct error *error)
{
	char parsed[CONFIG_NAME_SIZE];
	int err = port_name_parse(name, parsed, error);

	if (err)
		return error_wrap(error, err, "name");
	if (link_store_member(&relay->store, name))
		return error_set(error, EEXIST,
			"name: '%s' is a member already; 'lanyard link revoke %s' ends that", name,
			name);
	if (link_store_open_invite(&relay->store, name, now))
		return error_set(error, EEXIST,
			"name: '%s' is invited already; 'lanyard link revoke %s' ends that", name,
			name);
	if (world_find_port(relay->entrance->hub, name))
		return error_set(
			error, EEXIST, "name: %s has a port '%s' already", hub_of(relay), name);
	return 0;
}

static int add_invite(
	struct relay *relay, const struct link_invite_record *wanted, struct error *error)
{
	struct link_invite_record *invite = link_store_add_invite(&relay->store);
	struct errand errand = {.relay = relay, .key = &wanted->key};
	struct list node;
	int err;

	if (!invite)
		return error_set(error, ENOMEM, "out of memory");
	node = invite->node;
	*invite = *wanted;
	invite->node = node;
	err = link_store_save(&relay->store, error);
	if (!err)
		on_hub(relay, add_caller, &errand);
	err = err ?: errand.err;
	if (!err)
		return 0;
	link_store_remove_invite(&relay->store, invite);
	return error_set(error, -err, "%s", strerror(-err));
}

int relay_invite(struct relay *relay, const char *name, enum link_role role, int64_t seconds,
	const char *place, char ret_text[INVITE_TEXT_SIZE], struct error *error)
{
	struct link_invite_record record = {.role = role, .since = time(NULL)};
	struct invite invite = {.relay = relay->public};
	int err = check_name(relay, name, record.since, error);

	if (!err)
		err = relay_place(relay, place, invite.host, &invite.port, error);
	if (err)
		return err;
	forget_old(&relay->store, record.since);
	if (relay->store.invite_count >= LINK_INVITES_MAX)
		return error_set(error, ENOSPC, "%d invitations are remembered, and no more",
			LINK_INVITES_MAX);
	wg_key_make_private(&invite.enrolment);
	record.key = wg_key_public(&invite.enrolment);
	record.expires = record.since + seconds;
	snprintf(record.name, sizeof(record.name), "%s", name);
	err = add_invite(relay, &record, error);
	if (!err)
		invite_format(&invite, ret_text);
	wg_key_wipe(&invite.enrolment);
	return err;
}

/* A client of WireGuard's own */

static bool is_taken(const struct relay *relay, struct ip ip)
{
	LIST_EACH(node, &relay->store.members) {
		if (ip_equal(
			    LIST_ENTRY(node, struct link_member_record, node)->address.address, ip))
			return true;
	}
	return false;
}

/* From .3 on, below what DHCP gives out where nobody said otherwise. */
static int choose_address(const struct relay *relay, struct ip_prefix *ret, struct error *error)
{
	const struct hub_config *hub = &relay->entrance->hub->config;
	uint32_t count = hub->has_subnet && hub->subnet.len <= 30 ? 1u << (31 - hub->subnet.len)
								  : 0;

	for (uint32_t n = 3; n < MIN(count, 65536); n++) {
		struct ip ip = prefix_nth(&hub->subnet, n);

		if (is_taken(relay, ip))
			continue;
		*ret = (struct ip_prefix){ip, hub->subnet.len};
		return 0;
	}
	return error_set(error, EINVAL,
		"address: %s has no subnet to take one from; say which, with its subnet's length, "
		"as 192.168.1.77/24",
		hub->name);
}

static int read_address(
	const struct relay *relay, const char *text, struct ip_prefix *ret, struct error *error)
{
	if (!text)
		return choose_address(relay, ret, error);
	if (!prefix_parse(text, ret) || !ip_is_v4(ret->address) || !ret->len || ret->len > 30)
		return error_set(error, EINVAL,
			"address: '%.40s' is not an IPv4 address with its subnet's length, as "
			"192.168.1.77/24",
			text);
	if (is_taken(relay, ret->address))
		return error_set(error, EEXIST, "address: '%.40s' is another member's", text);
	return 0;
}

/* What wg-quick(8), and the applications for phones, read. */
static void write_config(const struct relay *relay, const struct link_member_record *member,
	const struct wg_key *private, const char *host, uint16_t port, char *ret, size_t size)
{
	const struct world_hub *hub = relay->entrance->hub;
	const bool has_nat = hub->config.has_subnet && world_find_kind(hub, PORT_KIND_NAT);
	struct ip_prefix subnet = {prefix_nth(&member->address, 0), member->address.len};
	char private_text[WG_KEY_TEXT_SIZE], public_text[WG_KEY_TEXT_SIZE], dns[IP_TEXT_SIZE] = "";
	char address[PREFIX_TEXT_SIZE], allowed[PREFIX_TEXT_SIZE];
	const char *bracket = strchr(host, ':') ? "[" : "";

	if (has_nat)
		ip_format(hub_config_gateway(&hub->config), dns);
	snprintf(ret, size,
		"[Interface]\nPrivateKey = %s\nAddress = %s\nMTU = %u\n%s%s%s\n[Peer]\n"
		"PublicKey = %s\nAllowedIPs = %s\nEndpoint = %s%s%s:%u\n"
		"PersistentKeepalive = 25\n",
		wg_key_format(private, private_text), prefix_format(&member->address, address),
		LINK_MTU_STANDARD, has_nat ? "DNS = " : "", dns, has_nat ? "\n" : "",
		wg_key_format(&relay->public, public_text),
		has_nat ? "0.0.0.0/0" : prefix_format(&subnet, allowed), bracket, host,
		bracket[0] ? "]" : "", port);
	explicit_bzero(private_text, sizeof(private_text));
}

static int add_stock(
	struct relay *relay, const struct link_member_record *wanted, struct error *error)
{
	struct link_member_record *member = link_store_add_member(&relay->store);
	struct list node;
	int err;

	if (!member)
		return error_set(error, ENOMEM, "out of memory");
	node = member->node;
	*member = *wanted;
	member->node = node;
	err = plug(relay, member, error);
	err = err ?: link_store_save(&relay->store, error);
	if (!err)
		return 0;
	world_port_free(world_find_client(relay->entrance, member->name));
	link_store_remove_member(&relay->store, member);
	return err;
}

int relay_add_stock(struct relay *relay, const char *name, const char *address, const char *place,
	char ret_text[RELAY_CONFIG_SIZE], struct error *error)
{
	struct link_member_record record = {.role = ROLE_HOST, .since = time(NULL)};
	char host[INVITE_HOST_SIZE];
	struct wg_key private;
	uint16_t port;
	int err = check_name(relay, name, record.since, error);

	err = err ?: read_address(relay, address, &record.address, error);
	err = err ?: relay_place(relay, place, host, &port, error);
	if (err)
		return err;
	wg_key_make_private(&private);
	record.key = wg_key_public(&private);
	snprintf(record.name, sizeof(record.name), "%s", name);
	err = add_stock(relay, &record, error);
	if (!err)
		write_config(relay, &record, &private, host, port, ret_text, RELAY_CONFIG_SIZE);
	wg_key_wipe(&private);
	return err;
}

/* Who was a member is a caller from now on, to be told so. */
static int revoke_member(
	struct relay *relay, struct link_member_record *member, struct error *error)
{
	struct link_invite_record left = {.key = member->key,
		.role = member->role,
		.since = member->since,
		.ended = time(NULL),
		.is_left = true};
	struct control control = {.type = CONTROL_REFUSED};
	struct errand errand = {.relay = relay, .key = &left.key, .control = &control};
	struct world_port *port = world_find_client(relay->entrance, member->name);

	snprintf(left.name, sizeof(left.name), "%s", member->name);
	snprintf(control.text, sizeof(control.text), "'%s' is no member any more: it was revoked",
		member->name);
	on_hub(relay, say, &errand);
	if (port) {
		world_port_tell(port, "port-down", "revoked");
		world_port_free(port);
	}
	link_store_remove_member(&relay->store, member);
	events_tell(
		world_of(relay)->events, "link-revoked", hub_of(relay), "{s:s}", "name", left.name);
	return add_invite(relay, &left, error);
}

int relay_revoke(struct relay *relay, const char *name, struct error *error)
{
	struct link_member_record *member = link_store_member(&relay->store, name);
	struct link_invite_record *invite = link_store_open_invite(&relay->store, name, time(NULL));

	if (member)
		return revoke_member(relay, member, error);
	if (!invite)
		return error_set(error, ENOENT, "%s: nobody named '%s' is a member or invited",
			hub_of(relay), name);
	invite->is_revoked = true;
	invite->ended = time(NULL);
	events_tell(world_of(relay)->events, "link-revoked", hub_of(relay), "{s:s}", "name", name);
	return link_store_save(&relay->store, error);
}
