/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/api_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool api_socket_path(const char *given, char ret_path[API_PATH_SIZE])
{
	const char *chosen = given ? given : getenv("LANYARD_API");
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (chosen && *chosen)
		snprintf(ret_path, API_PATH_SIZE, "%s", chosen);
	else if (!geteuid())
		snprintf(ret_path, API_PATH_SIZE, "/run/lanyard/api.sock");
	else if (runtime && *runtime)
		snprintf(ret_path, API_PATH_SIZE, "%s/lanyard/api.sock", runtime);
	else
		snprintf(ret_path, API_PATH_SIZE, "/run/user/%u/lanyard/api.sock", geteuid());
	return chosen && *chosen;
}

int api_socket_send(int to, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec line = {.iov_base = "\r\n", .iov_len = 2};
	struct msghdr message = {.msg_iov = &line,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(to, &message, MSG_NOSIGNAL) == 2 ? 0 : -errno;
}

int api_socket_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int err, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}
