/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UDP ports of the outside that lead to a guest. Each client has a flow, without a socket: what it
 * sends comes through the forward's, and what the guest answers leaves there, from the address the
 * client spoke to.
 */
#include "nat/forward.h"
#include "nat/udp_internal.h"

#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LIFE		(300 * NSEC_PER_SEC) /* RFC 4787 REQ-5 */
#define LIFE_UNANSWERED (30 * NSEC_PER_SEC)
#define CLIENTS_MAX	4096 /* of a forward: others are not to pay for its popularity */
#define PORT_TRIES	16

struct listener {
	struct list node; /* the gateway's */
	struct forward forward;
	struct datagram_socket socket;
	struct map clients;
	struct list by_age; /* the longest quiet first */
};

/* No padding: it is hashed as words. */
struct client_key {
	struct ip ip;
	uint64_t port;
};

struct client {
	struct datagram_flow datagram;
	struct listener *listener;
	struct map_node node;
	struct list age; /* the listener's */
	struct client_key key;
	struct ip local; /* the address it spoke to */
};

static struct client_key key_of(const struct endpoint *peer)
{
	return (struct client_key){peer->ip, peer->port};
}

static uint64_t key_hash(const struct listener *listener, const struct client_key *key)
{
	return hash_words(&listener->socket.gateway->flows.key, key, sizeof(*key) / 8);
}

static struct client *find(const struct listener *listener, const struct endpoint *peer)
{
	struct client_key key = key_of(peer);
	struct map_node *node = map_first(&listener->clients, key_hash(listener, &key));

	for (; node; node = map_next(node)) {
		struct client *client = CONTAINER_OF(node, struct client, node);

		if (!memcmp(&client->key, &key, sizeof(key)))
			return client;
	}
	return NULL;
}

static struct endpoint seen(const struct client *client)
{
	const struct flow_key *key = &client->datagram.flow.key;

	return (struct endpoint){key->remote, key->remote_port};
}

static void touch(struct client *client, nsec now)
{
	datagram_flow_touch(&client->datagram, now);
	list_remove(&client->age);
	list_push_back(&client->listener->by_age, &client->age);
}

static nsec life(const struct datagram_flow *d)
{
	return d->is_answered ? LIFE : LIFE_UNANSWERED;
}

static nsec flow_run(struct flow *flow, nsec now)
{
	return datagram_flow_run(CONTAINER_OF(flow, struct datagram_flow, flow), life, now);
}

static void leave(struct client *client)
{
	if (!client->listener)
		return;
	map_remove(&client->listener->clients, &client->node);
	list_remove(&client->age);
	client->listener = NULL;
}

static void flow_free(struct flow *flow)
{
	struct client *client = CONTAINER_OF(flow, struct client, datagram.flow);

	leave(client);
	flow->gateway->counters.udp_flows--;
	datagram_flow_done(&client->datagram);
	free(client);
}

static void describe(const struct flow *, struct flow_info *ret)
{
	ret->state = "mapped";
}

static const struct flow_ops flow_ops = {.run = flow_run, .free = flow_free, .describe = describe};

/* Under which endpoint the guest knows the client: one that no other conversation of the guest's
 * port has. False: none was found. */
static bool choose_seen(
	const struct listener *listener, const struct endpoint *peer, struct flow_key *ret)
{
	const struct gateway *gateway = listener->socket.gateway;
	const struct endpoint *guest = &listener->forward.guest;
	struct endpoint as = forward_client_seen(gateway, peer, guest);

	*ret = (struct flow_key){.guest = guest->ip,
		.remote = as.ip,
		.guest_port = guest->port,
		.remote_port = as.port,
		.protocol = IP_PROTOCOL_UDP};
	/* Below 1024 of our own may be a service. */
	if (host_owns(&gateway->host, as.ip) && as.port < 1024)
		ret->remote_port = (uint16_t)(1024 + random_u32() % (65536 - 1024));
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		if (!flow_find(&gateway->flows, ret))
			return true;
		ret->remote_port = (uint16_t)(1024 + random_u32() % (65536 - 1024));
	}
	return false;
}

static struct client *client_new(struct listener *listener, const struct endpoint *peer,
	const struct flow_key *key, nsec now)
{
	struct gateway *gateway = listener->socket.gateway;
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	datagram_flow_init(&client->datagram, gateway, &flow_ops, NULL, key);
	client->datagram.flow.is_inbound = true;
	client->key = key_of(peer);
	list_init(&client->age);
	if (map_insert(&listener->clients, &client->node, key_hash(listener, &client->key)) < 0) {
		free(client);
		return NULL;
	}
	if (datagram_flow_insert(&client->datagram, now) < 0) {
		map_remove(&listener->clients, &client->node);
		free(client);
		return NULL;
	}
	client->listener = listener;
	gateway->counters.udp_flows++;
	gateway->counters.udp_opened++;
	return client;
}

static void client_end(struct client *client)
{
	leave(client);
	datagram_flow_end(&client->datagram);
}

static struct client *client_for(struct listener *listener, const struct endpoint *peer, nsec now)
{
	struct client *client = find(listener, peer);
	struct flow_key key;

	if (client && !client->datagram.flow.is_ended)
		return client;
	if (client)
		leave(client);
	if (listener->clients.count >= CLIENTS_MAX)
		client_end(LIST_ENTRY(listener->by_age.next, struct client, age));
	return choose_seen(listener, peer, &key) ? client_new(listener, peer, &key, now) : NULL;
}

/* The guest may not be known yet: then the last datagram waits for it. */
static void send_unresolved(struct client *client, const struct outside_datagram *datagram,
	const uint8_t *bytes, uint32_t len, nsec now)
{
	struct host *host = &client->datagram.flow.gateway->host;
	const struct endpoint *guest = &client->listener->forward.guest;
	uint32_t step = datagram->segment_size ? datagram->segment_size : len;
	struct endpoint from = seen(client);
	uint32_t at = 0;

	do {
		host_send_udp(
			host, &from, guest, (struct mac){0}, bytes + at, MIN(step, len - at), now);
		at += step;
	} while (at < len);
}

static void on_datagram(struct datagram_socket *socket, const struct outside_datagram *datagram,
	const uint8_t *bytes, uint32_t len, nsec now)
{
	struct listener *listener = CONTAINER_OF(socket, struct listener, socket);
	struct client *client = client_for(listener, &datagram->peer, now);
	struct endpoint from;

	if (!client) {
		datagram_drop(socket->gateway, DROP_FLOW_LIMIT);
		return;
	}
	client->local = datagram->local;
	client->datagram.flow.down_bytes += len;
	touch(client, now);
	from = seen(client);
	if (host_neighbour(&socket->gateway->host, listener->forward.guest.ip, now,
		    &client->datagram.guest_mac))
		udp_deliver(&client->datagram, datagram, &from, bytes, len, now);
	else
		send_unresolved(client, datagram, bytes, len, now);
}

static void on_lost(struct datagram_socket *socket, const struct outside_failure *failure,
	const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now)
{
	const struct listener *listener = CONTAINER_OF(socket, struct listener, socket);
	struct client *client = find(listener, peer);
	struct endpoint as;

	if (!client || mac_is_zero(client->datagram.guest_mac))
		return;
	as = seen(client);
	udp_tell(&client->datagram, failure, &as, quoted, len, now);
}

static const struct datagram_ops datagram_ops = {.on_datagram = on_datagram, .on_lost = on_lost};

/* Level-triggered: what is left now is left for the next turn. */
static void on_ready(struct watch *watch, uint32_t events)
{
	struct listener *listener = CONTAINER_OF(watch, struct listener, socket.outside.watch);
	const struct outside *outside = listener->socket.gateway->outside;

	listener->socket.has_errors = events & EPOLLERR;
	datagram_receive(&listener->socket, outside->ops->now(outside));
}

bool udp_forward_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct flow_key key = {.guest = packet->from,
		.remote = packet->to,
		.guest_port = packet->from_port,
		.remote_port = packet->to_port,
		.protocol = IP_PROTOCOL_UDP};
	struct outside_datagram datagram = {0};
	struct client *client;
	struct flow *flow;

	if (list_is_empty(&gateway->udp_listeners) || !(flow = flow_find(&gateway->flows, &key)))
		return false;
	if (!datagram_route(gateway, frame, packet, &datagram, now))
		return true;
	client = CONTAINER_OF(flow, struct client, datagram.flow);
	datagram.peer = (struct endpoint){client->key.ip, (uint16_t)client->key.port};
	datagram.local = client->local;
	memcpy(&client->datagram.guest_mac, frame->head + sizeof(struct mac), sizeof(struct mac));
	client->datagram.is_answered = true;
	touch(client, now);
	if (datagram_send(
		    &client->listener->socket, &datagram, frame, packet, packet->payload, now))
		flow->up_bytes += packet->end - packet->payload;
	return true;
}

static void listener_free(struct listener *listener)
{
	LIST_EACH(node, &listener->by_age)
		client_end(LIST_ENTRY(node, struct client, age));
	datagram_close(&listener->socket);
	list_remove(&listener->node);
	map_done(&listener->clients);
	free(listener);
}

int udp_forward(struct gateway *gateway, const struct forward *forward, int fd)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int err;

	if (!listener) {
		close(fd);
		return -ENOMEM;
	}
	listener->forward = *forward;
	listener->socket.ops = &datagram_ops;
	listener->socket.gateway = gateway;
	listener->socket.outside.watch.fd = -1;
	listener->socket.outside.watch.on_ready = on_ready;
	list_init(&listener->by_age);
	list_push_back(&gateway->udp_listeners, &listener->node);
	err = gateway->outside->ops->adopt_udp(gateway->outside, &listener->socket.outside, fd);
	if (err < 0)
		listener_free(listener);
	return err;
}

void udp_forward_end(struct gateway *gateway, const struct forward *forward)
{
	LIST_EACH(node, &gateway->udp_listeners) {
		struct listener *listener = LIST_ENTRY(node, struct listener, node);

		if (endpoint_equal(&listener->forward.outside, &forward->outside))
			listener_free(listener);
	}
}
