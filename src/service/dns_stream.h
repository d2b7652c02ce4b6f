/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions of guests by TCP (RFC 7766): several at once on a connection, answered as answers come.
 */
#pragma once

#include "ip/tcp/server.h"
#include "service/dns_proxy.h"

struct dns_streams {
	struct tcp_server server;
	struct dns_proxy *proxy;
};

void dns_streams_init(struct dns_streams *streams, struct dns_proxy *proxy, struct host *host,
	struct machine *machine, const struct hash_key *key);
void dns_streams_done(struct dns_streams *streams, nsec now);
/* An answer for the query's stream. */
void dns_stream_answer(struct dns_query *query, const uint8_t *message, size_t len, nsec now);
