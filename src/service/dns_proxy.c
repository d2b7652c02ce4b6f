/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dns_proxy.h"

#include "base/bytes.h"
#include "base/random.h"
#include "service/dns_resolvers.h"

#include <stdlib.h>

void dns_proxy_init(struct dns_proxy *proxy, const struct dns_proxy_ops *ops,
	struct dns_resolvers *resolvers, struct machine *machine, unsigned queries_max)
{
	*proxy = (struct dns_proxy){
		.ops = ops, .machine = machine, .resolvers = resolvers, .queries_max = queries_max};
	list_init(&proxy->queries);
}

void dns_proxy_done(struct dns_proxy *proxy)
{
	LIST_EACH(node, &proxy->queries)
		dns_query_cancel(LIST_ENTRY(node, struct dns_query, age));
	heap_done(&proxy->due);
}

/* Nobody finds it any more. */
static void take_out(struct dns_query *query)
{
	heap_remove(&query->proxy->due, &query->due);
	list_remove(&query->age);
	list_remove(&query->of_stream);
	query->proxy->counters.waiting--;
}

static void query_free(struct dns_query *query)
{
	query->proxy->ops->close(query);
	free(query);
}

void dns_query_cancel(struct dns_query *query)
{
	take_out(query);
	query_free(query);
}

/* First out, as a stream that is answered may ask the next. */
static void answer(struct dns_query *query, uint8_t *message, size_t len, nsec now)
{
	take_out(query);
	dns_set_id(message, query->asked_id);
	query->proxy->ops->answer(query, message, len, now);
	query_free(query);
}

/* The one that answered last comes first, the others as they are written down. */
static void choose_resolvers(struct dns_query *query)
{
	struct dns_proxy *proxy = query->proxy;
	const struct dns_resolvers *all = proxy->resolvers;
	size_t first = 0;

	dns_resolvers_refresh(proxy->resolvers);
	for (size_t i = 0; i < all->count; i++)
		if (endpoint_equal(&all->list[i], &proxy->preferred))
			first = i;
	query->resolver_count = all->count;
	for (size_t i = 0; i < all->count; i++)
		query->resolvers[i] = all->list[(first + i) % all->count];
}

static const struct endpoint *asked_last(const struct dns_query *query)
{
	return &query->resolvers[(query->tries - 1) % query->resolver_count];
}

static bool has_tries_left(const struct dns_query *query)
{
	return query->tries < DNS_ROUNDS * query->resolver_count;
}

/* Who cannot be asked at all is passed over. When none is left, run() says so. */
static void try_next(struct dns_query *query, nsec now)
{
	struct dns_proxy *proxy = query->proxy;
	nsec due = now;

	while (has_tries_left(query) && due == now) {
		query->tries++;
		if (!proxy->ops->send(query, asked_last(query)))
			due = now + DNS_TRY_TIME;
	}
	(void)!heap_set(&proxy->due, &query->due, due); /* it is in: cannot fail */
	machine_wake(proxy->machine);
}

static void make_room(struct dns_proxy *proxy)
{
	if (proxy->counters.waiting < proxy->queries_max)
		return;
	proxy->counters.overrun++;
	dns_query_cancel(LIST_ENTRY(proxy->queries.next, struct dns_query, age));
}

static struct dns_query *query_new(struct dns_proxy *proxy, const struct dns_asker *asker,
	const uint8_t *message, size_t len, nsec now)
{
	struct dns_query *query = malloc(sizeof(*query) + DNS_LENGTH_LEN + len);

	if (!query)
		return NULL;
	*query = (struct dns_query){
		.proxy = proxy, .asker = *asker, .asked_id = dns_id(message), .len = (uint16_t)len};
	list_init(&query->of_stream);
	store_be16(query->framed, (uint16_t)len);
	memcpy(query->framed + DNS_LENGTH_LEN, message, len);
	dns_set_id(query->framed + DNS_LENGTH_LEN, (uint16_t)random_u32());
	if (heap_set(&proxy->due, &query->due, now) < 0) {
		free(query);
		return NULL;
	}
	list_push_back(&proxy->queries, &query->age);
	proxy->counters.waiting++;
	return query;
}

struct dns_query *dns_proxy_ask(struct dns_proxy *proxy, const struct dns_asker *asker,
	const uint8_t *message, size_t len, nsec now)
{
	struct dns_query *query;
	size_t end;

	if (len > DNS_MESSAGE_MAX || !dns_question(message, len, &end)) {
		proxy->counters.malformed++;
		return NULL;
	}
	make_room(proxy);
	query = query_new(proxy, asker, message, len, now);
	if (!query)
		return NULL;
	if (asker->stream)
		proxy->counters.tcp_queries++;
	else
		proxy->counters.udp_queries++;
	choose_resolvers(query);
	try_next(query, now);
	return query;
}

static bool was_asked(const struct dns_query *query, const struct endpoint *resolver)
{
	for (size_t i = 0; i < MIN(query->tries, query->resolver_count); i++)
		if (endpoint_equal(&query->resolvers[i], resolver))
			return true;
	return false;
}

/* One who cannot or will not answer is not the last word while there are others to be asked. */
static bool is_last_word(const struct dns_query *query, const uint8_t *message)
{
	enum dns_code code = dns_code(message);

	return (code != DNS_SERVER_FAILURE && code != DNS_REFUSED) ||
	       query->tries >= query->resolver_count;
}

bool dns_query_heard(struct dns_query *query, const struct endpoint *from, uint8_t *message,
	size_t len, nsec now)
{
	struct dns_proxy *proxy = query->proxy;

	if (!was_asked(query, from) ||
		!dns_answers(dns_query_message(query), query->len, message, len)) {
		proxy->counters.strange++;
		return false;
	}
	if (!is_last_word(query, message)) {
		dns_query_refused(query, from, now);
		return false;
	}
	proxy->preferred = *from;
	proxy->counters.answers++;
	answer(query, message, len, now);
	return true;
}

/* From run(): the caller still holds the query, and whatever it has open. */
void dns_query_refused(struct dns_query *query, const struct endpoint *resolver, nsec now)
{
	if (!endpoint_equal(asked_last(query), resolver))
		return;
	(void)!heap_set(&query->proxy->due, &query->due, now); /* it is in: cannot fail */
	machine_wake(query->proxy->machine);
}

static void give_up(struct dns_query *query, nsec now)
{
	uint8_t message[DNS_HEADER_LEN + 255 + 4];
	size_t len = dns_write_failure(dns_query_message(query), query->len, message);

	query->proxy->counters.failures++;
	answer(query, message, len, now);
}

nsec dns_proxy_run(struct dns_proxy *proxy, nsec now)
{
	struct heap_node *first;

	while ((first = heap_first(&proxy->due)) && first->key <= now) {
		struct dns_query *query = CONTAINER_OF(first, struct dns_query, due);

		if (has_tries_left(query))
			try_next(query, now);
		if (query->due.key <= now)
			give_up(query, now);
	}
	return first ? first->key : NSEC_NEVER;
}
