/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vde/folder.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of names of data sockets, until one is free. */
#define TRIES 8

/* Without the group, or the right to give to it, the folder is ours alone. */
static int give_to_group(int fd, const char *name)
{
	const struct group *group = name ? getgrnam(name) : NULL;

	if (group && !fchown(fd, (uid_t)-1, group->gr_gid))
		return fchmod(fd, 02770);
	return fchmod(fd, 0700);
}

static int check_folder(int fd, const char *folder, const char *group, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set(error, errno, "%s: %m", folder);
	if (status.st_uid != geteuid())
		return error_set(error, EPERM,
			"%s: belongs to the user with the number %u, not to ours, %u", folder,
			status.st_uid, geteuid());
	return give_to_group(fd, group) ? error_set(error, errno, "%s: %m", folder) : 0;
}

int vde_folder_open(const char *folder, const char *group, struct error *error)
{
	int fd, err;

	if (mkdir(folder, 0700) && errno != EEXIST)
		return error_set(error, errno, "%s: %m", folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, errno, "%s: %m", folder);
	err = check_folder(fd, folder, group, error);
	close(fd);
	return err;
}

void vde_folder_close(const char *folder)
{
	rmdir(folder);
}

/*
 * What a path in a folder of many leads to may change at any time: the mode is set of what is seen
 * to be a socket of ours, and no other name of something else.
 */
static int open_to_group(const char *path)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = -EPERM;
	struct stat status;
	char self[32];

	if (fd < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!fstat(fd, &status) && S_ISSOCK(status.st_mode) && status.st_nlink == 1 &&
		status.st_uid == geteuid())
		err = chmod(self, 0660) ? -errno : 0;
	close(fd);
	return err;
}

static int bind_somewhere(int fd, const char *folder, struct peer_address *ret)
{
	struct sockaddr_un *name = &ret->name;

	for (unsigned i = 0; i < TRIES; i++) {
		*ret = (struct peer_address){{.sun_family = AF_UNIX}, sizeof(*name)};
		if (snprintf(name->sun_path, sizeof(name->sun_path), "%s/.lanyard-%08x", folder,
			    random_u32()) >= (int)sizeof(name->sun_path))
			return -ENAMETOOLONG;
		if (!bind(fd, (struct sockaddr *)name, ret->len))
			return 0;
		if (errno != EADDRINUSE)
			return -errno;
	}
	return -EADDRINUSE;
}

int vde_data_socket_open(const char *folder, uid_t peer, struct peer_address *ret_address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct peer_address address = {.len = 0};
	int err;

	if (fd < 0)
		return -errno;
	/* The file's mode is that of the socket, less the umask. */
	err = fchmod(fd, 0600) ? -errno : bind_somewhere(fd, folder, &address);
	if (!err && peer != 0 && peer != geteuid())
		err = open_to_group(address.name.sun_path);
	if (!err) {
		*ret_address = address;
		return fd;
	}
	close(fd);
	if (address.name.sun_path[0] == '/')
		unlink(address.name.sun_path);
	return err;
}
