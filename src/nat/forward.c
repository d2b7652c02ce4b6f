/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/forward.h"

#include "nat/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_MOST 64			  /* in a turn, so that frames are not kept waiting */
#define ACCEPT_REST (100 * NSEC_PER_MSEC) /* where descriptors ran out */

struct forward_port {
	struct forward forward;
	struct gateway *gateway;
	struct list node;
	struct watch watch;
	struct timer rest; /* set: no descriptor was free for a client */
};

/* A client whose guest is being looked for. */
struct waiting_client {
	struct resolve resolve;
	struct list node;
	struct gateway *gateway;
	struct endpoint client, guest;
	int fd;
};

static nsec now_of(const struct gateway *gateway)
{
	return gateway->outside->ops->now(gateway->outside);
}

static void on_resolved(struct resolve *resolve, struct ip, struct mac mac, nsec now)
{
	struct waiting_client *waiting = CONTAINER_OF(resolve, struct waiting_client, resolve);

	if (mac_is_zero(mac)) {
		struct linger abort = {.l_onoff = 1, .l_linger = 0};

		(void)!setsockopt(waiting->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
		close(waiting->fd); /* nobody there: as if refused */
	} else {
		tcp_inbound(
			waiting->gateway, waiting->fd, &waiting->client, &waiting->guest, mac, now);
	}
	list_remove(&waiting->node);
	free(waiting);
}

struct endpoint forward_client_seen(
	const struct gateway *gateway, const struct endpoint *client, const struct endpoint *guest)
{
	struct endpoint seen = *client;

	if (ip_is_loopback(client->ip) || ip_is_link_local(client->ip) ||
		ip_is_v4(client->ip) != ip_is_v4(guest->ip) ||
		host_is_on_link(&gateway->host, client->ip))
		seen.ip = host_address_for(&gateway->host, guest->ip);
	return seen;
}

static void client_arrived(struct forward_port *port, int fd, const struct endpoint *client)
{
	struct gateway *gateway = port->gateway;
	struct waiting_client *waiting = calloc(1, sizeof(*waiting));

	if (!waiting) {
		close(fd);
		return;
	}
	waiting->gateway = gateway;
	waiting->fd = fd;
	waiting->guest = port->forward.guest;
	waiting->client = forward_client_seen(gateway, client, &waiting->guest);
	waiting->resolve.on_resolved = on_resolved;
	list_push_back(&gateway->waiting_clients, &waiting->node);
	host_resolve(&gateway->host, waiting->guest.ip, &waiting->resolve, now_of(gateway));
}

static void on_rested(struct timer *timer, nsec)
{
	struct forward_port *port = CONTAINER_OF(timer, struct forward_port, rest);

	(void)!loop_watch_change(&port->watch, EPOLLIN);
}

/* The client stays there: without a rest its loop would do nothing else. */
static void take_rest(struct forward_port *port)
{
	struct loop *loop = port->watch.loop;

	if (!loop_watch_change(&port->watch, 0))
		timer_set(loop, &port->rest, loop_now(loop) + ACCEPT_REST);
}

static void on_clients(struct watch *watch, uint32_t)
{
	struct forward_port *port = CONTAINER_OF(watch, struct forward_port, watch);

	for (unsigned i = 0; i < ACCEPT_MOST; i++) {
		struct sockaddr_storage address;
		socklen_t len = sizeof(address);
		struct endpoint client;
		int fd = accept4(
			watch->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
			take_rest(port);
		if (fd < 0)
			return;
		client = socket_endpoint(&address);
		client_arrived(port, fd, &client);
	}
}

static struct forward_port *find(
	const struct gateway *gateway, bool is_udp, const struct endpoint *outside)
{
	LIST_EACH(node, &gateway->forwards) {
		struct forward_port *port = LIST_ENTRY(node, struct forward_port, node);

		if (port->forward.is_udp == is_udp &&
			endpoint_equal(&port->forward.outside, outside))
			return port;
	}
	return NULL;
}

int gateway_forward_add(struct gateway *gateway, const struct forward *forward, int fd)
{
	struct forward_port *port;
	int err = 0;

	if (find(gateway, forward->is_udp, &forward->outside)) {
		close(fd);
		return -EEXIST;
	}
	port = calloc(1, sizeof(*port));
	if (!port) {
		close(fd);
		return -ENOMEM;
	}
	*port = (struct forward_port){.forward = *forward, .gateway = gateway};
	port->watch.fd = -1;
	port->watch.on_ready = on_clients;
	port->rest.on_expire = on_rested;
	list_push_back(&gateway->forwards, &port->node);
	if (forward->is_udp)
		err = udp_forward(gateway, forward, fd);
	else
		err = gateway->outside->ops->listen(gateway->outside, &port->watch, fd);
	if (err < 0) {
		list_remove(&port->node);
		free(port);
	}
	return err;
}

static void forward_free(struct forward_port *port)
{
	int fd = port->watch.fd;

	if (port->forward.is_udp)
		udp_forward_end(port->gateway, &port->forward);
	if (port->watch.loop)
		timer_cancel(port->watch.loop, &port->rest);
	loop_unwatch(&port->watch);
	if (fd >= 0)
		close(fd);
	list_remove(&port->node);
	free(port);
}

int gateway_forward_remove(struct gateway *gateway, bool is_udp, const struct endpoint *outside)
{
	struct forward_port *port = find(gateway, is_udp, outside);

	if (!port)
		return -ENOENT;
	forward_free(port);
	return 0;
}

void forwards_done(struct gateway *gateway)
{
	LIST_EACH(node, &gateway->forwards)
		forward_free(LIST_ENTRY(node, struct forward_port, node));
	LIST_EACH(node, &gateway->waiting_clients) {
		struct waiting_client *waiting = LIST_ENTRY(node, struct waiting_client, node);

		host_resolve_cancel(&waiting->resolve);
		close(waiting->fd);
		list_remove(&waiting->node);
		free(waiting);
	}
}
