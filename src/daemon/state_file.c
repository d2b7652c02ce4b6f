/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int state_folder_make(const char *path, struct error *error)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(error, errno, "%s: %m", path);
	return 0;
}

static int write_whole(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t written = write(fd, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -ENOSPC;
		bytes += written;
		len -= (size_t)written;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* What a rename did is in the folder. */
static int sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	int fd, err;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return err;
}

int state_file_write(const char *path, const void *bytes, size_t len, struct error *error)
{
	char draft[PATH_MAX];
	int fd, err;

	snprintf(draft, sizeof(draft), "%s.new", path);
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(error, errno, "%s: %m", draft);
	err = write_whole(fd, bytes, len);
	close(fd);
	if (!err && rename(draft, path) < 0)
		err = -errno;
	if (!err)
		err = sync_folder_of(path);
	else
		unlink(draft);
	return err ? error_set(error, -err, "%s: %s", path, strerror(-err)) : 0;
}

static int read_all(int fd, char **ret_bytes, size_t *ret_len)
{
	struct stat stat;
	ssize_t len;
	char *bytes;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (stat.st_size > STATE_FILE_MAX)
		return -EFBIG;
	bytes = malloc((size_t)stat.st_size + 1);
	if (!bytes)
		return -ENOMEM;
	len = read(fd, bytes, (size_t)stat.st_size);
	if (len != stat.st_size) {
		int err = len < 0 ? -errno : -EIO;

		free(bytes);
		return err;
	}
	bytes[len] = '\0';
	*ret_bytes = bytes;
	*ret_len = (size_t)len;
	return 0;
}

int state_file_read(const char *path, char **ret_bytes, size_t *ret_len, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return error_set(error, errno, "%s: %m", path);
	err = read_all(fd, ret_bytes, ret_len);
	close(fd);
	return err ? error_set(error, -err, "%s: %s", path, strerror(-err)) : 0;
}
