/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/amount.h"
#include "cli/command.h"
#include "cli/gather.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/table.h"

static void print(const json_t *list)
{
	struct table *table = table_new("PORT\tNAME\tMAC\t>SEEN");
	const json_t *address;
	char age[AMOUNT_SIZE];
	size_t i;

	json_array_foreach(json_object_get(list, "addresses"), i, address)
		table_add(table, "%s.%d\t%s\t%s\t%s ago", text_of(address, "hub"),
			(int)count_of(address, "slot"), text_of(address, "port"),
			text_of(address, "mac"), amount_time(number_of(address, "age"), age));
	table_print(table);
}

int addresses_run(struct call *call)
{
	struct gather question = {.what = "addresses"};
	int code = options_read_between(call, NULL, 0, 0, 1);
	json_t *list;

	question.hub = call->args[0];
	if (!code)
		code = gather(call, &question, &list);
	if (code)
		return code;
	if (call->wants_json)
		print_json(list);
	else
		print(list);
	json_decref(list);
	return EXIT_FINE;
}
