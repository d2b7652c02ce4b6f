/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A path, or "@name" in the abstract space; false for anything else. */
static bool address_of(const char *text, struct sockaddr_un *address, socklen_t *ret_len)
{
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(address->sun_path))
		return false;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, text, len);
	if (text[0] == '@')
		address->sun_path[0] = '\0';
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

/* systemd.service(5), Type=notify-reload: the time goes with RELOADING=1. */
static int complete(const char *state, char message[128])
{
	struct timespec t;

	if (strcmp(state, "RELOADING=1") != 0)
		return snprintf(message, 128, "%s", state);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return snprintf(message, 128, "%s\nMONOTONIC_USEC=%lld", state,
		(long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	char message[128];
	socklen_t address_len;
	int fd, len;

	if (!path || !address_of(path, &address, &address_len))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	len = complete(state, message);
	/* A manager that does not listen is none of our business. */
	(void)!sendto(
		fd, message, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&address, address_len);
	close(fd);
}
