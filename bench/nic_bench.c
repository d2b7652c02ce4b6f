/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic-bench MODE[,host][,guard][,proxy] NIC NETNS...: a hub with an eth0 in each namespace and the
 * NIC of this one, until it is killed. MODE: auto, transparent, translate; host: the host is
 * reached. Says "ready" when guests may talk, then what changes and, on SIGUSR1, its counters.
 */
#include "base/random.h"
#include "port/netns.h"
#include "port/nic/nic.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct port *nic;

static const char *name_of(enum nic_mode mode)
{
	static const char *const names[] = {[NIC_AUTO] = "auto",
		[NIC_TRANSPARENT] = "transparent",
		[NIC_TRANSLATE] = "translate"};

	return names[mode];
}

static void on_change(void *, struct port *port)
{
	struct nic_status status;

	nic_port_status(port, &status);
	printf("nic %s %s: %s (%s)%s host by '%s' forwards %d guarded %d\n", port->interface,
		port->is_down ? "down" : "up", name_of(status.mode), status.why,
		status.is_promiscuous ? " promiscuous" : "", status.host_by, status.host_forwards,
		status.host_guarded);
	fflush(stdout);
}

static void on_event(void *, struct port *, const struct translate_event *event)
{
	static const char *const names[] = {"claimed", "moved", "full"};
	char ip[IP_TEXT_SIZE], owner[MAC_TEXT_SIZE], claimant[MAC_TEXT_SIZE];

	printf("event %s %s owner %s claimant %s\n", names[event->kind], ip_format(event->ip, ip),
		mac_format(event->owner, owner), mac_format(event->claimant, claimant));
	fflush(stdout);
}

static void print_drops(const char *which, const struct port_counters *counters)
{
	printf("%s %llu frames", which, (unsigned long long)counters->frames);
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		if (counters->drops[i])
			printf(" %s %llu", drop_name(i), (unsigned long long)counters->drops[i]);
	}
	puts("");
}

static void on_signal(struct watch *watch, uint32_t)
{
	struct signalfd_siginfo info;
	unsigned slots = hub_slot_count(nic->hub);

	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	on_change(NULL, nic);
	for (unsigned i = 0; i < slots; i++) {
		struct port *port = hub_port(nic->hub, i);

		if (!port)
			continue;
		printf("%s ", port->name);
		print_drops("in", &port->in);
		printf("%s ", port->name);
		print_drops("out", &port->out);
	}
	fflush(stdout);
}

static int watch_signal(struct loop *loop)
{
	static struct watch watch = {.on_ready = on_signal};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return loop_watch(loop, &watch, signalfd(-1, &set, SFD_CLOEXEC), EPOLLIN);
}

static int plug_guest(struct hub *hub, struct loop *loop, const char *where, struct error *error)
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

static int plug_nic(
	struct hub *hub, struct loop *loop, const char *mode, const char *dev, struct error *error)
{
	struct nic_port_settings port_settings = {.on_event = on_event, .on_change = on_change};
	struct nic_settings settings = {
		.reaches_host = strstr(mode, ",host"), .guards_host = strstr(mode, ",guard")};
	struct nic opened;
	int err;

	snprintf(settings.dev, sizeof(settings.dev), "%s", dev);
	settings.mode = strstr(mode, "translate")     ? NIC_TRANSLATE
			: strstr(mode, "transparent") ? NIC_TRANSPARENT
						      : NIC_AUTO;
	if (strstr(mode, ",proxy"))
		port_settings.dhcp = TRANSLATE_DHCP_PROXY;
	err = nic_open(&settings, &opened, error);
	if (err)
		return err;
	nic = nic_port_new(loop, &opened, &port_settings);
	if (!nic)
		return error_set(error, errno, "%s: %s", dev, strerror(errno));
	return hub_attach(hub, nic, loop_now(loop));
}

int main(int argc, char **argv)
{
	struct loop *loop = loop_new();
	struct error error = {0};
	struct hash_key key;
	struct hub *hub;
	int err;

	random_bytes(&key, sizeof(key));
	hub = hub_new("hub0", &key);
	if (!loop || !hub || argc < 3 || watch_signal(loop))
		return 1;
	err = plug_nic(hub, loop, argv[1], argv[2], &error);
	for (int i = 3; i < argc && !err; i++)
		err = plug_guest(hub, loop, argv[i], &error);
	if (err) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	on_change(NULL, nic);
	puts("ready");
	fflush(stdout);
	return loop_run(loop) ? 1 : 0;
}
