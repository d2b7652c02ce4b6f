/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dns_route.h"

#include "base/bytes.h"
#include "io/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FAMILY_4,
	FAMILY_6,
	FAMILY_COUNT
};

struct dns_route {
	struct loop *loop;
	struct dns_query *query;
	struct watch datagrams[FAMILY_COUNT];
	struct watch stream; /* to the resolver asked last */
	struct endpoint resolver;
	size_t sent, have; /* of the question, and of the answer, with their lengths in front */
	uint8_t *answer;   /* DNS_LENGTH_LEN + DNS_MESSAGE_MAX, once something has come */
};

static void close_watch(struct watch *watch)
{
	if (watch->fd < 0)
		return;
	int fd = watch->fd;

	loop_unwatch(watch);
	watch->fd = -1;
	close(fd);
}

void dns_route_close(struct dns_query *query)
{
	struct dns_route *route = query->route;

	if (!route)
		return;
	query->route = NULL;
	for (unsigned i = 0; i < FAMILY_COUNT; i++)
		close_watch(&route->datagrams[i]);
	close_watch(&route->stream);
	free(route->answer);
	free(route);
}

/* What the kernel was told by ICMP. */
static void read_refusals(struct dns_route *route, int fd)
{
	struct sockaddr_storage address = {0};
	char control[512];
	struct msghdr message = {.msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	socklen_t error_len = sizeof(int);
	int error;

	while (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
		struct endpoint resolver = socket_endpoint(&address);

		dns_query_refused(route->query, &resolver, loop_now(route->loop));
		message.msg_namelen = sizeof(address);
		message.msg_controllen = sizeof(control);
	}
	/* An error without an entry would be reported for ever. */
	(void)!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
}

/* The query may be over after this, and the route with it. */
static void read_datagram(struct dns_route *route, int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t address_len = sizeof(address);
	uint8_t bytes[DNS_MESSAGE_MAX];
	ssize_t len = recvfrom(
		fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&address, &address_len);
	struct endpoint from = socket_endpoint(&address);

	if (len >= 0)
		dns_query_heard(route->query, &from, bytes, (size_t)len, loop_now(route->loop));
}

static void on_datagram4(struct watch *watch, uint32_t events)
{
	struct dns_route *route = CONTAINER_OF(watch, struct dns_route, datagrams[FAMILY_4]);

	if (events & EPOLLERR)
		read_refusals(route, watch->fd);
	if (events & EPOLLIN)
		read_datagram(route, watch->fd);
}

static void on_datagram6(struct watch *watch, uint32_t events)
{
	struct dns_route *route = CONTAINER_OF(watch, struct dns_route, datagrams[FAMILY_6]);

	if (events & EPOLLERR)
		read_refusals(route, watch->fd);
	if (events & EPOLLIN)
		read_datagram(route, watch->fd);
}

static int open_watched(struct dns_route *route, struct watch *watch, const struct endpoint *to,
	int type, uint32_t events)
{
	int family = ip_is_v4(to->ip) ? AF_INET : AF_INET6, yes = 1, err;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (type == SOCK_DGRAM)
		(void)!setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &yes, sizeof(yes));
	err = loop_watch(route->loop, watch, fd, events);
	if (err < 0) {
		watch->fd = -1;
		close(fd);
	}
	return err;
}

/* The kernel picks a port at random with the first one sent; RFC 5452 9.2. */
static int send_datagram(struct dns_route *route, const struct endpoint *resolver)
{
	const struct dns_query *query = route->query;
	bool is_v4 = ip_is_v4(resolver->ip);
	struct watch *watch = &route->datagrams[is_v4 ? FAMILY_4 : FAMILY_6];
	struct sockaddr_storage address;
	socklen_t address_len = socket_address(resolver, &address);
	int err;

	watch->on_ready = is_v4 ? on_datagram4 : on_datagram6;
	if (watch->fd < 0) {
		err = open_watched(route, watch, resolver, SOCK_DGRAM, EPOLLIN);
		if (err < 0)
			return err;
	}
	if (sendto(watch->fd, dns_query_message(query), query->len, MSG_DONTWAIT,
		    (struct sockaddr *)&address, address_len) < 0)
		return -errno;
	return 0;
}

/* -EAGAIN: not yet. */
static int write_question(struct dns_route *route)
{
	const struct dns_query *query = route->query;
	size_t len = DNS_LENGTH_LEN + query->len;

	while (route->sent < len) {
		ssize_t n = send(route->stream.fd, query->framed + route->sent, len - route->sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		route->sent += (size_t)n;
	}
	return loop_watch_change(&route->stream, EPOLLIN);
}

static size_t wanted(const struct dns_route *route)
{
	if (route->have < DNS_LENGTH_LEN)
		return DNS_LENGTH_LEN;
	return DNS_LENGTH_LEN + (size_t)load_be16(route->answer);
}

/* 0: all of it is here. */
static int read_answer(struct dns_route *route)
{
	if (!route->answer)
		route->answer = malloc(DNS_LENGTH_LEN + DNS_MESSAGE_MAX);
	if (!route->answer)
		return -ENOMEM;
	while (route->have < wanted(route)) {
		ssize_t n = recv(route->stream.fd, route->answer + route->have,
			wanted(route) - route->have, MSG_DONTWAIT);

		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		route->have += (size_t)n;
	}
	return 0;
}

static void stream_failed(struct dns_route *route)
{
	close_watch(&route->stream);
	dns_query_refused(route->query, &route->resolver, loop_now(route->loop));
}

static void on_stream(struct watch *watch, uint32_t)
{
	struct dns_route *route = CONTAINER_OF(watch, struct dns_route, stream);
	int err = 0;

	if (route->sent < DNS_LENGTH_LEN + (size_t)route->query->len)
		err = write_question(route);
	if (!err)
		err = read_answer(route);
	if (err == -EAGAIN)
		return;
	if (err || !dns_query_heard(route->query, &route->resolver, route->answer + DNS_LENGTH_LEN,
			   route->have - DNS_LENGTH_LEN, loop_now(route->loop)))
		stream_failed(route);
}

static int connect_stream(struct dns_route *route, const struct endpoint *resolver)
{
	struct sockaddr_storage address;
	socklen_t address_len = socket_address(resolver, &address);
	int err;

	close_watch(&route->stream);
	route->sent = route->have = 0;
	route->resolver = *resolver;
	route->stream.on_ready = on_stream;
	err = open_watched(route, &route->stream, resolver, SOCK_STREAM, EPOLLIN | EPOLLOUT);
	if (err < 0)
		return err;
	if (connect(route->stream.fd, (struct sockaddr *)&address, address_len) < 0 &&
		errno != EINPROGRESS)
		return -errno;
	return 0;
}

int dns_route_send(struct loop *loop, struct dns_query *query, const struct endpoint *resolver)
{
	struct dns_route *route = query->route;

	if (!route) {
		route = calloc(1, sizeof(*route));
		if (!route)
			return -ENOMEM;
		*route = (struct dns_route){.loop = loop, .query = query, .stream.fd = -1};
		for (unsigned i = 0; i < FAMILY_COUNT; i++)
			route->datagrams[i].fd = -1;
		query->route = route;
	}
	return dns_query_is_stream(query) ? connect_stream(route, resolver)
					  : send_datagram(route, resolver);
}
