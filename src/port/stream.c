/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/stream.h"

#include "port/frame_queue.h"
#include "port/gone.h"
#include "port/stream_input.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one turn reads: many frames for a call, few enough that other descriptors are served and
 * that the bytes are still in the cache when they are written. */
#define READ_SIZE (256 * 1024)

/* What is asked of the kernel's buffer of a Unix socket; it gives what net.core.wmem_max allows. */
#define SEND_BUFFER_SIZE (1024 * 1024)

#define LENGTH_LEN 4

/* One call of sendmsg(2). Lengths, and frames as short as COPY_MAX, are copied side by side: that
 * costs less than what the kernel does for a part. */
#define GATHER_PARTS 256
#define GATHER_BYTES (16 * 1024)
#define COPY_MAX     256

struct gather {
	struct iovec parts[GATHER_PARTS];
	unsigned count, frames;
	size_t len;    /* of all parts */
	size_t copied; /* bytes that are used in: */
	uint8_t bytes[GATHER_BYTES];
};

struct stream_port {
	struct port port;
	struct loop *loop;
	struct watch watch;
	int fd;
	struct stream_input input;
	struct frame_queue queue;
	struct gone gone;
};

static struct stream_port *stream_port_of(struct port *port)
{
	return CONTAINER_OF(port, struct stream_port, port);
}

/* The socket has no room, or the kernel no memory: what is to be sent waits. */
static bool is_full(int code)
{
	return code == EAGAIN || code == EINTR || code == ENOBUFS || code == ENOMEM;
}

static ssize_t receive_to(struct stream_port *self, uint8_t *room)
{
	struct iovec parts[2];
	struct msghdr message = {.msg_iov = parts};
	ssize_t len;

	message.msg_iovlen = stream_input_parts(&self->input, room, READ_SIZE, parts);
	len = recvmsg(self->fd, &message, MSG_DONTWAIT);
	if (!len)
		gone_tell(&self->gone, "the other side closed the connection");
	else if (len < 0 && !is_full(errno))
		gone_tell(&self->gone, "%s", strerror(errno));
	return len;
}

static void receive(struct stream_port *self)
{
	uint8_t *room = loop_scratch(self->loop, READ_SIZE);
	uint32_t bad_len;
	ssize_t len;
	int err;

	if (!room)
		return; /* the bytes wait in the socket */
	len = receive_to(self, room);
	if (len <= 0)
		return;
	err = stream_input_take(
		&self->input, &self->port, room, (size_t)len, loop_now(self->loop), &bad_len);
	if (err == -EBADMSG)
		gone_tell(&self->gone, "a frame of %u bytes was announced; 1 to %u are taken",
			bad_len, STREAM_FRAME_MAX);
	else if (err)
		gone_tell(&self->gone, "%s", strerror(-err));
}

static void ask_for(struct stream_port *self, uint32_t events)
{
	int err = loop_watch_change(&self->watch, events);

	if (err)
		gone_tell(&self->gone, "%s", strerror(-err));
}

static void drain(struct stream_port *self)
{
	struct iovec parts[2];
	struct msghdr message = {.msg_iov = parts};
	ssize_t sent;

	message.msg_iovlen = frame_queue_parts(&self->queue, parts);
	sent = sendmsg(self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent >= 0) {
		frame_queue_remove(&self->queue, (size_t)sent);
		if (!self->queue.len)
			ask_for(self, EPOLLIN);
	} else if (!is_full(errno)) {
		gone_tell(&self->gone, "%s", strerror(errno));
	}
}

static void on_ready(struct watch *watch, uint32_t events)
{
	struct stream_port *self = CONTAINER_OF(watch, struct stream_port, watch);

	if (events & ~EPOLLOUT)
		receive(self);
	if (events & EPOLLOUT && self->queue.len && !self->port.is_down)
		drain(self);
}

/* The next bytes of the message, copied: they continue the last part where they follow it. */
static void gather_copy(struct gather *gather, const struct frame *frame)
{
	uint8_t *at = gather->bytes + gather->copied;
	struct iovec *last = gather->count ? &gather->parts[gather->count - 1] : NULL;
	uint32_t len = LENGTH_LEN;

	store_be32(at, frame->len);
	if (frame->len <= COPY_MAX)
		len += frame_copy(frame, 0, at + LENGTH_LEN, frame->len);
	if (last && (uint8_t *)last->iov_base + last->iov_len == at)
		last->iov_len += len;
	else
		gather->parts[gather->count++] = (struct iovec){at, len};
	gather->copied += len;
}

/* False: no room. */
static bool gather_add(struct gather *gather, const struct frame *frame)
{
	if (gather->count + 2 + frame->body_count > GATHER_PARTS ||
		gather->copied + LENGTH_LEN + COPY_MAX > GATHER_BYTES)
		return false;
	gather_copy(gather, frame);
	if (frame->len > COPY_MAX)
		gather->count += frame_slice(frame, 0, frame->len, gather->parts + gather->count);
	gather->len += LENGTH_LEN + frame->len;
	gather->frames++;
	return true;
}

/* Of frames the first `sent` bytes are sent; that which is cut there must be finished. Returns how
 * many need no more care. */
static unsigned settle(struct stream_port *self, const struct frame *frames, size_t sent)
{
	unsigned done = 0;

	while (sent >= LENGTH_LEN + frames[done].len)
		sent -= LENGTH_LEN + frames[done++].len;
	if (sent && !frame_queue_add(&self->queue, &frames[done], (uint32_t)sent))
		gone_tell(&self->gone, "%s", strerror(ENOMEM));
	return sent ? done + 1 : done;
}

/* Writes some of the frames with one call; returns how many are dealt with. 0: no room. */
static unsigned write_some(struct stream_port *self, const struct frame *frames, unsigned count)
{
	struct gather gather;
	struct msghdr message = {.msg_iov = gather.parts};
	ssize_t sent;

	gather.count = gather.frames = 0;
	gather.len = gather.copied = 0;
	while (gather.frames < count && gather_add(&gather, &frames[gather.frames]))
		;
	message.msg_iovlen = gather.count;
	sent = sendmsg(self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (LIKELY(sent == (ssize_t)gather.len))
		return gather.frames;
	if (sent >= 0)
		return settle(self, frames, (size_t)sent);
	if (!is_full(errno))
		gone_tell(&self->gone, "%s", strerror(errno));
	return 0;
}

static void put_in_queue(struct stream_port *self, const struct frame *frame)
{
	if (self->port.is_down)
		port_drop(&self->port, DROP_LINK_DOWN, frame);
	else if (!frame_queue_add(&self->queue, frame, 0))
		port_drop(&self->port, DROP_QUEUE_FULL, frame);
}

static void stream_port_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct stream_port *self = stream_port_of(port);
	const bool had_queue = self->queue.len;
	unsigned done = 0, more = 1;

	while (done < count && more && !self->queue.len) {
		more = write_some(self, frames + done, count - done);
		done += more;
	}
	while (done < count)
		put_in_queue(self, &frames[done++]);
	if (self->queue.len && !had_queue && !port->is_down)
		ask_for(self, EPOLLIN | EPOLLOUT);
}

static void stream_port_free(struct port *port)
{
	struct stream_port *self = stream_port_of(port);

	gone_done(&self->gone);
	loop_unwatch(&self->watch);
	stream_input_done(&self->input);
	frame_queue_done(&self->queue);
	close(self->fd);
	free(self);
}

static const struct port_ops stream_port_ops = {
	.kind = "vm", .send = stream_port_send, .free = stream_port_free};

/* None of this is needed to work. A machine that has vanished is missed after a minute; one that is
 * only stopped still answers. TCP finds the size of its buffer itself, as long as nobody sets it.
 */
static void tune(int fd)
{
	const int on = 1, size = SEND_BUFFER_SIZE, idle = 30, interval = 10, tries = 3;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

struct port *stream_port_new(struct loop *loop, int fd, const struct port_settings *settings)
{
	struct stream_port *self = calloc(1, sizeof(*self));
	int err;

	if (!self) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	self->loop = loop;
	self->fd = fd;
	self->watch.on_ready = on_ready;
	self->port.ops = &stream_port_ops;
	gone_init(&self->gone, loop, &self->port, settings);
	self->gone.watches[0] = &self->watch;
	tune(fd);
	err = loop_watch(loop, &self->watch, fd, EPOLLIN);
	if (!err)
		return &self->port;
	stream_port_free(&self->port);
	errno = -err;
	return NULL;
}
