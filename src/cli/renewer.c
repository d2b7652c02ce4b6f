/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/renewer.h"

#include "cli/api_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_SECONDS 30 /* at the earliest, when a server is silent */

static nsec clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* The daemon tells us when anything happens on the hub; that it hangs up says that it is gone. */
static int open_events(const struct visit *visit)
{
	char request[128];
	int fd = api_socket_connect(visit->api_path);
	int len = snprintf(request, sizeof(request),
		"GET /v1/events?hub=%s HTTP/1.1\r\nHost: lanyard\r\n\r\n", visit->guest.hub);

	if (fd >= 0 && write(fd, request, (size_t)len) != len) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static bool port_is_there(const struct visit *visit)
{
	struct api *api = api_open(visit->api_path);
	struct error unheard = {0};
	json_t *port = NULL;
	const char *mac;
	struct mac found;
	bool is_there;

	if (!api || api_get(api, &port, &unheard, "/v1/hubs/%s/ports/%u", visit->guest.hub,
			    visit->guest.slot)) {
		api_close(api);
		return false;
	}
	mac = json_string_value(json_object_get(port, "mac"));
	is_there = mac && mac_parse(mac, &found) && mac_equal(found, visit->client.request.mac);
	json_decref(port);
	api_close(api);
	return is_there;
}

/* Sleeps until something has happened on the hub, or the client has something to do. */
static bool has_news(int events, nsec until)
{
	nsec left = until - clock_now(), patience = MAX(left, 0);
	struct pollfd polled = {events, POLLIN, 0};
	struct timespec t = {patience / NSEC_PER_SEC, patience % NSEC_PER_SEC};

	return ppoll(&polled, 1, until == NSEC_NEVER ? NULL : &t, NULL) > 0;
}

static void keep(struct visit *visit, int events)
{
	nsec next = visit->client.next;
	char news[4096];

	for (;;) {
		if (has_news(events, next)) {
			if (read(events, news, sizeof(news)) <= 0 || !port_is_there(visit))
				return;
		} else if (clock_now() >= next) {
			if (!visit_renew(visit))
				return;
			next = visit->client.next;
			if (visit->client.state != DHCP_CLIENT_BOUND)
				next = MAX(next, clock_now() + AGAIN_SECONDS * NSEC_PER_SEC);
		}
	}
}

/* Nothing of whoever started us: no terminal, no pipe that would never end. */
static void let_go(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; fd <= 2; fd++)
		if (nothing < 0 || dup2(nothing, fd) < 0)
			close(fd);
	if (chdir("/"))
		_exit(1);
}

int renewer_start(const struct visit *visit)
{
	struct visit own = *visit;
	int events = open_events(visit);
	pid_t pid;

	if (events < 0)
		return events;
	pid = fork();
	if (!pid) {
		let_go();
		if (port_is_there(&own)) /* what happened before the events began */
			keep(&own, events);
		_exit(0);
	}
	close(events);
	return pid < 0 ? -errno : 0;
}
