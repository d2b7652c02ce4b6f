/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/peer_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool peer_address_is_path(const struct peer_address *address)
{
	return address->len > offsetof(struct sockaddr_un, sun_path) &&
	       address->len <= sizeof(address->name) && address->name.sun_family == AF_UNIX &&
	       address->name.sun_path[0] == '/';
}

static int check(int fd, uid_t who)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	return who == 0 || who == status.st_uid ? 0 : -EPERM;
}

bool peer_path_is_harmless(uid_t who)
{
	return who == 0 || who == geteuid();
}

int peer_path_open(const struct peer_address *address, uid_t who)
{
	char path[sizeof(address->name.sun_path) + 1];
	int fd, err;

	if (!peer_address_is_path(address))
		return -EINVAL;
	snprintf(path, sizeof(path), "%.*s",
		(int)(address->len - offsetof(struct sockaddr_un, sun_path)),
		address->name.sun_path);
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = check(fd, who);
	if (!err)
		return fd;
	close(fd);
	return err;
}

struct peer_address peer_path_address(int path_fd)
{
	struct peer_address address = {{.sun_family = AF_UNIX}, sizeof(address.name)};

	snprintf(address.name.sun_path, sizeof(address.name.sun_path), "/proc/self/fd/%d", path_fd);
	return address;
}
