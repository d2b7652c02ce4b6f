/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages, questions and answers, through the proxy. Input: a length and a question, then what
 * is heard.
 *
 * An answer that is taken belongs to its question; a failure that we write is an answer to it, and
 * nothing else than what was asked goes out.
 */
#include "base/bytes.h"
#include "service/dns_proxy.h"
#include "service/dns_resolvers.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static unsigned answer_count;
static uint16_t asked_id;

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static int on_send(struct dns_query *, const struct endpoint *)
{
	return 0;
}

static void on_close(struct dns_query *)
{
}

static void on_answer(struct dns_query *, const uint8_t *message, size_t len, nsec)
{
	check(len >= DNS_HEADER_LEN && dns_is_answer(message) && dns_id(message) == asked_id);
	answer_count++;
}

static void check_failure(const uint8_t *question, size_t len)
{
	uint8_t *out = malloc(len);
	size_t out_len = dns_write_failure(question, len, out);

	check(out_len <= len && dns_answers(question, len, out, out_len));
	check(dns_code(out) == DNS_SERVER_FAILURE);
	free(out);
}

/* In memory of its own, so that a look past its end is seen. */
static uint8_t *copy(struct reader *r, size_t len)
{
	uint8_t *bytes = malloc(len + !len);

	read_copy(r, bytes, len);
	return bytes;
}

static void talk(struct dns_proxy *proxy, const uint8_t *question, size_t len, struct reader *r)
{
	struct dns_asker asker = {0};
	struct dns_query *query = dns_proxy_ask(proxy, &asker, question, len, NSEC_PER_SEC);
	struct endpoint from = proxy->resolvers->list[0];
	size_t end, answer_len = reader_left(r);
	bool is_taken = false;
	uint8_t *answer;

	check(!query == !dns_question(question, len, &end));
	if (!query)
		return;
	check_failure(question, len);
	asked_id = dns_id(question);
	check(query->len == len && !memcmp(dns_query_message(query) + 2, question + 2, len - 2));
	answer = copy(r, answer_len);
	if (answer_len >= 2)
		dns_set_id(answer, dns_id(dns_query_message(query)));
	is_taken = dns_query_heard(query, &from, answer, answer_len, NSEC_PER_SEC);
	check(is_taken == (answer_count == 1));
	dns_proxy_run(proxy, 3600 * NSEC_PER_SEC);
	dns_proxy_run(proxy, 7200 * NSEC_PER_SEC);
	dns_proxy_run(proxy, 10800 * NSEC_PER_SEC);
	check(answer_count == 1 && !proxy->counters.waiting);
	free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct dns_proxy_ops ops = {
		.send = on_send, .close = on_close, .answer = on_answer};
	struct dns_settings settings = {.resolver_count = 1};
	struct dns_resolvers resolvers;
	struct machine machine = {0};
	struct reader r = reader_on(bytes, len);
	size_t asked_len = read_be16(&r), question_len = MIN(asked_len, reader_left(&r));
	uint8_t *question = copy(&r, question_len);
	struct dns_proxy proxy;

	answer_count = 0;
	settings.resolvers[0] = (struct endpoint){ip_from_bytes4("\xc0\0\2\1"), DNS_PORT};
	check(!dns_resolvers_init(&resolvers, &settings));
	dns_proxy_init(&proxy, &ops, &resolvers, &machine, 4);
	talk(&proxy, question, question_len, &r);
	dns_proxy_done(&proxy);
	dns_resolvers_done(&resolvers);
	free(question);
	return 0;
}
