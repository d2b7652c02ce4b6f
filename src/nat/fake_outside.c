/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/fake_outside.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define FIRST_FD 1000

static struct fake_outside *of(struct outside *outside)
{
	return CONTAINER_OF(outside, struct fake_outside, outside);
}

/* Sockets do not know their outside: there is one at a time. */
static struct fake_outside *the_one;

static struct fake_socket *of_socket(const struct outside_socket *socket)
{
	assert(socket->watch.fd >= FIRST_FD);
	return &the_one->sockets[socket->watch.fd - FIRST_FD];
}

static nsec fake_now(const struct outside *outside)
{
	return CONTAINER_OF(outside, const struct fake_outside, outside)->now;
}

static int open_any(struct outside *outside, struct outside_socket *socket, enum fake_kind kind,
	struct ip like, uint16_t port)
{
	struct fake_outside *fake = of(outside);
	int err = -fake->open_fails;

	if (err && fake->open_fails_times && !--fake->open_fails_times)
		fake->open_fails = 0;
	if (err)
		return err;
	if (fake->count == FAKE_SOCKETS_MAX)
		return -EMFILE;
	fake->sockets[fake->count] = (struct fake_socket){
		.socket = socket, .kind = kind, .is_v4 = ip_is_v4(like), .asked_port = port};
	socket->watch.fd = FIRST_FD + (int)fake->count++;
	return 0;
}

static int open_udp(
	struct outside *outside, struct outside_socket *socket, struct ip like, uint16_t port)
{
	return open_any(outside, socket, FAKE_UDP, like, port);
}

static int open_ping(
	struct outside *outside, struct outside_socket *socket, struct ip like, uint16_t id)
{
	socket->echo_id = (uint16_t)~id;
	return open_any(outside, socket, FAKE_PING, like, id);
}

static int adopt_udp(struct outside *outside, struct outside_socket *socket, int)
{
	return open_any(outside, socket, FAKE_FORWARD, (struct ip){0}, 0);
}

static void close_any(struct outside_socket *socket, bool)
{
	assert(of_socket(socket)->kind != FAKE_CLOSED);
	of_socket(socket)->kind = FAKE_CLOSED;
	socket->watch.fd = -1;
}

static struct fake_datagram copy(
	const struct outside_datagram *about, const struct iovec *parts, unsigned count)
{
	struct fake_datagram datagram = {.about = *about};
	size_t at = 0;

	for (unsigned i = 0; i < count; i++)
		datagram.len += parts[i].iov_len;
	datagram.bytes = malloc(datagram.len + 1);
	for (unsigned i = 0; i < count; i++) {
		memcpy(datagram.bytes + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	return datagram;
}

static ssize_t send_datagram(struct outside_socket *socket, const struct outside_datagram *about,
	const struct iovec *parts, unsigned count)
{
	struct fake_socket *fake = of_socket(socket);
	int err = -fake->send_fails;

	fake->send_fails = 0;
	if (err)
		return err;
	assert(fake->sent_count < FAKE_DATAGRAMS);
	fake->sent[fake->sent_count] = copy(about, parts, count);
	return (ssize_t)fake->sent[fake->sent_count++].len;
}

static ssize_t receive_datagram(
	struct outside_socket *socket, struct outside_datagram *ret, void *buffer, size_t size)
{
	struct fake_socket *fake = of_socket(socket);
	struct fake_datagram *first = fake->coming;
	size_t len;

	if (!fake->coming_count)
		return -EAGAIN;
	*ret = first->about;
	len = MIN(first->len, size);
	memcpy(buffer, first->bytes, len);
	free(first->bytes);
	memmove(first, first + 1, --fake->coming_count * sizeof(*first));
	return (ssize_t)len;
}

static bool receive_error(struct outside_socket *socket, struct outside_failure *ret,
	struct endpoint *ret_peer, void *quoted, size_t size, size_t *ret_len)
{
	struct fake_socket *fake = of_socket(socket);
	struct fake_error *first = fake->errors;

	if (!fake->error_count)
		return false;
	*ret = first->failure;
	*ret_peer = first->peer;
	*ret_len = MIN(first->len, size);
	memcpy(quoted, first->quoted, *ret_len);
	memmove(first, first + 1, --fake->error_count * sizeof(*first));
	return true;
}

static const struct outside_ops ops = {
	.now = fake_now,
	.close = close_any,
	.open_udp = open_udp,
	.adopt_udp = adopt_udp,
	.open_ping = open_ping,
	.send_datagram = send_datagram,
	.receive_datagram = receive_datagram,
	.receive_error = receive_error,
};

void fake_outside_init(struct fake_outside *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->outside.ops = &ops;
	the_one = fake;
}

void fake_outside_done(struct fake_outside *fake)
{
	for (unsigned n = 0; n < fake->count; n++) {
		struct fake_socket *socket = &fake->sockets[n];

		for (unsigned i = 0; i < socket->sent_count; i++)
			free(socket->sent[i].bytes);
		for (unsigned i = 0; i < socket->coming_count; i++)
			free(socket->coming[i].bytes);
	}
	the_one = NULL;
}

struct fake_socket *fake_socket(struct fake_outside *fake, unsigned n)
{
	assert(n < fake->count);
	return &fake->sockets[n];
}

unsigned fake_open_count(const struct fake_outside *fake)
{
	unsigned count = 0;

	for (unsigned n = 0; n < fake->count; n++)
		count += fake->sockets[n].kind != FAKE_CLOSED;
	return count;
}

static void tell(struct fake_socket *socket, uint32_t events)
{
	socket->socket->watch.on_ready(&socket->socket->watch, events);
}

void fake_arrives(struct fake_socket *socket, const struct outside_datagram *about,
	const void *bytes, size_t len)
{
	struct iovec part = {(void *)(uintptr_t)bytes, len};

	assert(socket->kind != FAKE_CLOSED && socket->coming_count < FAKE_DATAGRAMS);
	socket->coming[socket->coming_count++] = copy(about, &part, 1);
	tell(socket, EPOLLIN);
}

void fake_fails(struct fake_socket *socket, const struct fake_error *error)
{
	assert(socket->kind != FAKE_CLOSED && socket->error_count < FAKE_DATAGRAMS);
	socket->errors[socket->error_count++] = *error;
	tell(socket, EPOLLERR);
}
