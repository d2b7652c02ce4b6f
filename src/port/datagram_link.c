/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/datagram_link.h"

#include "hub/port.h"

#include <errno.h>
#include <unistd.h>

/* One call of sendmmsg(2). */
#define WRITE_FRAMES 64
#define WRITE_PARTS  256

/* What is asked of the kernel's buffer; it gives what net.core.wmem_max allows. */
#define SEND_BUFFER_SIZE (1024 * 1024)

/* What the kernel's buffer takes for a frame besides its bytes. */
#define FRAME_OVERHEAD 768

/* Between two tries at a peer whose socket does not say when there is room. */
#define PAUSE_MIN NSEC_PER_MSEC
#define PAUSE_MAX (32 * NSEC_PER_MSEC)

static bool is_shared(const struct datagram_link *link)
{
	return link->to.len;
}

/* Writes some of the frames with one call; returns how many, or -errno of the first. */
static int write_some(struct datagram_link *link, const struct frame *frames, unsigned count)
{
	struct mmsghdr messages[WRITE_FRAMES];
	struct iovec parts[WRITE_PARTS];
	unsigned used = 0, i;
	int sent;

	if (link->may_write && !link->may_write(link))
		return -EAGAIN;
	for (i = 0; i < count && i < WRITE_FRAMES; i++) {
		struct msghdr *header = &messages[i].msg_hdr;

		if (used + 1 + frames[i].body_count > WRITE_PARTS)
			break;
		*header = (struct msghdr){
			.msg_name = is_shared(link) ? (void *)&link->to.name : NULL,
			.msg_namelen = link->to.len,
			.msg_iov = parts + used,
		};
		header->msg_iovlen = frame_slice(&frames[i], 0, frames[i].len, parts + used);
		used += header->msg_iovlen;
	}
	sent = sendmmsg(link->fd, messages, i, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	for (int j = 0; j < sent; j++)
		link->written += frames[j].len + FRAME_OVERHEAD;
	return sent;
}

static bool is_full(int code)
{
	return code == EAGAIN || code == EINTR || code == ENOBUFS || code == ENOMEM;
}

/* Codes that are about the peer, not about the frame. */
static bool is_refusal(int code)
{
	switch (code) {
	case ECONNREFUSED: /* closed */
	case ENOENT:	   /* and its name removed */
	case ENOTCONN:
	case ECONNRESET:
	case EPIPE: /* it will not read any more */
	case EPERM: /* it listens to somebody else */
	case EACCES:
	case ENOTDIR:
	case ELOOP:
	case EPROTOTYPE: /* another kind of socket by now */
		return true;
	default:
		return false;
	}
}

static void ask_for_room(struct datagram_link *link, bool wanted)
{
	uint32_t events = wanted ? link->watch.events | EPOLLOUT : link->watch.events & ~EPOLLOUT;

	if (!link->watch.loop || events == link->watch.events)
		return;
	if (loop_watch_change(&link->watch, events) && wanted)
		timer_set(link->loop, &link->retry, loop_now(link->loop) + link->pause);
}

static void wait_for_room(struct datagram_link *link, int code)
{
	if (code == EAGAIN && !is_shared(link)) {
		ask_for_room(link, true);
		return;
	}
	ask_for_room(link, false); /* it would say at once that there is */
	timer_set(link->loop, &link->retry, loop_now(link->loop) + link->pause);
	link->pause = MIN(2 * link->pause, PAUSE_MAX);
}

static bool turn(struct datagram_link *link, int code, bool *may_turn)
{
	if (*may_turn && link->find_again && !link->find_again(link)) {
		*may_turn = false;
		return true;
	}
	link->on_lost(link, code);
	return false;
}

/* Writes what it can; returns how many frames need no more care. *may_turn: a refusal may still be
 * answered with another way, which is tried once. */
static unsigned write_until_full(
	struct datagram_link *link, const struct frame *frames, unsigned count, bool *may_turn)
{
	unsigned done = 0;

	while (done < count) {
		int sent = write_some(link, frames + done, count - done);

		if (sent > 0) {
			done += (unsigned)sent;
			link->pause = PAUSE_MIN;
		} else if (is_full(-sent)) {
			wait_for_room(link, -sent);
			break;
		} else if (is_refusal(-sent)) {
			if (!turn(link, -sent, may_turn))
				break;
		} else {
			port_drop(link->port, DROP_IO, &frames[done++]);
		}
	}
	return done;
}

static void put_in_queue(struct datagram_link *link, const struct frame *frame)
{
	if (link->port->is_down)
		port_drop(link->port, DROP_LINK_DOWN, frame);
	else if (!frame_queue_add(&link->queue, frame, 0))
		port_drop(link->port, DROP_QUEUE_FULL, frame);
}

void datagram_link_send(struct datagram_link *link, const struct frame *frames, unsigned count)
{
	bool may_turn = true;
	unsigned done = 0;

	if (!link->queue.len)
		done = write_until_full(link, frames, count, &may_turn);
	while (done < count)
		put_in_queue(link, &frames[done++]);
}

void datagram_link_drain(struct datagram_link *link)
{
	struct frame frames[WRITE_FRAMES];
	bool may_turn = true;
	unsigned count, done;

	do {
		count = frame_queue_frames(&link->queue, frames, ARRAY_SIZE(frames));
		done = write_until_full(link, frames, count, &may_turn);
		for (unsigned i = 0; i < done; i++)
			frame_queue_remove_frame(&link->queue);
	} while (count && done == count);
	if (!link->queue.len)
		ask_for_room(link, false);
}

static void on_retry(struct timer *timer, nsec)
{
	struct datagram_link *link = CONTAINER_OF(timer, struct datagram_link, retry);

	if (!link->port->is_down)
		datagram_link_drain(link);
}

void datagram_link_init(struct datagram_link *link)
{
	link->fd = link->watch.fd = -1;
	link->pause = PAUSE_MIN;
	link->retry.on_expire = on_retry;
}

static void let_go(struct datagram_link *link)
{
	loop_unwatch(&link->watch);
	if (link->fd >= 0 && !is_shared(link))
		close(link->fd);
	link->fd = -1;
	link->to.len = 0;
}

int datagram_link_connect(struct datagram_link *link, int fd, uint32_t events)
{
	const int size = SEND_BUFFER_SIZE;

	let_go(link);
	link->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return loop_watch(link->loop, &link->watch, fd, events);
}

void datagram_link_share(struct datagram_link *link, int fd, const struct peer_address *to)
{
	let_go(link);
	link->fd = fd;
	link->to = *to;
}

void datagram_link_done(struct datagram_link *link)
{
	timer_cancel(link->loop, &link->retry);
	let_go(link);
	frame_queue_done(&link->queue);
}

const char *datagram_lost_text(int code)
{
	if (code == ECONNREFUSED || code == ENOTCONN || code == ENOENT || code == EPIPE)
		return "the other side closed its socket";
	return strerror(code);
}
