/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/amount.h"
#include "cli/command.h"
#include "cli/gather.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/table.h"

static void add(struct table *table, const json_t *lease)
{
	double expires = number_of(lease, "expires");
	char left[AMOUNT_SIZE] = "";

	if (json_object_get(lease, "expires"))
		amount_time(expires < 0 ? -expires : expires, left);
	table_add(table, "%s\t%s\t%s\t%s\t%s%s%s%s", text_of(lease, "hub"), text_of(lease, "ip"),
		text_of(lease, "mac"), text_of(lease, "name"), text_of(lease, "state"),
		left[0] ? (expires < 0 ? ", ended " : ", ends in ") : "", left,
		expires < 0 && left[0] ? " ago" : "");
}

int leases_run(struct call *call)
{
	struct gather question = {.kind = "dhcp", .what = "leases"};
	struct table *table;
	json_t *list, *lease;
	int code = options_read_between(call, NULL, 0, 0, 1);
	size_t i;

	question.hub = call->args[0];
	if (!code)
		code = gather(call, &question, &list);
	if (code)
		return code;
	if (call->wants_json) {
		print_json(list);
	} else {
		table = table_new("HUB\tADDRESS\tMAC\tNAME\tSTATE");
		json_array_foreach(json_object_get(list, "leases"), i, lease)
			add(table, lease);
		table_print(table);
	}
	json_decref(list);
	return EXIT_FINE;
}
