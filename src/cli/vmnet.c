/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/vmnet.h"

#include "cli/json_text.h"

#include <stdio.h>
#include <stdlib.h>

static int show_one(struct call *call, struct api *api, const char *file)
{
	char *name = api_escape(api, file), *text;
	int err = api_get_text(api, &text, &call->error, "/v1/vmnet/%s", name);

	api_unescape(name);
	if (err)
		return call_exit(err);
	fputs(text, stdout);
	free(text);
	return EXIT_FINE;
}

int vmnet_show(struct call *call, struct api *api, const char *file)
{
	json_t *reply, *text;
	const char *name;
	int err;

	if (file)
		return show_one(call, api, file);
	err = api_get(api, &reply, &call->error, "/v1/vmnet");
	if (err)
		return call_exit(err);
	if (call->wants_json) {
		print_json(reply);
	} else {
		json_object_foreach(json_object_get(reply, "files"), name, text)
			printf("%s: %s", name, json_string_value(text));
	}
	json_decref(reply);
	return EXIT_FINE;
}
