/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP ports of the outside that lead to a guest. */
#include "nat/udp_forward.h"

#include <errno.h>
#include <unistd.h>

bool udp_forward_transit(struct gateway *, const struct frame *, const struct packet *, nsec)
{
	return false;
}

int udp_forward(struct gateway *, const struct forward *, int fd)
{
	close(fd);
	return -EOPNOTSUPP;
}

void udp_forward_end(struct gateway *, const struct forward *)
{
}
