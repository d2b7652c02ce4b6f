/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/own_namespaces.h"

#include "io/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_file(const char *path, const char *text, struct error *error)
{
	int err, fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(error, errno, "%s: %s", path, strerror(errno));
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err ? error_set(error, err, "%s: %s", path, strerror(err)) : 0;
}

/* user_namespaces(7): root in there is who we are out here, and nobody else is known. */
static int map_ids(uid_t user, gid_t group, struct error *error)
{
	char text[32];
	int err = write_file("/proc/self/setgroups", "deny", error);

	if (err)
		return err;
	snprintf(text, sizeof(text), "0 %u 1", user);
	err = write_file("/proc/self/uid_map", text, error);
	if (err)
		return err;
	snprintf(text, sizeof(text), "0 %u 1", group);
	return write_file("/proc/self/gid_map", text, error);
}

static int open_network(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static bool is_same_namespace(int a, int b)
{
	struct stat one, other;

	return !fstat(a, &one) && !fstat(b, &other) && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static bool network_is_ours(void)
{
	int user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	int network = open_network();
	int owner = network < 0 ? -1 : ioctl(network, NS_GET_USERNS);
	bool is_ours = user >= 0 && owner >= 0 && is_same_namespace(user, owner);

	close(user);
	close(network);
	close(owner);
	return is_ours;
}

int own_namespaces_leave_foreign_network(struct error *error)
{
	if (network_is_ours() || !unshare(CLONE_NEWNET))
		return 0;
	return error_set(error, errno, "making a network namespace: %s", strerror(errno));
}

/* Here, or in a user namespace with a network of its own to make interfaces in. */
static int become_able(struct error *error)
{
	uid_t user = geteuid();
	gid_t group = getegid();

	if (!unshare(CLONE_NEWNS))
		return own_namespaces_leave_foreign_network(error);
	if (errno != EPERM)
		return error_set(error, errno, "making namespaces: %s", strerror(errno));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS))
		return error_set(error, errno,
			"making a user namespace: %s (the system may forbid it to ordinary users; "
			"run as root)",
			strerror(errno));
	return map_ids(user, group, error);
}

/* Makes a network and comes back from it. */
static int make_network(struct error *error)
{
	int made = -1, home = open_network();

	if (home >= 0 && !unshare(CLONE_NEWNET)) {
		made = open_network();
		if (setns(home, CLONE_NEWNET) && made >= 0) {
			close(made);
			made = -1;
		}
	}
	if (made < 0)
		error_set(error, errno, "making a network namespace: %s", strerror(errno));
	if (home >= 0)
		close(home);
	return made < 0 ? -EPERM : made;
}

int own_namespaces_make(struct error *error)
{
	int err = become_able(error);

	if (err)
		return err;
	/* What is mounted outside later is seen in here, and nothing goes the other way. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return error_set(error, errno, "making mounts private: %s", strerror(errno));
	return make_network(error);
}

static int raise_loopback(struct error *error)
{
	const struct link_change up = {.up = true};
	struct netlink *netlink;
	int err = netlink_open(&netlink, error);

	if (err)
		return err;
	err = netlink_change_link(netlink, "lo", &up, error);
	netlink_close(netlink);
	return err;
}

int own_namespaces_enter(int network, struct error *error)
{
	if (setns(network, CLONE_NEWNET))
		return error_set(error, errno, "entering a network namespace: %s", strerror(errno));
	return raise_loopback(error);
}
