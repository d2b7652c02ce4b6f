/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512

/* A person who copied a key as he copies other files should hear of it before others read it. */
static int check_modes(int fd, const char *path, struct error *error)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return error_set(error, errno, "%s: %m", path);
	if (!S_ISREG(stat.st_mode))
		return error_set(error, EINVAL, "%s: not a file", path);
	if (stat.st_uid != geteuid() && stat.st_uid)
		return error_set(error, EPERM, "%s: belongs to user %u; should be ours or root's",
			path, stat.st_uid);
	if (stat.st_mode & 077)
		return error_set(error, EPERM,
			"%s: others may use it (mode %04o); it holds secrets: chmod 600", path,
			stat.st_mode & 07777);
	return 0;
}

static int read_whole(
	int fd, const char *path, void *bytes, size_t size, size_t *ret_len, struct error *error)
{
	size_t len = 0;

	for (;;) {
		uint8_t one_more;
		bool is_full = len == size;
		ssize_t part = read(
			fd, is_full ? &one_more : (uint8_t *)bytes + len, is_full ? 1 : size - len);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return error_set(error, errno, "%s: %m", path);
		if (!part)
			break;
		if (is_full)
			return error_set(error, EFBIG, "%s: longer than %zu bytes", path, size);
		len += (size_t)part;
	}
	*ret_len = len;
	return 0;
}

int secret_file_read(
	const char *path, void *bytes, size_t size, size_t *ret_len, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return error_set(error, errno, "%s: %m", path);
	err = check_modes(fd, path, error);
	if (!err)
		err = read_whole(fd, path, bytes, size, ret_len, error);
	close(fd);
	return err;
}

static int write_whole(int fd, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t part = write(fd, bytes, len);

		if (part < 0 && errno != EINTR)
			return -errno;
		if (part > 0) {
			bytes += part;
			len -= (size_t)part;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* A file of that content beside the one that is meant; on failure there is none. */
static int write_draft(const char *draft, const void *bytes, size_t len)
{
	int fd, err;

	unlink(draft); /* of a process with our number that was killed */
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_whole(fd, bytes, len);
	close(fd);
	if (err < 0)
		unlink(draft);
	return err;
}

static int sync_folder(const char *path)
{
	char folder[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	int fd, err;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash + 1 - path) : 1,
		slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int put_in_place(const char *draft, const char *path, bool may_replace)
{
	int err = 0;

	if (may_replace ? rename(draft, path) : link(draft, path))
		err = -errno;
	if (err || !may_replace)
		unlink(draft);
	return err ? err : sync_folder(path);
}

static int write_file(
	const char *path, const void *bytes, size_t len, bool may_replace, struct error *error)
{
	char draft[PATH_SIZE];
	int err;

	if ((size_t)snprintf(draft, sizeof(draft), "%s.%d", path, getpid()) >= sizeof(draft))
		return error_set(error, ENAMETOOLONG, "%s: too long a name", path);
	err = write_draft(draft, bytes, len);
	if (!err)
		err = put_in_place(draft, path, may_replace);
	if (!err || (err == -EEXIST && !may_replace))
		return err;
	return error_set(error, -err, "%s: %s", path, strerror(-err));
}

int secret_file_write(const char *path, const void *bytes, size_t len, struct error *error)
{
	return write_file(path, bytes, len, true, error);
}

int secret_file_create(const char *path, const void *bytes, size_t len, struct error *error)
{
	return write_file(path, bytes, len, false, error);
}

/* What is there behind `at` when this fails is not to be read: nothing, where that can be had. */
static int append(int fd, off_t at, const void *bytes, size_t len)
{
	int err = write_whole(fd, bytes, len);

	if (err < 0)
		(void)!ftruncate(fd, at);
	return err;
}

int secret_file_append(
	const char *path, size_t at, const void *bytes, size_t len, struct error *error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err;
	struct stat stat;

	if (fd < 0 && errno == ENOENT)
		return -ESTALE;
	if (fd < 0)
		return error_set(error, errno, "%s: %m", path);
	if (fstat(fd, &stat) < 0)
		err = -errno;
	else if (!S_ISREG(stat.st_mode) || stat.st_size != (off_t)at)
		err = -ESTALE;
	else
		err = append(fd, (off_t)at, bytes, len);
	close(fd);
	if (!err || err == -ESTALE)
		return err;
	return error_set(error, -err, "%s: %s", path, strerror(-err));
}
