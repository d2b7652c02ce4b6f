/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/vmnet_interface.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned read_flags(const char *name)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return 0;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	err = ioctl(fd, SIOCGIFFLAGS, &request);
	close(fd);
	return err < 0 ? 0 : (unsigned short)request.ifr_flags;
}

/* Lines of "index name users gusers address", the last as 12 hexadecimal digits. */
static bool read_group(const char *line, const char *name, struct mac *ret_group)
{
	char owner[IFNAMSIZ];
	uint8_t *b = ret_group->bytes;

	return sscanf(line, "%*d %15s %*d %*d %2hhx%2hhx%2hhx%2hhx%2hhx%2hhx", owner, &b[0], &b[1],
		       &b[2], &b[3], &b[4], &b[5]) == 7 &&
	       !strcmp(owner, name);
}

struct vmnet_interface vmnet_interface_read(const char *name)
{
	struct vmnet_interface interface = {.flags = read_flags(name)};
	FILE *file = fopen("/proc/net/dev_mcast", "re");
	char line[128];
	struct mac group;

	while (file && fgets(line, sizeof(line), file)) {
		if (read_group(line, name, &group))
			vmnet_filter_add(&interface.filter, group);
	}
	if (file)
		fclose(file);
	return interface;
}
