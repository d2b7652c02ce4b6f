/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE_OF(member) sizeof(((union vhost_payload *)NULL)->member)

/* What a request looks like; any other look is a lie. */
struct shape {
	const char *name;
	uint32_t size_min, size_max; /* of its payload, bytes */
	unsigned fds_min, fds_max;
};

/* The sizes of inflight descriptions differ by the padding that some compilers put behind. */
static const struct shape shapes[VHOST_REQUEST_COUNT] = {
	[VHOST_GET_FEATURES] = {"GET_FEATURES", 0, SIZE_OF(value), 0, 0},
	[VHOST_SET_FEATURES] = {"SET_FEATURES", SIZE_OF(value), SIZE_OF(value), 0, 0},
	[VHOST_SET_OWNER] = {"SET_OWNER", 0, SIZE_OF(value), 0, 0},
	[VHOST_RESET_OWNER] = {"RESET_OWNER", 0, SIZE_OF(value), 0, 0},
	[VHOST_SET_MEM_TABLE] = {"SET_MEM_TABLE", 8, SIZE_OF(table), 0, VHOST_TABLE_MAX},
	[VHOST_SET_LOG_BASE] = {"SET_LOG_BASE", SIZE_OF(log), SIZE_OF(log), 1, 1},
	[VHOST_SET_LOG_FD] = {"SET_LOG_FD", 0, SIZE_OF(value), 0, 1},
	[VHOST_SET_VRING_NUM] = {"SET_VRING_NUM", SIZE_OF(state), SIZE_OF(state), 0, 0},
	[VHOST_SET_VRING_ADDR] = {"SET_VRING_ADDR", SIZE_OF(addr), SIZE_OF(addr), 0, 0},
	[VHOST_SET_VRING_BASE] = {"SET_VRING_BASE", SIZE_OF(state), SIZE_OF(state), 0, 0},
	[VHOST_GET_VRING_BASE] = {"GET_VRING_BASE", SIZE_OF(state), SIZE_OF(state), 0, 0},
	[VHOST_SET_VRING_KICK] = {"SET_VRING_KICK", SIZE_OF(value), SIZE_OF(value), 0, 1},
	[VHOST_SET_VRING_CALL] = {"SET_VRING_CALL", SIZE_OF(value), SIZE_OF(value), 0, 1},
	[VHOST_SET_VRING_ERR] = {"SET_VRING_ERR", SIZE_OF(value), SIZE_OF(value), 0, 1},
	[VHOST_GET_PROTOCOL_FEATURES] = {"GET_PROTOCOL_FEATURES", 0, SIZE_OF(value), 0, 0},
	[VHOST_SET_PROTOCOL_FEATURES] = {"SET_PROTOCOL_FEATURES", SIZE_OF(value), SIZE_OF(value), 0,
		0},
	[VHOST_GET_QUEUE_NUM] = {"GET_QUEUE_NUM", 0, SIZE_OF(value), 0, 0},
	[VHOST_SET_VRING_ENABLE] = {"SET_VRING_ENABLE", SIZE_OF(state), SIZE_OF(state), 0, 0},
	[VHOST_SEND_RARP] = {"SEND_RARP", SIZE_OF(value), SIZE_OF(value), 0, 0},
	[VHOST_NET_SET_MTU] = {"NET_SET_MTU", SIZE_OF(value), SIZE_OF(value), 0, 0},
	[VHOST_GET_INFLIGHT_FD] = {"GET_INFLIGHT_FD", 20, SIZE_OF(inflight), 0, 0},
	[VHOST_SET_INFLIGHT_FD] = {"SET_INFLIGHT_FD", 20, SIZE_OF(inflight), 1, 1},
	[VHOST_RESET_DEVICE] = {"RESET_DEVICE", 0, SIZE_OF(value), 0, 0},
	[VHOST_GET_MAX_MEM_SLOTS] = {"GET_MAX_MEM_SLOTS", 0, SIZE_OF(value), 0, 0},
	[VHOST_ADD_MEM_REG] = {"ADD_MEM_REG", SIZE_OF(slot), SIZE_OF(slot), 1, 1},
	[VHOST_REM_MEM_REG] = {"REM_MEM_REG", SIZE_OF(slot), SIZE_OF(slot), 0, 1},
	[VHOST_SET_STATUS] = {"SET_STATUS", SIZE_OF(value), SIZE_OF(value), 0, 0},
	[VHOST_GET_STATUS] = {"GET_STATUS", 0, SIZE_OF(value), 0, 0},
};

static const struct shape *shape_of(uint32_t request)
{
	return request < VHOST_REQUEST_COUNT && shapes[request].name ? &shapes[request] : NULL;
}

const char *vhost_request_name(uint32_t request)
{
	const struct shape *shape = shape_of(request);

	return shape ? shape->name : NULL;
}

/* A request we do not know may have any payload we have room for. */
static int check_header(const struct vhost_header *header, struct error *error)
{
	const struct shape *shape = shape_of(header->request);

	if ((header->flags & VHOST_FLAG_VERSION_MASK) != VHOST_FLAG_VERSION ||
		header->flags & VHOST_FLAG_REPLY)
		return error_set(error, EPROTO, "request %u comes with flags 0x%x", header->request,
			header->flags);
	if (!shape && header->size <= sizeof(union vhost_payload))
		return 0;
	if (!shape)
		return error_set(error, EPROTO, "request %u of %u bytes, which we do not know",
			header->request, header->size);
	if (header->size < shape->size_min || header->size > shape->size_max)
		return error_set(error, EPROTO, "%s of %u bytes", shape->name, header->size);
	return 0;
}

static int check_fds(const struct vhost_message *message, struct error *error)
{
	const struct shape *shape = shape_of(message->header.request);

	if (shape && (message->fd_count < shape->fds_min || message->fd_count > shape->fds_max))
		return error_set(
			error, EPROTO, "%s with %u descriptors", shape->name, message->fd_count);
	return 0;
}

/* All that came are ours to close, also those there is no room for. */
static bool keep_fds(struct vhost_message *message, const struct cmsghdr *control)
{
	const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool has_room = true;
	int fd;

	for (size_t i = 0; i < count; i++) {
		memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(fd));
		if (message->fd_count < VHOST_FDS_MAX) {
			message->fds[message->fd_count++] = fd;
		} else {
			close(fd);
			has_room = false;
		}
	}
	return has_room;
}

/* Up to len bytes of the stream, and what came with them. */
static ssize_t receive(int fd, struct vhost_message *message, void *into, size_t len)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(VHOST_FDS_MAX * sizeof(int))];
	} control;
	struct iovec part = {into, len};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	bool has_room = !(m.msg_flags & MSG_CTRUNC);

	if (got < 0)
		return -errno;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&m); at; at = CMSG_NXTHDR(&m, at)) {
		if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS)
			has_room &= keep_fds(message, at);
	}
	return has_room ? got : -EMFILE;
}

/* Brings the message to `until` bytes. Never reads past it: what follows has descriptors of its
 * own. */
static int receive_until(int fd, struct vhost_message *message, uint32_t until, struct error *error)
{
	const uint32_t header_len = sizeof(message->header);

	while (message->got < until) {
		uint8_t *into = message->got < header_len
					? (uint8_t *)&message->header + message->got
					: (uint8_t *)&message->payload + message->got - header_len;
		ssize_t got = receive(fd, message, into, until - message->got);

		if (got == -EAGAIN || got == -EINTR)
			return 0;
		if (!got || got == -ECONNRESET)
			return error_set(error, ECONNRESET, "the front end disconnected");
		if (got == -EMFILE)
			return error_set(error, EPROTO, "more descriptors than a message can have");
		if (got < 0)
			return error_set(error, (int)-got, "socket: %s", strerror((int)-got));
		message->got += (uint32_t)got;
	}
	return 1;
}

int vhost_message_read(int fd, struct vhost_message *message, struct error *error)
{
	const struct vhost_header *header = &message->header;
	int result = receive_until(fd, message, sizeof(*header), error);

	if (result <= 0)
		return result;
	result = check_header(header, error);
	if (!result)
		result = receive_until(fd, message, sizeof(*header) + header->size, error);
	if (result <= 0)
		return result;
	result = check_fds(message, error);
	return result ? result : 1;
}

void vhost_message_done(struct vhost_message *message)
{
	for (unsigned i = 0; i < message->fd_count; i++) {
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	}
	*message = (struct vhost_message){0};
}

int vhost_message_take_fd(struct vhost_message *message, unsigned number)
{
	int fd;

	if (number >= message->fd_count)
		return -1;
	fd = message->fds[number];
	message->fds[number] = -1;
	return fd;
}

int vhost_message_reply(int socket, const struct vhost_message *message, uint32_t payload_len,
	int fd, struct error *error)
{
	struct vhost_header header = {
		message->header.request, VHOST_FLAG_VERSION | VHOST_FLAG_REPLY, payload_len};
	struct iovec parts[2] = {
		{&header, sizeof(header)}, {(void *)&message->payload, payload_len}};
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t sent;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	sent = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent == (ssize_t)(sizeof(header) + payload_len))
		return 0;
	return error_set(error, EPROTO,
		sent < 0 && errno == EPIPE ? "the front end disconnected"
					   : "the front end does not read its answers");
}
