/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that are clients of WireGuard's own. */
#include "daemon/relay_state.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

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
	member->is_changed = true;
	err = relay_plug_member(relay, member, error);
	err = err ?: link_store_save(&relay->store, error);
	if (!err)
		return 0;
	relay_unplug_member(relay, member);
	link_store_remove_member(&relay->store, member);
	return err;
}

int relay_add_stock(struct relay *relay, const char *name, const char *address, const char *place,
	char ret_text[STOCK_CONFIG_SIZE], struct error *error)
{
	struct link_member_record record = {.role = ROLE_HOST, .since = time(NULL)};
	char host[INVITE_HOST_SIZE];
	struct wg_key private;
	uint16_t port;
	int err = relay_check_name(relay, name, record.since, error);

	err = err
		      ?: stock_member_address(
				 relay->entrance->hub, &relay->store, address, &record, error);
	err = err ?: relay_place(relay, place, host, &port, error);
	if (err)
		return err;
	wg_key_make_private(&private);
	record.key = wg_key_public(&private);
	wg_key_make_preshared(&record.preshared);
	snprintf(record.name, sizeof(record.name), "%s", name);
	err = add_stock(relay, &record, error);
	if (!err)
		stock_member_write(relay->entrance->hub, &record, &private, &relay->public, host,
			port, ret_text);
	wg_key_wipe(&private);
	wg_key_wipe(&record.preshared);
	return err;
}
