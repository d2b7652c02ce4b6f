/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is in the segments of our hubs: members and who is invited, where a hub listens; ourselves,
 * where it has joined another. */
#include "cli/link.h"

#include "cli/amount.h"
#include "cli/json_text.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static const char *member_state(const json_t *member)
{
	if (json_is_true(json_object_get(member, "waits")))
		return "waits";
	return or_dash(text_of(json_object_get(member, "port"), "state"));
}

/* who: name, role, state. */
static void add_port(struct table *table, const char *hub, const char *const who[3],
	const char *mac, const json_t *port, const char *place)
{
	const json_t *details = json_object_get(port, "details");
	char rtt[AMOUNT_SIZE] = "-", handshake[AMOUNT_SIZE] = "-";
	char received[AMOUNT_SIZE], sent[AMOUNT_SIZE];
	const char *endpoint = text_of(details, "endpoint");

	if (json_object_get(details, "rtt"))
		snprintf(rtt, sizeof(rtt), "%.1f ms", number_of(details, "rtt") * 1000);
	if (json_object_get(details, "handshake"))
		amount_time(number_of(details, "handshake"), handshake);
	amount_bytes(count_of(details, "received_bytes"), received);
	amount_bytes(count_of(details, "sent_bytes"), sent);
	table_add(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", hub, who[0], or_dash(who[1]),
		who[2], or_dash(mac[0] ? mac : text_of(port, "mac")),
		or_dash(endpoint[0] ? endpoint : place), rtt, handshake, received, sent);
}

static void add_member(struct table *table, const char *hub, const json_t *member)
{
	const char *const who[] = {
		text_of(member, "name"), text_of(member, "role"), member_state(member)};

	add_port(table, hub, who, text_of(member, "mac"), json_object_get(member, "port"), "");
}

static void add_invite(struct table *table, const char *hub, const json_t *invite)
{
	char left[AMOUNT_SIZE];

	if (strcmp(text_of(invite, "state"), "open") != 0)
		return;
	amount_time(number_of(invite, "expires"), left);
	table_add(table, "%s\t%s\t%s\tinvited for %s\t-\t-\t-\t-\t-\t-", hub,
		text_of(invite, "name"), text_of(invite, "role"), left);
}

/* We, at somebody's: under the name that we have there. */
static void add_joined(struct table *table, const char *hub, const json_t *entrance)
{
	const json_t *details = json_object_get(entrance, "details");
	const char *name = text_of(details, "member"), *state = text_of(details, "state");
	char text[64];

	if (!strcmp(state, "joined"))
		snprintf(text, sizeof(text), "joined, %s",
			json_is_true(json_object_get(details, "up")) ? "up" : "down");
	else
		snprintf(text, sizeof(text), "%s", state);
	add_port(table, hub,
		(const char *const[]){
			name[0] ? name : text_of(entrance, "name"), text_of(details, "role"), text},
		"", json_object_get(entrance, "port"), text_of(details, "relay"));
}

/* link list */
int link_list(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *all, *link, *item;
	struct table *table;
	int err = link_gather(call, api, options->hub, &all);
	size_t i, j;

	if (err)
		return call_exit(err);
	if (call->wants_json) {
		print_json(all);
		json_decref(all);
		return EXIT_FINE;
	}
	table = table_new(
		"HUB\tNAME\tROLE\tSTATE\tMAC\tENDPOINT\t>RTT\t>HANDSHAKE\t>RECEIVED\t>SENT");
	json_array_foreach(all, i, link) {
		json_array_foreach(json_object_get(link, "members"), j, item)
			add_member(table, text_of(link, "hub"), item);
		json_array_foreach(json_object_get(link, "invites"), j, item)
			add_invite(table, text_of(link, "hub"), item);
		json_array_foreach(json_object_get(link, "joined"), j, item)
			add_joined(table, text_of(link, "hub"), item);
	}
	table_print(table);
	json_decref(all);
	return EXIT_FINE;
}
