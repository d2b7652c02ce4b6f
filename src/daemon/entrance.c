/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/entrance.h"

#include "daemon/inet_socket.h"
#include "daemon/unix_socket.h"
#include "io/address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_INHERITED 3 /* sd_listen_fds(3): SD_LISTEN_FDS_START */
#define FD_PREFIX	"fd:"

struct entrance {
	struct loop *loop;
	struct entrance_settings settings;
	struct watch watch; /* listening, or a connection on its way */
	/* Set: until the next dialling, or, listening, no descriptor was free for a client. */
	struct timer rest;
	bool owns_path;
};

/* The n-th of "a:b:c". */
static bool is_nth_name(const char *names, unsigned n, const char *name)
{
	size_t len;

	for (; n && names; n--)
		names = strchr(names, ':') ? strchr(names, ':') + 1 : NULL;
	len = names ? strcspn(names, ":") : 0;
	return names && len == strlen(name) && !strncmp(names, name, len);
}

static bool is_inheritance_ours(void)
{
	const char *pid = getenv("LISTEN_PID");

	return pid && strtol(pid, NULL, 10) == getpid();
}

int entrance_inherited(const char *place, int *ret_fd, struct error *error)
{
	const char *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	const char *name = place + strlen(FD_PREFIX);
	int fd = -1;

	for (unsigned i = 0; is_inheritance_ours() && count && i < strtoul(count, NULL, 10); i++) {
		if (is_nth_name(names, i, name))
			fd = FIRST_INHERITED + (int)i;
	}
	if (fd < 0)
		return error_set(error, ENOENT,
			"%s: no socket of this name was inherited (LISTEN_FDNAMES is '%s')", place,
			names ? names : "");
	/* A duplicate: the original is there for the entrance that comes after this one. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return error_set(error, errno, "%s: %m", place);
	*ret_fd = fd;
	return 0;
}

/* Takes what on_client() got out of the entrance first: it may close it. */
static void hand_over(struct entrance *entrance)
{
	const struct entrance_settings settings = entrance->settings;
	int fd = entrance->watch.fd;

	loop_unwatch(&entrance->watch);
	settings.on_client(settings.owner, fd);
}

static void dial(struct entrance *entrance);

static void dial_later(struct entrance *entrance)
{
	timer_set(entrance->loop, &entrance->rest, loop_now(entrance->loop) + ENTRANCE_REDIAL);
}

static void on_dialled(struct entrance *entrance)
{
	int fd = entrance->watch.fd, code = 0;
	socklen_t len = sizeof(code);

	if (!getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) && !code) {
		hand_over(entrance);
		return;
	}
	loop_unwatch(&entrance->watch);
	close(fd);
	dial_later(entrance);
}

static socklen_t place_address(const char *place, struct sockaddr_storage *ret)
{
	struct sockaddr_un *path = (struct sockaddr_un *)ret;
	struct endpoint endpoint;

	if (place[0] != '/')
		return endpoint_parse(place, &endpoint) ? socket_address(&endpoint, ret) : 0;
	memset(ret, 0, sizeof(*ret));
	path->sun_family = AF_UNIX;
	memcpy(path->sun_path, place, MIN(strlen(place), sizeof(path->sun_path) - 1));
	return sizeof(*path);
}

/* Whoever is dialled may come later: no failure is final. */
static void dial(struct entrance *entrance)
{
	struct sockaddr_storage address;
	socklen_t len = place_address(entrance->settings.place, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && (!connect(fd, (struct sockaddr *)&address, len) || errno == EINPROGRESS) &&
		!loop_watch(entrance->loop, &entrance->watch, fd, EPOLLOUT))
		return;
	if (fd >= 0)
		close(fd);
	dial_later(entrance);
}

static void on_knock(struct entrance *entrance)
{
	const struct entrance_settings *settings = &entrance->settings;
	int fd = accept4(entrance->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		settings->on_client(settings->owner, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		/* Who knocks stays there: without a rest we would do nothing else. */
		(void)!loop_watch_change(&entrance->watch, 0);
		timer_set(entrance->loop, &entrance->rest,
			loop_now(entrance->loop) + NSEC_PER_SEC / 10);
	}
}

static bool is_listening(int fd)
{
	int answer = 0;
	socklen_t len = sizeof(answer);

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &len) && answer;
}

static void on_ready(struct watch *watch, uint32_t)
{
	struct entrance *entrance = CONTAINER_OF(watch, struct entrance, watch);

	if (entrance->settings.is_dialled)
		on_dialled(entrance);
	else if (is_listening(watch->fd))
		on_knock(entrance);
	else
		hand_over(entrance); /* an inherited connection: the one client there is */
}

static void on_rested(struct timer *timer, nsec)
{
	struct entrance *entrance = CONTAINER_OF(timer, struct entrance, rest);

	if (entrance->settings.is_dialled)
		dial(entrance);
	else
		(void)!loop_watch_change(&entrance->watch, EPOLLIN);
}

static int listen_at(struct entrance *entrance, int *ret_fd, struct error *error)
{
	const char *place = entrance->settings.place;
	struct endpoint endpoint;
	int err;

	if (!strncmp(place, FD_PREFIX, strlen(FD_PREFIX)))
		return entrance_inherited(place, ret_fd, error);
	if (endpoint_parse(place, &endpoint)) {
		err = inet_socket_open(false, &endpoint, ret_fd, error);
		return err ? error_wrap(error, err, "%s", place) : 0;
	}
	err = unix_socket_open(place, SOCK_STREAM, entrance->settings.group, ret_fd, error);
	entrance->owns_path = !err;
	return err;
}

static int start_listening(struct entrance *entrance, struct error *error)
{
	const char *place = entrance->settings.place;
	int fd, err = listen_at(entrance, &fd, error);

	if (err)
		return err;
	err = loop_watch(entrance->loop, &entrance->watch, fd,
		is_listening(fd) ? EPOLLIN : EPOLLIN | EPOLLOUT);
	if (!err)
		return 0;
	close(fd);
	return error_set(error, -err, "%s: %s", place, strerror(-err));
}

int entrance_open(struct loop *loop, const struct entrance_settings *settings,
	struct entrance **ret_entrance, struct error *error)
{
	struct entrance *entrance = calloc(1, sizeof(*entrance));
	int err = 0;

	if (!entrance)
		return error_set(error, ENOMEM, "out of memory");
	entrance->loop = loop;
	entrance->settings = *settings;
	entrance->watch = (struct watch){.on_ready = on_ready, .fd = -1};
	entrance->rest.on_expire = on_rested;
	if (settings->is_dialled)
		timer_set(loop, &entrance->rest, loop_now(loop)); /* not before the owner has it */
	else
		err = start_listening(entrance, error);
	if (err)
		entrance_close(entrance);
	else
		*ret_entrance = entrance;
	return err;
}

void entrance_close(struct entrance *entrance)
{
	int fd;

	if (!entrance)
		return;
	fd = entrance->watch.fd;
	loop_unwatch(&entrance->watch);
	timer_cancel(entrance->loop, &entrance->rest);
	if (fd >= 0)
		close(fd);
	if (entrance->owns_path)
		unlink(entrance->settings.place);
	free(entrance);
}

void entrance_redial(struct entrance *entrance)
{
	if (entrance->settings.is_dialled)
		dial_later(entrance);
}
