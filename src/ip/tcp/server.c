/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/tcp/server.h"

#include "wire/tcp.h"

#include <stdlib.h>

static struct tcp_connection *of_tcp(struct tcp *tcp)
{
	return CONTAINER_OF(tcp, struct tcp_connection, tcp);
}

static void touch(struct tcp_connection *connection, nsec now)
{
	connection->last_at = now;
	list_remove(&connection->node);
	list_push_back(&connection->server->connections, &connection->node);
}

/* It may still be on the stack, and frames point into its ring: freed in tcp_server_run(). */
static void end(struct tcp_connection *connection)
{
	struct tcp_server *server = connection->server;

	if (connection->is_over)
		return;
	connection->is_over = true;
	list_remove(&connection->node);
	list_push_back(&server->over, &connection->node);
	server->count--;
	server->ops->on_end(connection);
	machine_wake(server->machine);
}

static size_t on_data(struct tcp *tcp, const struct iovec *parts, unsigned count, size_t len)
{
	struct tcp_connection *connection = of_tcp(tcp);
	struct tcp_server *server = connection->server;

	if (connection->is_over)
		return len;
	return server->ops->on_bytes(connection, parts, count, len, server->now);
}

static void on_event(struct tcp *tcp, enum tcp_event event, nsec now)
{
	struct tcp_connection *connection = of_tcp(tcp);
	const struct tcp_server_ops *ops = connection->server->ops;

	if (connection->is_over)
		return;
	switch (event) {
	case TCP_EVENT_ESTABLISHED:
		break;
	case TCP_EVENT_ROOM:
		ops->on_room(connection, now);
		break;
	case TCP_EVENT_FINISHED:
		ops->on_finished(connection, now);
		break;
	case TCP_EVENT_RESET:
	case TCP_EVENT_TIMEOUT:
		end(connection);
		break;
	case TCP_EVENT_CLOSED:
		/* A last ACK may still be owed: it is said in tcp_server_run(). */
		break;
	}
	machine_wake(connection->server->machine);
}

static const struct tcp_ops machine_ops = {.on_data = on_data, .on_event = on_event};

static struct tcp_connection *find(const struct tcp_server *server, const struct packet *packet)
{
	LIST_EACH(node, &server->connections) {
		struct tcp_connection *connection = LIST_ENTRY(node, struct tcp_connection, node);
		const struct tcp *tcp = &connection->tcp;

		if (tcp->remote.port == packet->from_port &&
			ip_equal(tcp->remote.ip, packet->from) &&
			ip_equal(tcp->local.ip, packet->to))
			return connection;
	}
	return NULL;
}

static bool is_dispensable(const struct tcp_connection *connection)
{
	return connection->tcp.state == TCP_SYN_RECEIVED || connection->tcp.state == TCP_TIME_WAIT;
}

/* The longest quiet of those that are not in use. */
static bool make_room(struct tcp_server *server)
{
	if (server->count < server->settings.connections_max)
		return true;
	LIST_EACH(node, &server->connections) {
		struct tcp_connection *connection = LIST_ENTRY(node, struct tcp_connection, node);

		if (is_dispensable(connection)) {
			end(connection);
			return true;
		}
	}
	return false;
}

static void open_connection(
	struct tcp_server *server, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct port *port = &server->shared.host->port;
	struct tcp_connection *connection;

	if (!make_room(server)) {
		port_drop(port, DROP_FLOW_LIMIT, frame);
		return;
	}
	connection = calloc(1, sizeof(*connection));
	if (!connection) {
		port_drop(port, DROP_NO_MEMORY, frame);
		return;
	}
	connection->server = server;
	connection->last_at = now;
	if (!server->ops->on_open(connection, now)) {
		port_drop(port, DROP_NO_MEMORY, frame);
		free(connection);
		return;
	}
	list_push_back(&server->connections, &connection->node);
	server->count++;
	tcp_open_passive(&connection->tcp, &server->shared, &machine_ops, frame, packet, now);
	tcp_accept(&connection->tcp, now);
}

static void on_segment(struct tcp_binding *binding, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	struct tcp_server *server = CONTAINER_OF(binding, struct tcp_server, binding);
	struct tcp_connection *connection = find(server, packet);
	uint8_t syn = packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST);

	server->now = now;
	if (connection) {
		touch(connection, now);
		tcp_receive(&connection->tcp, frame, packet, now);
	} else if (syn == TCP_SYN) {
		open_connection(server, frame, packet, now);
	} else {
		host_refuse_tcp(server->shared.host, frame, packet, now);
	}
	machine_wake(server->machine);
}

void tcp_server_init(struct tcp_server *server, const struct tcp_server_ops *ops, struct host *host,
	struct machine *machine, const struct tcp_server_settings *settings,
	const struct hash_key *key)
{
	*server = (struct tcp_server){
		.ops = ops,
		.settings = *settings,
		.machine = machine,
		.binding = {.port = settings->port, .on_segment = on_segment},
		.shared = {.host = host, .pool.limit = settings->memory_max, .key = *key},
	};
	list_init(&server->connections);
	list_init(&server->over);
	host_bind_tcp(host, &server->binding);
}

static void bury(struct tcp_server *server)
{
	LIST_EACH(node, &server->over) {
		struct tcp_connection *connection = LIST_ENTRY(node, struct tcp_connection, node);

		list_remove(node);
		tcp_done(&connection->tcp);
		free(connection);
	}
}

void tcp_server_done(struct tcp_server *server, nsec now)
{
	LIST_EACH(node, &server->connections)
		end(LIST_ENTRY(node, struct tcp_connection, node));
	host_flush(server->shared.host, now);
	bury(server);
	ring_pool_done(&server->shared.pool);
	host_unbind_tcp(&server->binding);
}

static nsec run_connection(struct tcp_connection *connection, nsec now)
{
	nsec idle_at = connection->last_at + connection->server->settings.idle_max;
	nsec next;

	if (idle_at <= now)
		tcp_abort(&connection->tcp);
	next = tcp_run(&connection->tcp, now);
	if (connection->tcp.state == TCP_CLOSED)
		end(connection);
	return connection->tcp.state == TCP_TIME_WAIT ? next : MIN(next, idle_at);
}

nsec tcp_server_run(struct tcp_server *server, nsec now)
{
	nsec next = NSEC_NEVER;
	struct list all;

	server->now = now;
	list_init(&all);
	LIST_EACH(node, &server->connections) {
		list_remove(node);
		list_push_back(&all, node);
	}
	while (!list_is_empty(&all)) {
		struct list *node = all.next;
		struct tcp_connection *connection = LIST_ENTRY(node, struct tcp_connection, node);
		nsec due;

		list_remove(node);
		list_push_back(&server->connections, node);
		due = run_connection(connection, now);
		if (!connection->is_over)
			next = MIN(next, due);
	}
	host_flush(server->shared.host, now);
	bury(server);
	return next;
}

uint32_t tcp_connection_write(
	struct tcp_connection *connection, const void *bytes, uint32_t len, nsec now)
{
	uint32_t written = connection->is_over ? 0 : tcp_write(&connection->tcp, bytes, len);

	if (written) {
		touch(connection, now);
		machine_wake(connection->server->machine);
	}
	return written;
}

void tcp_connection_resume(struct tcp_connection *connection, nsec now)
{
	connection->server->now = now;
	if (!connection->is_over)
		tcp_drain(&connection->tcp, now);
	machine_wake(connection->server->machine);
}

void tcp_connection_finish(struct tcp_connection *connection)
{
	tcp_finish(&connection->tcp);
	machine_wake(connection->server->machine);
}

void tcp_connection_abort(struct tcp_connection *connection)
{
	tcp_abort(&connection->tcp);
	machine_wake(connection->server->machine);
}
