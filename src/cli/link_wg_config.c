/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link wg-config: a client of WireGuard's own. */
#include "cli/link.h"

#include "cli/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* For the camera of a phone, where qrencode(1) is there and somebody can look. */
static void print_code(const char *text)
{
	FILE *qrencode;

	fflush(stdout);
	if (!isatty(STDOUT_FILENO) || system("command -v qrencode >/dev/null 2>&1") != 0)
		return;
	qrencode = popen("qrencode -t ansiutf8", "w");
	if (!qrencode)
		return;
	fputs(text, qrencode);
	pclose(qrencode);
}

/* link wg-config NAME */
int link_wg_config(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *all, *made = NULL, *body;
	int err = link_gather(call, api, options->hub, &all);
	const char *hub;

	if (err)
		return call_exit(err);
	hub = link_only_hub(call, all);
	if (!hub) {
		json_decref(all);
		return EXIT_BAD_INPUT;
	}
	body = json_pack("{s:s, s:s*, s:s*}", "name", call->args[1], "ip", options->ip, "address",
		options->address);
	err = api_post(api, body, -1, &made, &call->error, "/v1/hubs/%s/link/members", hub);
	if (!err && call->wants_json) {
		print_json(made);
	} else if (!err) {
		fputs(text_of(made, "config"), stdout);
		print_code(text_of(made, "config"));
	}
	json_decref(made);
	json_decref(all);
	return call_exit(err);
}
