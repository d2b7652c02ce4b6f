/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/resolv_conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define SYSTEM_ETC  ".system" /* what was /etc, under it */
#define SERVERS_MAX 3	      /* MAXNS, resolv.conf(5) */

/* A directory that holds nothing but our own files, seen by nobody else. */
struct scratch {
	char path[32];
};

static int scratch_open(struct scratch *scratch)
{
	snprintf(scratch->path, sizeof(scratch->path), "/tmp/lanyard-XXXXXX");
	if (!mkdtemp(scratch->path))
		return -errno;
	if (mount("tmpfs", scratch->path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")) {
		int err = -errno;

		rmdir(scratch->path);
		return err;
	}
	return 0;
}

/* What is mounted from it elsewhere lives on. */
static void scratch_close(const struct scratch *scratch)
{
	umount2(scratch->path, MNT_DETACH);
	rmdir(scratch->path);
}

/* nss-resolve(8) and nscd(8) answer from outside, with names the guest may not be able to reach. */
static void hide_resolvers(void)
{
	static const char *const folders[] = {"/run/systemd/resolve", "/run/nscd"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (!access(folders[i], F_OK))
			mount("tmpfs", folders[i], "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
}

/* A new file; never one that is there. */
static int create(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : fd;
}

/* target: an absolute path without symbolic links; its folder may just have been hidden. */
static int cover(const struct scratch *scratch, const char *target)
{
	char path[64];
	int fd, hole = create(target);

	if (hole >= 0)
		close(hole);
	snprintf(path, sizeof(path), "%s/resolv.conf", scratch->path);
	fd = create(path);
	if (fd >= 0 && mount(path, target, NULL, MS_BIND, NULL)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* Symbolic links as they are, for what they say may start from /etc; to anything else a link. */
static int link_entry(int etc, int copy, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(etc, name, target, sizeof(target) - 1);

	if (len >= 0)
		target[len] = '\0';
	else if (snprintf(target, sizeof(target), SYSTEM_ETC "/%s", name) >= (int)sizeof(target))
		return -ENAMETOOLONG;
	return symlinkat(target, copy, name) ? -errno : 0;
}

static int link_entries(DIR *etc, int copy)
{
	const struct dirent *entry;
	int err = 0;

	while (!err && (entry = readdir(etc))) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
			strcmp(name, "resolv.conf") != 0)
			err = link_entry(dirfd(etc), copy, name);
	}
	return err;
}

/*
 * There is nothing to put a file over, and /etc may not be ours to make one in: a folder of links
 * to what is in /etc goes over it, with one file more.
 */
static int add_to_etc(const struct scratch *scratch)
{
	char path[64];
	DIR *etc = opendir("/etc");
	int err, fd, copy = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(path, sizeof(path), "%s/" SYSTEM_ETC, scratch->path);
	err = !etc || copy < 0 || mkdir(path, 0755) ||
			      mount("/etc", path, NULL, MS_BIND | MS_REC, NULL)
		      ? -errno
		      : link_entries(etc, copy);
	if (etc)
		closedir(etc);
	if (copy >= 0)
		close(copy);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/resolv.conf", scratch->path);
	fd = create(path);
	if (fd >= 0 && mount(scratch->path, "/etc", NULL, MS_MOVE, NULL)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int resolv_conf_open(struct error *error)
{
	char target[PATH_MAX];
	struct scratch scratch;
	bool is_there = realpath(RESOLV_CONF, target);
	int fd = scratch_open(&scratch);

	if (fd < 0)
		return error_set(error, -fd, "%s: a private one: %s", RESOLV_CONF, strerror(-fd));
	hide_resolvers();
	fd = is_there ? cover(&scratch, target) : add_to_etc(&scratch);
	scratch_close(&scratch);
	if (fd < 0)
		return error_set(error, -fd, "%s: a private one: %s", RESOLV_CONF, strerror(-fd));
	return fd;
}

int resolv_conf_write(int fd, const struct dhcp_message *lease)
{
	const char *search = lease->search[0] ? lease->search : lease->domain;
	char text[DHCP_SEARCH_SIZE + SERVERS_MAX * (IP_TEXT_SIZE + 16)] = "", ip[IP_TEXT_SIZE];
	size_t len = 0;

	if (search[0])
		len += (size_t)snprintf(text, sizeof(text), "search %s\n", search);
	for (unsigned i = 0; i < lease->dns_count && i < SERVERS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "nameserver %s\n",
			ip_format(ip_from_v4(lease->dns[i]), ip));
	if (ftruncate(fd, 0) || pwrite(fd, text, len, 0) != (ssize_t)len)
		return -errno;
	return 0;
}
