/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/amount.h"
#include "cli/command.h"
#include "cli/gather.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/table.h"

#include <stdio.h>

static void add(struct table *table, const json_t *flow)
{
	char up[AMOUNT_SIZE], down[AMOUNT_SIZE], age[AMOUNT_SIZE], idle[AMOUNT_SIZE];

	table_add(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", text_of(flow, "hub"),
		text_of(flow, "protocol"), text_of(flow, "guest"),
		json_is_true(json_object_get(flow, "inbound")) ? "<-" : "->",
		text_of(flow, "remote"), text_of(flow, "state"),
		amount_bytes(count_of(flow, "up"), up), amount_bytes(count_of(flow, "down"), down),
		amount_time(number_of(flow, "age"), age),
		amount_time(number_of(flow, "idle"), idle));
}

static void print(const json_t *list)
{
	struct table *table = table_new(
		"HUB\tPROTOCOL\tGUEST\t\tREMOTE\tSTATE\t>UP\t>DOWN\t>AGE\t>IDLE");
	const json_t *flows = json_object_get(list, "flows"), *flow;
	size_t i, count = json_array_size(flows);

	json_array_foreach(flows, i, flow)
		add(table, flow);
	table_print(table);
	if (count_of(list, "total") > count)
		printf("and %llu more\n", (unsigned long long)(count_of(list, "total") - count));
}

int flows_run(struct call *call)
{
	struct gather question = {.kind = "nat", .what = "flows"};
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
