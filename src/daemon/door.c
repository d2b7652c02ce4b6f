/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/door.h"

#include "base/list.h"
#include "daemon/reply.h"
#include "daemon/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct visitor {
	struct list node;
	struct door *door;
	struct watch watch;
	struct timer timer;
};

struct door {
	struct loop *loop;
	struct door_guest *guest;
	struct watch watch;
	struct list visitors;
	unsigned visitor_count;
	struct timer rest; /* set: no descriptor was free for who knocked */
	struct sockaddr_un address;
	int lock_fd; /* held while the daemon lives: who holds it owns the path */
	bool is_path_ours;
};

static int set_listening(struct door *door)
{
	bool may_come = door->visitor_count < DOOR_WAITING_MAX && !heap_has(&door->rest.node);

	return loop_watch_change(&door->watch, may_come ? EPOLLIN : 0);
}

static void on_rested(struct timer *timer, nsec)
{
	(void)!set_listening(CONTAINER_OF(timer, struct door, rest));
}

/* The socket, or -1 when it was handed on. */
static void visitor_free(struct visitor *visitor, int fd)
{
	struct door *door = visitor->door;

	loop_unwatch(&visitor->watch);
	timer_cancel(door->loop, &visitor->timer);
	list_remove(&visitor->node);
	door->visitor_count--;
	free(visitor);
	if (fd >= 0)
		close(fd);
	(void)!set_listening(door);
}

static unsigned take_descriptors(struct msghdr *message, int fds[REQUEST_FDS_MAX])
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c),
			count * sizeof(int)); /* the buffer has room for no more */
	}
	return count;
}

/* The bytes stay for who reads the request; the kernel gives us the descriptors all the same. */
static ssize_t peek(int fd, int fds[REQUEST_FDS_MAX], unsigned *ret_count)
{
	char byte;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(REQUEST_FDS_MAX * sizeof(int))];
	} control;
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ret_count = len < 0 ? 0 : take_descriptors(&message, fds);
	return len;
}

/*
 * RFC 9112 2.2: an empty line before a request is overlooked, and here it goes before the server
 * sees it: a read ends behind bytes that came with descriptors (unix(7)), and such a short read
 * looks to it as if there were no more to wait for.
 */
static void overlook_empty_line(int fd)
{
	char line[2];

	if (recv(fd, line, sizeof(line), MSG_PEEK | MSG_DONTWAIT) == sizeof(line) &&
		!memcmp(line, "\r\n", sizeof(line)))
		(void)!recv(fd, line, sizeof(line), MSG_DONTWAIT);
}

static void on_first_bytes(struct watch *watch, uint32_t)
{
	struct visitor *visitor = CONTAINER_OF(watch, struct visitor, watch);
	struct door_guest *guest = visitor->door->guest;
	int fds[REQUEST_FDS_MAX], fd = watch->fd;
	unsigned count;
	ssize_t len = peek(fd, fds, &count);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		visitor_free(visitor, fd);
		return;
	}
	visitor_free(visitor, -1);
	if (count)
		overlook_empty_line(fd);
	guest->on_guest(guest, fd, fds, count);
}

static void on_impatience(struct timer *timer, nsec)
{
	struct visitor *visitor = CONTAINER_OF(timer, struct visitor, timer);

	visitor_free(visitor, visitor->watch.fd);
}

static void welcome(struct door *door, int fd)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (visitor) {
		visitor->watch.on_ready = on_first_bytes;
		visitor->timer.on_expire = on_impatience;
		visitor->door = door;
	}
	if (!visitor || loop_watch(door->loop, &visitor->watch, fd, EPOLLIN)) {
		free(visitor);
		close(fd);
		return;
	}
	list_push_back(&door->visitors, &visitor->node);
	door->visitor_count++;
	timer_set(door->loop, &visitor->timer, loop_now(door->loop) + DOOR_PATIENCE);
	(void)!set_listening(door);
}

static void on_knock(struct watch *watch, uint32_t)
{
	struct door *door = CONTAINER_OF(watch, struct door, watch);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		welcome(door, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		/* Who knocks stays there: without a rest we would do nothing else. */
		timer_set(door->loop, &door->rest, loop_now(door->loop) + DOOR_REST);
		(void)!set_listening(door);
	}
}

/* A lock beside the socket says who owns the path, so that two daemons that start at once do not
 * both find the other's socket dead. */
static int lock_path(struct door *door, struct error *error)
{
	char path[sizeof(door->address.sun_path) + 8];

	snprintf(path, sizeof(path), "%s.lock", door->address.sun_path);
	door->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (door->lock_fd < 0)
		return error_set(error, errno, "%s: %m", path);
	if (flock(door->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, EADDRINUSE,
			"%s: another lanyardd is running here; stop it, or "
			"say --api PATH",
			door->address.sun_path);
	return 0;
}

static int open_socket(struct door *door, struct error *error)
{
	const char *path = door->address.sun_path;
	int fd, err = lock_path(door, error);

	if (!err)
		err = unix_socket_open(path, SOCK_STREAM, DOOR_GROUP, &fd, error);
	if (err)
		return err;
	door->is_path_ours = true;
	err = loop_watch(door->loop, &door->watch, fd, EPOLLIN);
	if (!err)
		return 0;
	close(fd);
	return error_set(error, -err, "%s: %s", path, strerror(-err));
}

int door_open(struct loop *loop, const char *path, struct door_guest *guest, struct door **ret_door,
	struct error *error)
{
	struct door *door = calloc(1, sizeof(*door));
	int err;

	if (!door)
		return error_set(error, ENOMEM, "%s: out of memory", path);
	door->loop = loop;
	door->guest = guest;
	door->watch = (struct watch){.on_ready = on_knock, .fd = -1};
	door->rest.on_expire = on_rested;
	door->lock_fd = -1;
	list_init(&door->visitors);
	door->address.sun_family = AF_UNIX;
	snprintf(door->address.sun_path, sizeof(door->address.sun_path), "%s", path);
	err = open_socket(door, error);
	if (err)
		door_close(door);
	else
		*ret_door = door;
	return err;
}

void door_close(struct door *door)
{
	int fd;

	if (!door)
		return;
	LIST_EACH(node, &door->visitors) {
		struct visitor *visitor = LIST_ENTRY(node, struct visitor, node);

		visitor_free(visitor, visitor->watch.fd);
	}
	fd = door->watch.fd;
	loop_unwatch(&door->watch);
	timer_cancel(door->loop, &door->rest);
	if (fd >= 0)
		close(fd);
	if (door->is_path_ours)
		unlink(door->address.sun_path);
	if (door->lock_fd >= 0)
		close(door->lock_fd);
	free(door);
}
