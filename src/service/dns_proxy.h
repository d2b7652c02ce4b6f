/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions on their way, as a machine: each is asked under an identifier of its own, of one
 * resolver after the other, twice round, until one of them answers.
 */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/machine.h"
#include "service/dns.h"
#include "wire/dns.h"

#define DNS_TRY_TIME (2 * NSEC_PER_SEC)
#define DNS_ROUNDS   2

struct dns_proxy;
struct dns_stream;

/* Who asks: an endpoint of a guest, or a stream. */
struct dns_asker {
	struct endpoint from, to;
	struct mac from_mac;
	struct dns_stream *stream; /* NULL: by UDP */
};

struct dns_query {
	struct list age; /* the proxy's, the oldest first */
	struct list of_stream;
	struct heap_node due;
	struct dns_proxy *proxy;
	struct dns_asker asker;
	struct endpoint resolvers[DNS_RESOLVERS_MAX]; /* in the order they are asked */
	size_t resolver_count;
	unsigned tries;
	struct dns_route *route; /* dns_route.c's */
	uint16_t asked_id;	 /* the guest's */
	uint16_t len;		 /* of the message */
	uint8_t framed[];	 /* its length, as TCP wants it, and the message, under our id */
};

struct dns_proxy_ops {
	/* Once more, to this one. -errno: not possible. */
	int (*send)(struct dns_query *query, const struct endpoint *resolver);
	/* Lets go of what send() took. */
	void (*close)(struct dns_query *query);
	/* To who asked, under the id it was asked. */
	void (*answer)(struct dns_query *query, const uint8_t *message, size_t len, nsec now);
};

struct dns_proxy {
	const struct dns_proxy_ops *ops;
	struct machine *machine;
	struct dns_resolvers *resolvers;
	struct dns_counters counters;
	struct list queries;
	struct heap due;
	unsigned queries_max;
	struct endpoint preferred; /* answered last */
};

void dns_proxy_init(struct dns_proxy *proxy, const struct dns_proxy_ops *ops,
	struct dns_resolvers *resolvers, struct machine *machine, unsigned queries_max);
/* Nobody is answered any more. */
void dns_proxy_done(struct dns_proxy *proxy);
nsec dns_proxy_run(struct dns_proxy *proxy, nsec now);

/* NULL: not a question, or no memory; counted. */
struct dns_query *dns_proxy_ask(struct dns_proxy *proxy, const struct dns_asker *asker,
	const uint8_t *message, size_t len, nsec now);
/* Something came back; message is changed. True: that was it, and the query is gone. */
bool dns_query_heard(struct dns_query *query, const struct endpoint *from, uint8_t *message,
	size_t len, nsec now);
/* This one will not answer: on to the next, soon. Nothing when it is not the one being asked. */
void dns_query_refused(struct dns_query *query, const struct endpoint *resolver, nsec now);
void dns_query_cancel(struct dns_query *query);

static inline const uint8_t *dns_query_message(const struct dns_query *query)
{
	return query->framed + DNS_LENGTH_LEN;
}

static inline bool dns_query_is_stream(const struct dns_query *query)
{
	return query->asker.stream;
}
