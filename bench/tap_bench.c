/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap-bench NETNS NETNS...: plugs an eth0 in each namespace into one hub and forwards until it is
 * killed. Says "ready" when guests may talk. */
#include "base/random.h"
#include "io/netns.h"
#include "port/netns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int plug(struct hub *hub, struct loop *loop, const char *where, struct error *error)
{
	struct netns_port_settings settings = {.netns = where, .dev = "eth0"};
	struct port_settings port_settings = {.mtu = 1500};
	struct port *port;
	struct tap tap;
	int err;

	err = netns_port_open(&settings, &tap, error);
	if (err)
		return err;
	port = netns_port_new(loop, &tap, &port_settings);
	if (!port)
		return error_set(error, ENOMEM, "%s: %s", where, strerror(errno));
	return hub_attach(hub, port, loop_now(loop));
}

int main(int argc, char **argv)
{
	struct loop *loop = loop_new();
	struct error error = {0};
	struct hash_key key;
	struct hub *hub;

	random_bytes(&key, sizeof(key));
	hub = hub_new("hub0", &key);
	if (!loop || !hub)
		return 1;
	for (int i = 1; i < argc; i++) {
		if (plug(hub, loop, argv[i], &error)) {
			fprintf(stderr, "%s\n", error.text);
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	return loop_run(loop) ? 1 : 0;
}
