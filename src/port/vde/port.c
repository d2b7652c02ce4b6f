/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vde/port.h"

#include "port/datagram_link.h"
#include "port/datagram_read.h"
#include "port/gone.h"
#include "port/vde/folder.h"
#include "port/vde/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct vde_port {
	struct port port;
	struct loop *loop;
	struct watch control;
	int control_fd;
	struct ucred peer; /* who connected, or listened */
	struct timer patience;
	/* Reads what the other side says until the terms are settled. 0; -EAGAIN: it has not said
	 * all; else -errno, in words. */
	int (*agree)(struct vde_port *self, struct error *error);
	uint8_t said[VDE_REQUEST_MAX];
	size_t said_len;
	struct datagram_link link;
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct peer_address data; /* our end, to be unlinked; len 0: none */
	int data_fd;		  /* until it is the link's; -1: none */
	struct gone gone;
};

static struct vde_port *vde_port_of(struct port *port)
{
	return CONTAINER_OF(port, struct vde_port, port);
}

static void unlink_data(struct vde_port *self)
{
	if (self->data.len)
		unlink(self->data.name.sun_path);
	self->data.len = 0;
}

/* Connects our data socket to that of the other side, which is to be his own. */
static int connect_data(struct vde_port *self, const struct peer_address *his, struct error *error)
{
	int path_fd = peer_path_open(his, self->peer.uid), err = 0;
	struct peer_address address;
	const char *path = his->name.sun_path;
	int size = sizeof(his->name.sun_path);

	if (path_fd == -EINVAL)
		return error_set(error, EINVAL, "its data socket has no absolute path");
	if (path_fd == -EPERM)
		return error_set(error, EPERM,
			"its data socket, %.*s, is not its own: it runs as user %u", size, path,
			self->peer.uid);
	if (path_fd < 0)
		return error_set(error, -path_fd, "its data socket, %.*s: %s", size, path,
			strerror(-path_fd));
	address = peer_path_address(path_fd);
	if (connect(self->data_fd, (struct sockaddr *)&address.name, address.len) < 0)
		err = error_set(error, errno, "its data socket, %.*s: %m", size, path);
	close(path_fd);
	return err;
}

/* From now on frames go. */
static int start_link(struct vde_port *self, struct error *error)
{
	int fd = self->data_fd, err;

	self->data_fd = -1;
	err = datagram_link_connect(&self->link, fd, EPOLLIN);
	if (err)
		return error_set(error, -err, "our data socket: %s", strerror(-err));
	self->port.is_down = false;
	return 0;
}

static int open_data(struct vde_port *self, struct error *error)
{
	self->data_fd = vde_data_socket_open(self->folder, self->peer.uid, &self->data);
	if (self->data_fd < 0)
		return error_set(error, -self->data_fd, "a data socket in %s: %s", self->folder,
			strerror(-self->data_fd));
	return 0;
}

static int say(struct vde_port *self, const uint8_t *bytes, size_t len, struct error *error)
{
	ssize_t sent = send(self->control_fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent == (ssize_t)len)
		return 0;
	if (sent >= 0 || errno == EAGAIN) /* for which there was room from the beginning */
		errno = EPIPE;
	return error_set(error, errno, "the control connection: %m");
}

/* As the switch. */
static int agree_with_plug(struct vde_port *self, struct error *error)
{
	uint8_t answer[VDE_ANSWER_LEN];
	struct peer_address his;
	int err = vde_request_parse(self->said, self->said_len, &his, error);

	if (!err)
		err = open_data(self, error);
	if (!err)
		err = connect_data(self, &his, error);
	if (err)
		return err;
	vde_answer_write(answer, &self->data);
	err = say(self, answer, sizeof(answer), error);
	return err ? err : start_link(self, error);
}

/* As the plug: nobody will look for our socket any more. */
static int agree_with_switch(struct vde_port *self, struct error *error)
{
	struct peer_address his;
	int err = vde_answer_parse(self->said, self->said_len, &his);

	if (!err)
		err = connect_data(self, &his, error);
	if (err)
		return err;
	unlink_data(self);
	return start_link(self, error);
}

static bool is_agreed(const struct vde_port *self)
{
	return self->link.fd >= 0;
}

static void come_to_terms(struct vde_port *self)
{
	struct error error = {0};
	int err = self->agree(self, &error);

	if (!err)
		timer_cancel(self->loop, &self->patience);
	else if (err != -EAGAIN)
		gone_tell(&self->gone, "%s", error.text);
}

/* Once the terms are settled nothing is said here any more; but its end is the plug's. */
static void on_control_ready(struct watch *watch, uint32_t)
{
	struct vde_port *self = CONTAINER_OF(watch, struct vde_port, control);
	size_t room = sizeof(self->said) - self->said_len;
	ssize_t len;

	if (is_agreed(self)) {
		self->said_len = 0;
		room = sizeof(self->said);
	}
	len = recv(self->control_fd, self->said + self->said_len, room, MSG_DONTWAIT);
	if (!len)
		gone_tell(&self->gone, "the other side closed the connection");
	else if (len < 0 && errno != EAGAIN && errno != EINTR)
		gone_tell(&self->gone, "the control connection: %m");
	if (len <= 0 || is_agreed(self))
		return;
	self->said_len += (size_t)len;
	come_to_terms(self);
}

static void on_patience_ends(struct timer *timer, nsec)
{
	struct vde_port *self = CONTAINER_OF(timer, struct vde_port, patience);

	gone_tell(&self->gone, "it did not say its data socket within %d seconds",
		(int)(VDE_PATIENCE / NSEC_PER_SEC));
}

static void on_lost(struct datagram_link *link, int code)
{
	struct vde_port *self = CONTAINER_OF(link, struct vde_port, link);

	gone_tell(&self->gone, "%s", datagram_lost_text(code));
}

static void receive(struct vde_port *self)
{
	struct datagram_batch batch;
	int err = datagram_read(self->loop, self->link.fd, &batch, NULL);

	if (err)
		gone_tell(&self->gone, "the data socket: %s", strerror(-err));
	datagram_give(&self->port, &batch, loop_now(self->loop));
}

static void on_data_ready(struct watch *watch, uint32_t events)
{
	struct vde_port *self = CONTAINER_OF(watch, struct vde_port, link.watch);

	if (events & ~EPOLLOUT)
		receive(self);
	if (events & EPOLLOUT && !self->port.is_down)
		datagram_link_drain(&self->link);
}

static void vde_port_send(struct port *port, const struct frame *frames, unsigned count)
{
	datagram_link_send(&vde_port_of(port)->link, frames, count);
}

static void vde_port_free(struct port *port)
{
	struct vde_port *self = vde_port_of(port);

	gone_done(&self->gone);
	timer_cancel(self->loop, &self->patience);
	loop_unwatch(&self->control);
	datagram_link_done(&self->link);
	unlink_data(self);
	if (self->data_fd >= 0)
		close(self->data_fd);
	close(self->control_fd);
	free(self);
}

static const struct port_ops vde_port_ops = {
	.kind = "vde", .send = vde_port_send, .free = vde_port_free};

static int start(struct vde_port *self, const char *folder)
{
	socklen_t len = sizeof(self->peer);
	int err;

	if (getsockopt(self->control_fd, SOL_SOCKET, SO_PEERCRED, &self->peer, &len))
		return -errno;
	if (snprintf(self->folder, sizeof(self->folder), "%s", folder) >= (int)sizeof(self->folder))
		return -ENAMETOOLONG;
	err = loop_watch(self->loop, &self->control, self->control_fd, EPOLLIN);
	if (!err)
		timer_set(self->loop, &self->patience, loop_now(self->loop) + VDE_PATIENCE);
	return err;
}

/* NULL: errno. */
static struct vde_port *make(struct loop *loop, int control_fd, const struct vde_settings *settings,
	int (*agree)(struct vde_port *self, struct error *error))
{
	struct vde_port *self = calloc(1, sizeof(*self));
	int err;

	if (!self) {
		close(control_fd);
		errno = ENOMEM;
		return NULL;
	}
	self->loop = loop;
	self->control_fd = control_fd;
	self->control.on_ready = on_control_ready;
	self->patience.on_expire = on_patience_ends;
	self->agree = agree;
	self->data_fd = -1;
	self->port.ops = &vde_port_ops;
	self->port.is_down = true;
	gone_init(&self->gone, loop, &self->port, &settings->port);
	self->gone.watches[0] = &self->control;
	self->gone.watches[1] = &self->link.watch;
	self->link.port = &self->port;
	self->link.loop = loop;
	self->link.watch.on_ready = on_data_ready;
	self->link.on_lost = on_lost;
	datagram_link_init(&self->link);
	err = start(self, settings->folder);
	if (!err)
		return self;
	vde_port_free(&self->port);
	errno = -err;
	return NULL;
}

struct port *vde_port_new(struct loop *loop, int control_fd, const struct vde_settings *settings)
{
	struct vde_port *self = make(loop, control_fd, settings, agree_with_plug);

	return self ? &self->port : NULL;
}

struct port *vde_plug_port_new(
	struct loop *loop, int control_fd, const struct vde_settings *settings)
{
	struct vde_port *self = make(loop, control_fd, settings, agree_with_switch);
	uint8_t request[VDE_REQUEST_MAX];
	struct error error = {0};
	int err;

	if (!self)
		return NULL;
	err = open_data(self, &error);
	if (!err)
		err = say(
			self, request, vde_request_write(request, &self->data, "lanyard"), &error);
	if (!err)
		return &self->port;
	vde_port_free(&self->port);
	errno = -err;
	return NULL;
}
