/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dns.h"

#include "base/random.h"
#include "io/driver.h"
#include "service/dns_proxy.h"
#include "service/dns_resolvers.h"
#include "service/dns_route.h"
#include "service/dns_stream.h"

#include <errno.h>
#include <stdlib.h>

#define QUERIES_DEFAULT 1024

struct dns {
	struct loop *loop;
	struct host *host;
	struct machine machine;
	struct driver driver;
	struct dns_resolvers resolvers;
	struct dns_proxy proxy;
	struct udp_binding datagrams;
	struct dns_streams streams;
};

static struct dns *of_query(const struct dns_query *query)
{
	return CONTAINER_OF(query->proxy, struct dns, proxy);
}

static int query_send(struct dns_query *query, const struct endpoint *resolver)
{
	return dns_route_send(of_query(query)->loop, query, resolver);
}

static void query_answer(struct dns_query *query, const uint8_t *message, size_t len, nsec now)
{
	const struct dns_asker *asker = &query->asker;

	if (asker->stream)
		dns_stream_answer(query, message, len, now);
	else
		host_send_udp(of_query(query)->host, &asker->to, &asker->from, asker->from_mac,
			message, (uint32_t)len, now);
}

static const struct dns_proxy_ops proxy_ops = {
	.send = query_send, .close = dns_route_close, .answer = query_answer};

static void on_datagram(struct udp_binding *binding, const struct datagram *datagram, nsec now)
{
	struct dns *dns = CONTAINER_OF(binding, struct dns, datagrams);
	struct dns_asker asker = {
		.from = datagram->from, .to = datagram->to, .from_mac = datagram->from_mac};

	(void)!dns_proxy_ask(&dns->proxy, &asker, datagram->data, datagram->len, now);
}

static nsec run(struct machine *machine, nsec now)
{
	struct dns *dns = CONTAINER_OF(machine, struct dns, machine);
	nsec queries = dns_proxy_run(&dns->proxy, now);
	nsec streams = tcp_server_run(&dns->streams.server, now);

	return MIN(queries, streams);
}

int dns_new(struct loop *loop, struct host *host, const struct dns_settings *settings,
	struct dns **ret_dns, struct error *error)
{
	struct dns *dns = calloc(1, sizeof(*dns));
	struct hash_key key;

	if (!dns || dns_resolvers_init(&dns->resolvers, settings) < 0) {
		free(dns);
		return error_set(error, ENOMEM, "dns: out of memory");
	}
	random_bytes(&key, sizeof(key));
	dns->loop = loop;
	dns->host = host;
	dns->machine.run = run;
	dns->datagrams = (struct udp_binding){.port = DNS_PORT, .on_datagram = on_datagram};
	driver_start(&dns->driver, loop, &dns->machine);
	dns_proxy_init(&dns->proxy, &proxy_ops, &dns->resolvers, &dns->machine,
		settings->queries_max ? settings->queries_max : QUERIES_DEFAULT);
	dns_streams_init(&dns->streams, &dns->proxy, host, &dns->machine, &key);
	host_bind_udp(host, &dns->datagrams);
	*ret_dns = dns;
	return 0;
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	host_unbind_udp(&dns->datagrams);
	dns_streams_done(&dns->streams, loop_now(dns->loop));
	dns_proxy_done(&dns->proxy);
	driver_stop(&dns->driver);
	dns_resolvers_done(&dns->resolvers);
	free(dns);
}

int dns_configure(struct dns *dns, const struct dns_settings *settings, struct error *error)
{
	struct dns_resolvers resolvers;

	if (dns_resolvers_init(&resolvers, settings) < 0)
		return error_set(error, ENOMEM, "dns: out of memory");
	dns_resolvers_done(&dns->resolvers);
	dns->resolvers = resolvers;
	return 0;
}

struct dns_counters dns_counters(const struct dns *dns)
{
	return dns->proxy.counters;
}
