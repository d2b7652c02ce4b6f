/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace that exists, as a guest: `lanyard attach`. */
#include "cli/api_socket.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/renewer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where it is, whichever directory the renewer works in. */
static const char *absolute(const char *netns, char text[PATH_MAX])
{
	return strchr(netns, '/') && realpath(netns, text) ? text : netns;
}

static void say(const struct call *call, const struct visit *visit)
{
	struct ip ip = ip_from_v4(visit->client.lease.yours);
	char id[64], text[IP_TEXT_SIZE];
	json_t *said;

	snprintf(id, sizeof(id), "%s.%u", visit->guest.hub, visit->guest.slot);
	ip_format(ip, text);
	if (!call->wants_json) {
		printf("%s%s%s\n", id, visit->without_dhcp ? "" : " ",
			visit->without_dhcp ? "" : text);
		return;
	}
	said = json_pack("{s:s, s:s}", "id", id, "interface", visit->guest.interface);
	if (!visit->without_dhcp)
		json_object_set_new(said, "address", json_string(text));
	json_dumpf(said, stdout, JSON_INDENT(2));
	puts("");
	json_decref(said);
}

static int attach(struct call *call, struct visit *visit)
{
	char path[API_PATH_SIZE];
	struct api *api;
	int err, code = call_open_api(call, &api);

	if (code)
		return code;
	strcpy(path, api_path(api));
	visit->api_path = path;
	err = guest_find_hub(&visit->guest, api, &call->error);
	api_close(api);
	code = err ? call_exit(err) : visit_plug(visit, &call->error);
	if (code)
		return code;
	if (!visit->without_dhcp && visit->client.expires_at != NSEC_NEVER &&
		renewer_start(visit)) {
		error_set(&call->error, EAGAIN,
			"%s.%u is plugged, but nothing will renew its lease: %s", visit->guest.hub,
			visit->guest.slot, "no process could be started");
		code = EXIT_FAILED;
	}
	say(call, visit);
	return code;
}

int attach_run(struct call *call)
{
	struct guest_options given = {.interface = "eth0"};
	const char *netns = NULL;
	const struct option options[] = {
		{"netns", .value = &netns},
		{"ifname", .value = &given.interface},
		{"name", .value = &given.name},
		{"mac", .value = &given.mac},
		{"mtu", .value = &given.mtu},
		{"no-dhcp", .flag = &given.without_dhcp},
	};
	struct visit visit = {0};
	char text[PATH_MAX];
	int refused = options_read_between(call, options, ARRAY_SIZE(options), 1, 1);

	if (!refused && !netns)
		refused = call_refuse(call, "--netns is missing");
	given.hub = call->args[0];
	if (!refused)
		refused = guest_read(call, &given, &visit.guest);
	if (refused)
		return refused;
	visit.netns = absolute(netns, text);
	visit.without_dhcp = given.without_dhcp;
	return attach(call, &visit);
}
