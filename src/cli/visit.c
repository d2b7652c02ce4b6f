/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/visit.h"

#include "cli/dhcp_interface.h"
#include "cli/own_namespaces.h"
#include "io/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLUG_SECONDS  10
#define RENEW_SECONDS 3

/* What the child says when it is back. Both are the same program: the bytes are the value. */
struct report {
	int exit_code;
	unsigned slot;
	struct dhcp_client client;
	struct error error;
};

struct stay {
	struct loop *loop;
	struct dhcp_interface dhcp;
	struct timer patience;
	struct report *report;
};

/*
 * A network that an ordinary user made is his, but only from within the user namespace it belongs
 * to: that is entered. Who may not enter it is told so when the interface is made.
 */
static int become_owner(int network, struct error *error)
{
	int owner = ioctl(network, NS_GET_USERNS);
	bool has_entered = owner >= 0 && !setns(owner, CLONE_NEWUSER);

	if (owner >= 0)
		close(owner);
	return has_entered || !geteuid() ? own_namespaces_leave_foreign_network(error) : 0;
}

/* From here on we may do everything with the network at `where`; returns its descriptor. */
static int prepare(const char *where, struct error *error)
{
	int err, network = netns_open(where, error);

	if (network < 0)
		return network;
	err = become_owner(network, error);
	if (!err)
		return network;
	close(network);
	return error_wrap(error, err, "network namespace '%s'", where);
}

static int enter(int network, const char *where, struct error *error)
{
	if (!setns(network, CLONE_NEWNET))
		return 0;
	return error_set(
		error, errno, "network namespace '%s': entering it: %s", where, strerror(errno));
}

static void finish(struct stay *stay, int exit_code)
{
	stay->report->exit_code = exit_code;
	loop_stop(stay->loop);
}

static void on_lease(struct dhcp_interface *dhcp, int err, const struct error *error)
{
	struct stay *stay = CONTAINER_OF(dhcp, struct stay, dhcp);

	stay->report->error = *error;
	finish(stay, err ? EXIT_FAILED : EXIT_FINE);
}

static void on_patience_ends(struct timer *timer, nsec)
{
	struct stay *stay = CONTAINER_OF(timer, struct stay, patience);

	error_set(&stay->report->error, ETIMEDOUT, "no DHCP server gave an address in time");
	finish(stay, EXIT_FAILED);
}

/* Until there is a lease, or patience ends. resumed: NULL at first. */
static void ask(const struct visit *visit, const struct dhcp_client *resumed, struct report *report)
{
	const struct dhcp_wish wish = {
		.interface = visit->guest.interface,
		.name = visit->guest.name,
		.keeps_mtu = visit->guest.has_own_mtu,
	};
	struct stay stay = {.loop = loop_new(),
		.report = report,
		.dhcp.on_lease = on_lease,
		.patience.on_expire = on_patience_ends};
	nsec seconds = resumed ? RENEW_SECONDS : PLUG_SECONDS;
	int err;

	report->exit_code = EXIT_FAILED;
	if (!stay.loop)
		return;
	timer_set(stay.loop, &stay.patience, loop_now(stay.loop) + seconds * NSEC_PER_SEC);
	if (resumed)
		err = dhcp_interface_resume(&stay.dhcp, stay.loop, &wish, resumed, &report->error);
	else
		err = dhcp_interface_start(&stay.dhcp, stay.loop, &wish, &report->error);
	if (!err)
		err = loop_run(stay.loop);
	if (!err)
		report->client = stay.dhcp.client;
	dhcp_interface_stop(&stay.dhcp);
	loop_free(stay.loop);
}

static void plug_network(struct visit *visit, int network, struct api *api, struct report *report)
{
	struct error unheard = {0};
	char netns[32];
	int err;

	snprintf(netns, sizeof(netns), "/proc/self/fd/%d", network);
	report->exit_code = call_exit(guest_plug(&visit->guest, netns, api, &report->error));
	report->slot = visit->guest.slot;
	if (report->exit_code || visit->without_dhcp)
		return;
	report->exit_code = EXIT_FAILED;
	if (!enter(network, visit->netns, &report->error))
		ask(visit, NULL, report);
	if (report->exit_code) {
		err = api_delete(
			api, &unheard, "/v1/hubs/%s/ports/%u", visit->guest.hub, visit->guest.slot);
		(void)err;
	}
}

static void plug(struct visit *visit, struct report *report)
{
	struct api *api = api_open(visit->api_path);
	int network = api ? prepare(visit->netns, &report->error) : -ENOMEM;

	if (network < 0) {
		report->exit_code = api ? EXIT_BAD_INPUT : EXIT_FAILED;
		return;
	}
	plug_network(visit, network, api, report);
	close(network);
}

static bool is_still_ours(const struct visit *visit)
{
	struct netlink *netlink = NULL;
	struct error unheard = {0};
	struct link_info link;
	bool is_ours = !netlink_open(&netlink, &unheard) &&
		       !netlink_find_link(netlink, visit->guest.interface, &link, &unheard) &&
		       mac_equal(link.mac, visit->client.request.mac);

	netlink_close(netlink);
	return is_ours;
}

static void renew(struct visit *visit, struct report *report)
{
	int network = prepare(visit->netns, &report->error);

	report->exit_code = EXIT_UNREACHABLE;
	if (network < 0 || enter(network, visit->netns, &report->error) || !is_still_ours(visit))
		return;
	report->client = visit->client;
	ask(visit, &visit->client, report);
}

/* Runs call in a child and reads its report; false when it could not say anything. */
static bool run(
	struct visit *visit, void (*call)(struct visit *, struct report *), struct report *report)
{
	int ends[2];
	size_t got = 0;
	ssize_t len;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	pid = fork();
	if (!pid) {
		call(visit, report);
		len = write(ends[1], report, sizeof(*report));
		_exit(len != sizeof(*report));
	}
	close(ends[1]);
	while (got < sizeof(*report) &&
		(len = read(ends[0], (char *)report + got, sizeof(*report) - got)) > 0)
		got += (size_t)len;
	close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return got == sizeof(*report);
}

int visit_plug(struct visit *visit, struct error *error)
{
	struct report report = {0};

	if (!run(visit, plug, &report))
		report = (struct report){.exit_code = EXIT_FAILED};
	visit->guest.slot = report.slot;
	visit->client = report.client;
	if (report.exit_code)
		error_set(error, EIO, "%s",
			report.error.text[0] ? report.error.text : "out of memory");
	return report.exit_code;
}

bool visit_renew(struct visit *visit)
{
	struct report report = {0};

	if (!run(visit, renew, &report))
		return true; /* no memory now; later perhaps */
	if (report.exit_code == EXIT_UNREACHABLE)
		return false;
	visit->client = report.client;
	return true;
}
