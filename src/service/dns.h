/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DNS proxy at a host's own addresses, port 53, over UDP and TCP: it passes messages on, as they
 * are, to the resolvers of the machine it runs on, and their answers back. It caches nothing and
 * invents nothing but SERVFAIL, when no resolver answers. Guests never see which resolvers there
 * are, so these may be on the machine's loopback, and may change.
 *
 * Everything here is called on the loop's thread.
 */
#pragma once

#include "base/error.h"
#include "io/loop.h"
#include "ip/host.h"

#define DNS_RESOLVERS_MAX 4

struct dns;

struct dns_settings {
	struct endpoint resolvers[DNS_RESOLVERS_MAX]; /* instead of those in resolv_conf */
	size_t resolver_count;
	const char
		*resolv_conf; /* copied; NULL: /etc/resolv.conf. Looked at again when it changed */
	unsigned queries_max; /* waiting at once; 0: 1024 */
};

struct dns_counters {
	uint64_t udp_queries, tcp_queries;
	uint64_t answers;   /* of resolvers, passed back */
	uint64_t failures;  /* nobody answered: SERVFAIL */
	uint64_t malformed; /* from guests: no questions */
	uint64_t strange;   /* from outside: no answers to what was asked */
	uint64_t overrun;   /* given up unanswered, for newer ones */
	uint64_t waiting;   /* now */
};

/* host: on the loop's thread, and there until dns_free(). */
int dns_new(struct loop *loop, struct host *host, const struct dns_settings *settings,
	struct dns **ret_dns, struct error *error) MUST_USE;
/* NULL is fine. Not from within host_receive(). */
void dns_free(struct dns *dns);
/* Other resolvers for what is asked from now on. queries_max stays. -ENOMEM. */
int dns_configure(
	struct dns *dns, const struct dns_settings *settings, struct error *error) MUST_USE;
struct dns_counters dns_counters(const struct dns *dns);
