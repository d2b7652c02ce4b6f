/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/address_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is said does not matter, only that something is: even words that were lost for want of room
 * (ENOBUFS) say that. */
static void on_ready(struct watch *watch, uint32_t)
{
	struct address_watch *self = CONTAINER_OF(watch, struct address_watch, watch);
	char words[8192];

	while (recv(watch->fd, words, sizeof(words), MSG_DONTWAIT) > 0)
		;
	self->on_change(self);
}

int address_watch_open(struct address_watch *watch, struct loop *loop,
	void (*on_change)(struct address_watch *watch))
{
	const struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	watch->watch.on_ready = on_ready;
	watch->on_change = on_change;
	err = bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0 ? -errno : 0;
	if (!err)
		err = loop_watch(loop, &watch->watch, fd, EPOLLIN);
	if (err) {
		watch->watch.loop = NULL;
		close(fd);
	}
	return err;
}

void address_watch_close(struct address_watch *watch)
{
	int fd = watch->watch.fd;

	if (!watch->watch.loop)
		return;
	loop_unwatch(&watch->watch);
	close(fd);
	watch->watch.loop = NULL;
}
