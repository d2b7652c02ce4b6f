/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link wg-config: a client of WireGuard's own. */
#include "cli/link.h"

#include "cli/json_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool has_qrencode(void)
{
	return system("command -v qrencode >/dev/null 2>&1") == 0;
}

/* For the camera of a phone. What it is of is a secret, and arguments are not. */
static bool print_code(const char *text)
{
	FILE *qrencode;
	bool is_fine;

	fflush(stdout);
	qrencode = popen("qrencode -t ansiutf8", "w");
	if (!qrencode)
		return false;
	is_fine = fputs(text, qrencode) >= 0;
	return pclose(qrencode) == 0 && is_fine;
}

/* It is said once: where no code can be had of it, as it is. */
static int print_config(struct call *call, const char *text, bool wants_code)
{
	if (wants_code && print_code(text))
		return 0;
	fputs(text, stdout);
	return wants_code ? error_set(&call->error, EIO, "--qr: qrencode failed") : 0;
}

/* link wg-config NAME */
int link_wg_config(struct call *call, struct api *api, const struct link_options *options)
{
	json_t *all, *made = NULL, *body;
	const char *hub;
	int err;

	if (options->wants_code && !has_qrencode()) /* before there is something to lose */
		return call_exit(error_set(&call->error, ENOENT,
			"--qr: the package qrencode is needed: apt-get install qrencode"));
	err = link_gather(call, api, options->hub, &all);
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
	if (!err && call->wants_json)
		print_json(made);
	else if (!err)
		err = print_config(call, text_of(made, "config"), options->wants_code);
	json_decref(made);
	json_decref(all);
	return call_exit(err);
}
