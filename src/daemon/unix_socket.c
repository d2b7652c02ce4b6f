/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_answered(const struct sockaddr_un *address, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_answered = fd >= 0 &&
			   (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
				   errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return is_answered;
}

static int remove_stale(const struct sockaddr_un *address, int type, struct error *error)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : error_set(error, errno, "%s: %m", path);
	if (!S_ISSOCK(status.st_mode))
		return error_set(error, EEXIST, "%s: is there and is no socket", path);
	if (is_answered(address, type))
		return error_set(error, EADDRINUSE, "%s: somebody uses this socket already", path);
	if (unlink(path) < 0)
		return error_set(error, errno, "%s: %m", path);
	return 0;
}

/* Without the right to do so, or the group, it stays with our own. */
static void give_to_group(const char *path, const char *name)
{
	const struct group *group = getgrnam(name);

	if (group)
		(void)!chown(path, (uid_t)-1, group->gr_gid);
}

static int bind_and_listen(
	int fd, const struct sockaddr_un *address, int type, const char *group, struct error *error)
{
	mode_t before = umask(group ? 0117 : 0177); /* from its first moment on */
	int bound = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	umask(before);
	if (bound < 0)
		return error_set(error, errno, "%s: %m", address->sun_path);
	if (group)
		give_to_group(address->sun_path, group);
	if (type != SOCK_STREAM || !listen(fd, SOMAXCONN))
		return 0;
	error_set(error, errno, "%s: %m", address->sun_path);
	unlink(address->sun_path);
	return -EIO;
}

int unix_socket_open(
	const char *path, int type, const char *group, int *ret_fd, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(error, ENAMETOOLONG,
			"%s: longer than the %zu bytes a socket may have", path,
			sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	err = remove_stale(&address, type, error);
	if (err)
		return err;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, errno, "a socket: %m");
	err = bind_and_listen(fd, &address, type, group, error);
	if (err)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}
