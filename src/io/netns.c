/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_pid(const char *where)
{
	return where[strspn(where, "0123456789")] == '\0';
}

static int open_path(const char *where, const char *path, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(
			error, errno, "network namespace '%s': %s", where, strerror(errno));
	return fd;
}

static int open_pid(const char *where, struct error *error)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", where);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return error_set(error, ESRCH, "network namespace '%s': there is no process %s",
			where, where);
	if (errno == EACCES || errno == EPERM)
		return error_set(error, errno,
			"network namespace '%s': looking into process %s needs its user, or "
			"CAP_SYS_PTRACE",
			where, where);
	return error_set(
		error, errno, "network namespace '%s': %s: %s", where, path, strerror(errno));
}

static int open_name(const char *where, struct error *error)
{
	static const char *const folders[] = {"/run/netns", "/var/run/netns"};
	char path[PATH_MAX];
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], where);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	if (errno == ENOENT)
		return error_set(error, ENOENT,
			"network namespace '%s': no such name under /run/netns", where);
	return error_set(error, errno, "network namespace '%s': %s", where, strerror(errno));
}

int netns_open(const char *where, struct error *error)
{
	int fd;

	if (!where[0])
		return error_set(
			error, EINVAL, "network namespace '': a path, name or PID is needed");
	if (strchr(where, '/'))
		fd = open_path(where, where, error);
	else if (is_pid(where))
		fd = open_pid(where, error);
	else
		fd = open_name(where, error);
	if (fd >= 0 && ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		close(fd);
		return error_set(error, EINVAL, "'%s' is not a network namespace", where);
	}
	return fd;
}

static int enter(const char *where, int fd, struct error *error)
{
	if (!setns(fd, CLONE_NEWNET))
		return 0;
	if (errno == EPERM)
		return error_set(error, EPERM,
			"network namespace '%s': entering it needs CAP_SYS_ADMIN (run as root)",
			where);
	return error_set(error, errno, "network namespace '%s': %s", where, strerror(errno));
}

int netns_call(const char *where, int (*call)(void *argument), void *argument, struct error *error)
{
	int home, fd, result;

	if (!where || !where[0])
		return call(argument);
	fd = netns_open(where, error);
	if (fd < 0)
		return fd;
	home = open_path("/proc/thread-self/ns/net", "/proc/thread-self/ns/net", error);
	result = home < 0 ? home : enter(where, fd, error);
	if (!result) {
		result = call(argument);
		if (setns(home, CLONE_NEWNET) < 0)
			abort();
	}
	if (home >= 0)
		close(home);
	close(fd);
	return result;
}
