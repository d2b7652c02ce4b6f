/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invitations, and the address that they name. */
#include "config/value.h"
#include "daemon/relay_state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

int relay_check_name(struct relay *relay, const char *name, int64_t now, struct error *error)
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
			error, EEXIST, "name: %s has a port '%s' already", relay_hub(relay), name);
	return 0;
}

int relay_add_invite(
	struct relay *relay, const struct link_invite_record *wanted, struct error *error)
{
	struct link_invite_record *invite = link_store_add_invite(&relay->store);
	struct list node;
	int err;

	if (!invite)
		return error_set(error, ENOMEM, "out of memory");
	node = invite->node;
	*invite = *wanted;
	invite->node = node;
	err = link_store_save(&relay->store, error);
	if (!err)
		err = relay_add_caller(relay, &wanted->key);
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
	int err = relay_check_name(relay, name, record.since, error);

	if (!err)
		err = relay_place(relay, place, invite.host, &invite.port, error);
	if (err)
		return err;
	relay_forget_old(&relay->store, record.since);
	if (relay->store.invite_count >= LINK_INVITES_MAX)
		return error_set(error, ENOSPC, "%d invitations are remembered, and no more",
			LINK_INVITES_MAX);
	wg_key_make_private(&invite.enrolment);
	record.key = wg_key_public(&invite.enrolment);
	record.expires = record.since + seconds;
	snprintf(record.name, sizeof(record.name), "%s", name);
	err = relay_add_invite(relay, &record, error);
	if (!err)
		invite_format(&invite, ret_text);
	wg_key_wipe(&invite.enrolment);
	return err;
}

void relay_forget_old(struct link_store *store, int64_t now)
{
	LIST_EACH(node, &store->invites) {
		struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if (MAX(invite->expires, invite->ended) + LINK_REMEMBER < now)
			link_store_remove_invite(store, invite);
	}
}
