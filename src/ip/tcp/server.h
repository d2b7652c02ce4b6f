/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCP port of a host, for a service that lives there: who connects becomes a connection, which
 * hands over bytes as they come and takes bytes while it has room. A bounded number of them; one
 * that is quiet for long is closed.
 *
 * It runs on a machine of the service's own, whose run() calls tcp_server_run(). Callbacks come
 * from within host_receive() too, so they may only note and write.
 */
#pragma once

#include "ip/tcp/tcp.h"

struct tcp_server;

struct tcp_connection {
	struct tcp tcp;
	struct tcp_server *server;
	struct list node; /* the server's, the longest quiet first */
	nsec last_at;
	bool is_over; /* on_end() was called */
	void *owner;  /* the service's */
};

struct tcp_server_ops {
	/* Somebody is there; sets connection->owner. False: no room for one more. */
	bool (*on_open)(struct tcp_connection *connection, nsec now);
	/* Bytes in order, lent. Returns how many were taken; the rest is offered again after
	 * tcp_connection_resume(). */
	size_t (*on_bytes)(struct tcp_connection *connection, const struct iovec *parts,
		unsigned count, size_t len, nsec now);
	/* tcp_connection_write() may take more. */
	void (*on_room)(struct tcp_connection *connection, nsec now);
	/* The peer says no more; what is written still reaches it. */
	void (*on_finished)(struct tcp_connection *connection, nsec now);
	/* The last call: the connection is not to be used any more. */
	void (*on_end)(struct tcp_connection *connection);
};

struct tcp_server_settings {
	uint16_t port;
	unsigned connections_max;
	nsec idle_max;	   /* without a byte either way */
	size_t memory_max; /* bytes of windows */
};

struct tcp_server {
	const struct tcp_server_ops *ops;
	struct tcp_server_settings settings;
	struct machine *machine;
	struct tcp_binding binding;
	struct tcp_shared shared;
	struct list connections, over; /* over: to be freed when their last frames have left */
	unsigned count;
	nsec now; /* of the turn */
};

/* Binds the port. The host must outlive the server, or at least see its end. */
void tcp_server_init(struct tcp_server *server, const struct tcp_server_ops *ops, struct host *host,
	struct machine *machine, const struct tcp_server_settings *settings,
	const struct hash_key *key);
/* Ends every connection; nobody is told but the service. Not from within host_receive(). */
void tcp_server_done(struct tcp_server *server, nsec now);
/* Says what is to be said, flushes the host; the next deadline. */
nsec tcp_server_run(struct tcp_server *server, nsec now);

/* Returns how many bytes found room. */
uint32_t tcp_connection_write(
	struct tcp_connection *connection, const void *bytes, uint32_t len, nsec now);
/* on_bytes() may take more now. */
void tcp_connection_resume(struct tcp_connection *connection, nsec now);
/* No more after what was written. */
void tcp_connection_finish(struct tcp_connection *connection);
void tcp_connection_abort(struct tcp_connection *connection);
