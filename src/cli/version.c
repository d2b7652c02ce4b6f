/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"

#include <stdio.h>

/* Our own, and that of the daemon where one runs. */
int version_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 0, 0);
	struct error unheard = {0};
	json_t *daemon = NULL, *said;
	struct api *api;
	int err;

	if (!code)
		code = call_open_api(call, &api);
	if (code)
		return code;
	err = api_get(api, &daemon, &unheard, "/v1/version");
	if (call->wants_json) {
		said = json_pack("{s:s}", "version", LANYARD_VERSION);
		if (!err)
			json_object_set(said, "daemon", daemon);
		print_json(said);
		json_decref(said);
	} else {
		puts("lanyard " LANYARD_VERSION);
		if (!err)
			printf("lanyardd %s, at %s\n", text_of(daemon, "version"), api_path(api));
	}
	json_decref(daemon);
	api_close(api);
	return EXIT_FINE;
}
