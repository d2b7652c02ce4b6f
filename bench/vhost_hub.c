/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-hub PORT...: a hub that forwards until it gets SIGINT or SIGTERM, and then says what each
 * port counted. A port is one of
 *
 *   vhost:PATH   the back end of a vhost-user socket that it listens on
 *   netns:NAME   an eth0 in that namespace
 *   nat          a gateway at 10.9.0.1/24, where the host's loopback is reached too
 *
 * Says "ready" when guests may talk.
 */
#include "base/random.h"
#include "io/netns.h"
#include "nat/gateway.h"
#include "port/netns.h"
#include "port/vhost/vhost.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop *loop;
static struct hub *hub;

struct entrance {
	struct watch watch;
	struct port_settings settings;
	unsigned clients;
};

static void say_drops(const char *way, const struct port_counters *counters)
{
	printf(" %s %" PRIu64 " frames %" PRIu64 " bytes", way, counters->frames, counters->bytes);
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		if (counters->drops[i])
			printf(" %s:%" PRIu64, drop_name(i), counters->drops[i]);
	}
}

static void say_port(const struct port *port)
{
	printf("%s", port->name);
	say_drops("in", &port->in);
	say_drops("out", &port->out);
	puts("");
}

static void on_gone(void *, struct port *port, const char *why)
{
	fprintf(stderr, "%s: %s\n", port->name, why);
	say_port(port);
	hub_detach(port);
	port->ops->free(port);
}

static void on_client(struct watch *watch, uint32_t)
{
	struct entrance *entrance = CONTAINER_OF(watch, struct entrance, watch);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct port *port;

	if (fd < 0)
		return;
	snprintf(entrance->settings.name, sizeof(entrance->settings.name), "client%u-%d",
		entrance->clients++, watch->fd);
	port = vhost_port_new(loop, fd, &entrance->settings);
	if (port && hub_attach(hub, port, loop_now(loop)))
		port->ops->free(port);
}

static int listen_at(const char *path)
{
	struct entrance *entrance = calloc(1, sizeof(*entrance));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unlink(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (!entrance || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 8) < 0)
		return -errno;
	entrance->settings = (struct port_settings){.mtu = 1500, .on_gone = on_gone};
	entrance->watch.on_ready = on_client;
	return loop_watch(loop, &entrance->watch, fd, EPOLLIN);
}

static int attach(struct port *port)
{
	return port ? hub_attach(hub, port, loop_now(loop)) : -errno;
}

static int plug_netns(const char *where, struct error *error)
{
	struct netns_port_settings settings = {.netns = where, .dev = "eth0"};
	struct port_settings port_settings = {.mtu = 1500};
	struct tap tap;
	int err;

	err = netns_port_open(&settings, &tap, error);
	return err ? err : attach(netns_port_new(loop, &tap, &port_settings));
}

static int plug_gateway(struct error *error)
{
	struct gateway_settings settings = {.name = "nat",
		.mac = {{0x02, 0, 0, 0, 9, 1}},
		.mtu = 1500,
		.may_reach_host = true,
		.key = {random_u64(), random_u64()}};
	struct gateway *gateway;
	int err;

	if (!prefix_parse("10.9.0.1/24", &settings.address))
		return -EINVAL;
	err = gateway_new(loop, &settings, &gateway, error);
	return err ? err : attach(gateway_port(gateway));
}

static int plug(const char *what)
{
	struct error error = {0};
	int err = -EINVAL;

	if (!strncmp(what, "vhost:", 6))
		err = listen_at(what + 6);
	else if (!strncmp(what, "netns:", 6))
		err = plug_netns(what + 6, &error);
	else if (!strcmp(what, "nat"))
		err = plug_gateway(&error);
	if (err)
		fprintf(stderr, "%s: %s\n", what, error.text[0] ? error.text : strerror(-err));
	return err;
}

static void say_counters(void)
{
	for (unsigned slot = 0; slot < hub_slot_count(hub); slot++) {
		const struct port *port = hub_port(hub, slot);

		if (port)
			say_port(port);
	}
}

static void on_signal(int)
{
	loop_stop(loop);
}

int main(int argc, char **argv)
{
	struct hash_key key;
	int err = 0;

	random_bytes(&key, sizeof(key));
	loop = loop_new();
	hub = hub_new("hub0", &key);
	if (!loop || !hub)
		return 1;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (int i = 1; i < argc && !err; i++)
		err = plug(argv[i]);
	if (err)
		return 1;
	puts("ready");
	fflush(stdout);
	err = loop_run(loop);
	say_counters();
	return err ? 1 : 0;
}
