/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command as a guest: `lanyard exec`. */
#include "cli/child.h"
#include "cli/command.h"
#include "cli/dhcp_interface.h"
#include "cli/guest.h"
#include "cli/options.h"
#include "cli/own_namespaces.h"
#include "cli/private_daemon.h"
#include "cli/resolv_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_HUB	 "hub8"
#define CANNOT_RUN	 126 /* as a shell says it */
#define NOT_FOUND	 127
#define PATIENCE_SECONDS 10 /* for an address */

struct run {
	struct call *call;
	struct guest guest;
	struct loop *loop;
	struct dhcp_interface dhcp;
	struct timer patience;
	struct child child;
	int resolv_conf; /* a descriptor */
	bool has_child;
	int exit_code;
};

static void finish(struct run *run, int exit_code)
{
	run->exit_code = exit_code;
	loop_stop(run->loop);
}

static void on_exit_of_child(struct child *child, int exit_code)
{
	finish(CONTAINER_OF(child, struct run, child), exit_code);
}

static void start_command(struct run *run)
{
	int err;

	run->child.on_exit = on_exit_of_child;
	run->has_child = true;
	err = child_start(&run->child, run->loop, run->call->args, &run->call->error);
	if (err)
		finish(run, err == -ENOENT ? NOT_FOUND : CANNOT_RUN);
}

/* Of the first lease, and of every renewal: then only the name servers may be new. */
static void on_lease(struct dhcp_interface *dhcp, int err, const struct error *error)
{
	struct run *run = CONTAINER_OF(dhcp, struct run, dhcp);

	timer_cancel(run->loop, &run->patience);
	if (!err && resolv_conf_write(run->resolv_conf, &dhcp->client.lease))
		err = -EIO;
	if (run->has_child)
		return;
	if (!err) {
		start_command(run);
		return;
	}
	error_set(&run->call->error, -err, "%s",
		error->text[0] ? error->text : "/etc/resolv.conf cannot be written");
	finish(run, EXIT_FAILED);
}

static void on_patience_ends(struct timer *timer, nsec)
{
	struct run *run = CONTAINER_OF(timer, struct run, patience);

	error_set(&run->call->error, ETIMEDOUT,
		"%s: no DHCP server gave an address within %d s; plug one ('lanyard plug %s dhcp'), "
		"or use --no-dhcp",
		run->guest.hub, PATIENCE_SECONDS, run->guest.hub);
	finish(run, EXIT_FAILED);
}

static int start_dhcp(struct run *run)
{
	const struct dhcp_wish wish = {
		.interface = run->guest.interface,
		.name = run->guest.name,
		.keeps_mtu = run->guest.has_own_mtu,
	};

	run->dhcp.on_lease = on_lease;
	run->patience.on_expire = on_patience_ends;
	timer_set(run->loop, &run->patience, loop_now(run->loop) + PATIENCE_SECONDS * NSEC_PER_SEC);
	return dhcp_interface_start(&run->dhcp, run->loop, &wish, &run->call->error);
}

static int run_loop(struct run *run, bool without_dhcp)
{
	run->loop = loop_new();
	if (!run->loop) {
		error_set(&run->call->error, errno, "event loop: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (without_dhcp)
		start_command(run);
	else if (start_dhcp(run))
		finish(run, EXIT_FAILED);
	if (loop_run(run->loop) && !run->call->error.text[0])
		run->exit_code = EXIT_FAILED;
	dhcp_interface_release(&run->dhcp);
	dhcp_interface_stop(&run->dhcp);
	child_done(&run->child);
	loop_free(run->loop);
	return run->exit_code;
}

/* The interface would go with its namespace, but a command may leave processes behind in there. */
static void unplug(const struct run *run, struct api *api)
{
	struct error unheard = {0};
	int err = api_delete(
		api, &unheard, "/v1/hubs/%s/ports/%u", run->guest.hub, run->guest.slot);

	(void)err; /* the daemon is gone, or somebody unplugged it before */
}

/* In namespaces that are made already; network: the guest's. */
static int run_plugged(struct run *run, struct api *api, int network, bool without_dhcp)
{
	struct error *error = &run->call->error;
	char netns[32];
	int code;

	run->resolv_conf = resolv_conf_open(error);
	if (run->resolv_conf < 0)
		return EXIT_FAILED;
	snprintf(netns, sizeof(netns), "/proc/self/fd/%d", network);
	code = call_exit(guest_plug(&run->guest, netns, api, error));
	if (!code) {
		code = EXIT_FAILED;
		if (!own_namespaces_enter(network, error))
			code = run_loop(run, without_dhcp);
		unplug(run, api);
	}
	close(run->resolv_conf);
	return code;
}

static int run_as_guest(struct run *run, struct api *api, bool without_dhcp)
{
	int code, network, err = guest_find_hub(&run->guest, api, &run->call->error);

	if (err)
		return call_exit(err);
	network = own_namespaces_make(&run->call->error);
	if (network < 0)
		return EXIT_FAILED;
	code = run_plugged(run, api, network, without_dhcp);
	close(network);
	return code;
}

/* With a daemon of its own where none runs, unless a certain one was asked for. */
static int run_with_daemon(struct run *run, bool without_dhcp)
{
	struct private_daemon daemon = {.lifeline = -1};
	struct api *api = api_open(run->call->api_path);
	int code = EXIT_FAILED;

	if (api && !api_is_chosen(api) && !api_answers(api)) {
		api_close(api);
		if (private_daemon_start(&daemon, &run->call->error))
			return EXIT_FAILED;
		api = api_open(daemon.api_path);
	}
	if (api)
		code = run_as_guest(run, api, without_dhcp);
	else
		error_set(&run->call->error, ENOMEM, "out of memory");
	api_close(api);
	if (daemon.lifeline >= 0)
		private_daemon_stop(&daemon);
	return code;
}

int exec_run(struct call *call)
{
	struct guest_options given = {.hub = DEFAULT_HUB, .interface = "eth0"};
	const struct option options[] = {
		{"hub", .value = &given.hub},
		{"name", .value = &given.name},
		{"mac", .value = &given.mac},
		{"mtu", .value = &given.mtu},
		{"no-dhcp", .flag = &given.without_dhcp},
	};
	struct run run = {.call = call};
	int refused = options_read(call, options, ARRAY_SIZE(options), OPERANDS_END_OPTIONS);

	if (!refused && !call->arg_count)
		refused = call_refuse(call, "which command?");
	if (!refused)
		refused = guest_read(call, &given, &run.guest);
	return refused ? refused : run_with_daemon(&run, given.without_dhcp);
}
