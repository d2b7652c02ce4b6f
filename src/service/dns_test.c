/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions on their way, with resolvers that are only imagined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "service/dns_proxy.h"
#include "service/dns_resolvers.h"

#include <errno.h>
#include <unistd.h>

#define ASKED_MAX 32

/* "a" A IN. */
static const uint8_t question[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};

struct fixture {
	struct dns_proxy proxy;
	struct dns_resolvers resolvers;
	struct machine machine;
	nsec now;
	struct endpoint asked[ASKED_MAX]; /* whom */
	unsigned asked_count, closed_count;
	int send_fails;
	uint8_t answer[512];
	size_t answer_len;
	unsigned answer_count;
};

static struct fixture *of(const struct dns_query *query)
{
	return CONTAINER_OF(query->proxy, struct fixture, proxy);
}

static int on_send(struct dns_query *query, const struct endpoint *resolver)
{
	struct fixture *f = of(query);

	assert_true(f->asked_count < ASKED_MAX);
	f->asked[f->asked_count++] = *resolver;
	return -f->send_fails;
}

static void on_close(struct dns_query *query)
{
	of(query)->closed_count++;
}

static void on_answer(struct dns_query *query, const uint8_t *message, size_t len, nsec)
{
	struct fixture *f = of(query);

	assert_true(len <= sizeof(f->answer));
	memcpy(f->answer, message, len);
	f->answer_len = len;
	f->answer_count++;
}

static const struct dns_proxy_ops ops = {.send = on_send, .close = on_close, .answer = on_answer};

static struct endpoint resolver(uint8_t n)
{
	return (struct endpoint){ip_from_bytes4((uint8_t[]){192, 0, 2, n}), DNS_PORT};
}

static struct fixture *fixture_new(uint8_t resolver_count, unsigned queries_max)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dns_settings settings = {.resolver_count = resolver_count};

	for (uint8_t i = 0; i < resolver_count; i++)
		settings.resolvers[i] = resolver(i);
	f->now = 5 * NSEC_PER_SEC;
	assert_int_equal(dns_resolvers_init(&f->resolvers, &settings), 0);
	dns_proxy_init(&f->proxy, &ops, &f->resolvers, &f->machine, queries_max);
	return f;
}

static void fixture_free(struct fixture *f)
{
	dns_proxy_done(&f->proxy);
	dns_resolvers_done(&f->resolvers);
	free(f);
}

static struct dns_query *ask(struct fixture *f)
{
	struct dns_asker asker = {.from = resolver(99)};

	return dns_proxy_ask(&f->proxy, &asker, question, sizeof(question), f->now);
}

static bool hear(struct fixture *f, struct dns_query *query, uint8_t from, enum dns_code code)
{
	uint8_t message[sizeof(question)];
	struct endpoint who = resolver(from);

	memcpy(message, dns_query_message(query), sizeof(message));
	message[2] |= 0x80;
	message[3] = code;
	return dns_query_heard(query, &who, message, sizeof(message), f->now);
}

static void pass(struct fixture *f, nsec time)
{
	f->now += time;
	dns_proxy_run(&f->proxy, f->now);
}

static void assert_asked(const struct fixture *f, unsigned n, uint8_t who)
{
	struct endpoint expected = resolver(who);

	assert_true(n < f->asked_count);
	assert_true(endpoint_equal(&f->asked[n], &expected));
}

static void answers_go_back_under_the_id_asked(void **)
{
	struct fixture *f = fixture_new(1, 8);
	struct dns_query *query = ask(f);

	assert_non_null(query);
	assert_true(hear(f, query, 0, DNS_NO_ERROR));
	assert_int_equal(f->answer_count, 1);
	assert_int_equal(dns_id(f->answer), 0x1234);
	assert_int_equal(f->closed_count, 1);
	assert_int_equal(f->proxy.counters.waiting, 0);
	fixture_free(f);
}

static void ids_are_not_the_guests(void **)
{
	struct fixture *f = fixture_new(1, 64);
	unsigned same = 0;

	for (unsigned i = 0; i < 16; i++)
		same += dns_id(dns_query_message(ask(f))) == 0x1234;
	assert_true(same < 4);
	fixture_free(f);
}

static void only_right_answers_are_taken(void **)
{
	struct fixture *f = fixture_new(1, 8);
	struct dns_query *query = ask(f);
	uint8_t message[sizeof(question)];
	struct endpoint who = resolver(0), stranger = resolver(7);

	assert_false(hear(f, query, 7, DNS_NO_ERROR)); /* not whom we asked */
	memcpy(message, dns_query_message(query), sizeof(message));
	assert_false(dns_query_heard(query, &who, message, sizeof(message), f->now));
	message[2] |= 0x80;
	message[0] ^= 1; /* another id */
	assert_false(dns_query_heard(query, &who, message, sizeof(message), f->now));
	message[0] ^= 1;
	message[13] = 'b'; /* another question */
	assert_false(dns_query_heard(query, &who, message, sizeof(message), f->now));
	stranger.ip = who.ip; /* its address, another port */
	stranger.port = 5353;
	message[13] = 'a';
	assert_false(dns_query_heard(query, &stranger, message, sizeof(message), f->now));
	assert_int_equal(f->proxy.counters.strange, 5);
	assert_int_equal(f->answer_count, 0);
	assert_true(hear(f, query, 0, DNS_NO_ERROR));
	fixture_free(f);
}

static void the_silent_are_asked_twice(void **)
{
	struct fixture *f = fixture_new(2, 8);

	ask(f);
	pass(f, DNS_TRY_TIME - 1);
	assert_int_equal(f->asked_count, 1);
	for (unsigned i = 0; i < 3; i++)
		pass(f, DNS_TRY_TIME);
	assert_int_equal(f->asked_count, 4);
	for (uint8_t i = 0; i < 4; i++)
		assert_asked(f, i, i % 2);
	assert_int_equal(f->answer_count, 0);
	pass(f, DNS_TRY_TIME);
	assert_int_equal(f->answer_count, 1);
	assert_int_equal(dns_code(f->answer), DNS_SERVER_FAILURE);
	assert_int_equal(dns_id(f->answer), 0x1234);
	assert_int_equal(f->proxy.counters.failures, 1);
	assert_int_equal(dns_proxy_run(&f->proxy, f->now), NSEC_NEVER);
	fixture_free(f);
}

static void late_answers_are_taken(void **)
{
	struct fixture *f = fixture_new(2, 8);
	struct dns_query *query = ask(f);

	assert_false(hear(f, query, 1, DNS_NO_ERROR)); /* not asked yet */
	pass(f, DNS_TRY_TIME);
	assert_true(hear(f, query, 0, DNS_NO_ERROR));
	fixture_free(f);
}

static void who_answered_is_asked_first(void **)
{
	struct fixture *f = fixture_new(2, 8);
	struct dns_query *query = ask(f);

	pass(f, DNS_TRY_TIME);
	assert_true(hear(f, query, 1, DNS_NO_ERROR));
	ask(f);
	assert_asked(f, 2, 1);
	fixture_free(f);
}

static void failures_are_the_last_word_only_of_the_last(void **)
{
	struct fixture *f = fixture_new(2, 8);
	struct dns_query *query = ask(f);

	assert_false(hear(f, query, 0, DNS_REFUSED));
	pass(f, 0);
	assert_asked(f, 1, 1);
	assert_true(hear(f, query, 1, DNS_SERVER_FAILURE));
	assert_int_equal(dns_code(f->answer), DNS_SERVER_FAILURE);
	assert_int_equal(f->proxy.counters.failures, 0); /* not our word */
	query = ask(f);
	assert_false(hear(f, query, 1, DNS_SERVER_FAILURE));
	pass(f, 0);
	assert_true(hear(f, query, 0, 3)); /* no such name */
	fixture_free(f);
}

static void who_refuses_is_not_waited_for(void **)
{
	struct fixture *f = fixture_new(2, 8);
	struct dns_query *query = ask(f);
	struct endpoint first = resolver(0), other = resolver(1);

	dns_query_refused(query, &other, f->now); /* not the one being asked */
	pass(f, 0);
	assert_int_equal(f->asked_count, 1);
	dns_query_refused(query, &first, f->now);
	pass(f, 0);
	assert_asked(f, 1, 1);
	fixture_free(f);
}

static void unreachable_resolvers_fail_at_once(void **)
{
	struct fixture *f = fixture_new(2, 8);

	f->send_fails = ENETUNREACH;
	ask(f);
	assert_int_equal(f->answer_count, 0); /* not from within the question */
	pass(f, 0);
	assert_int_equal(f->asked_count, 4);
	assert_int_equal(dns_code(f->answer), DNS_SERVER_FAILURE);
	fixture_free(f);
}

static void the_oldest_makes_room(void **)
{
	struct fixture *f = fixture_new(1, 2);
	struct dns_query *last;

	ask(f);
	ask(f);
	last = ask(f);
	assert_int_equal(f->proxy.counters.overrun, 1);
	assert_int_equal(f->proxy.counters.waiting, 2);
	assert_int_equal(f->closed_count, 1);
	assert_true(hear(f, last, 0, DNS_NO_ERROR));
	fixture_free(f);
}

static void garbage_is_not_passed_on(void **)
{
	struct fixture *f = fixture_new(1, 8);
	struct dns_asker asker = {0};
	uint8_t answer[sizeof(question)];

	memcpy(answer, question, sizeof(answer));
	answer[2] |= 0x80;
	assert_null(dns_proxy_ask(&f->proxy, &asker, answer, sizeof(answer), f->now));
	assert_null(dns_proxy_ask(&f->proxy, &asker, question, 5, f->now));
	assert_int_equal(f->proxy.counters.malformed, 2);
	assert_int_equal(f->asked_count, 0);
	fixture_free(f);
}

static void assert_parsed(const char *text, size_t count, const char *first)
{
	struct endpoint list[DNS_RESOLVERS_MAX];
	char shown[ENDPOINT_TEXT_SIZE];

	assert_int_equal(dns_resolvers_parse(text, list), count);
	assert_string_equal(endpoint_format(&list[0], shown), first);
}

static void resolv_conf_is_read(void **)
{
	assert_parsed("nameserver 9.9.9.9\n", 1, "9.9.9.9:53");
	assert_parsed("# x\n; nameserver 1.1.1.1\nsearch a b\n\tnameserver\t2620:fe::fe  # it\n"
		      "options edns0\nnameserver 127.0.0.53",
		2, "[2620:fe::fe]:53");
	assert_parsed("nameserver\nnameserver nobody\nnameservers 9.9.9.9\n", 1, "127.0.0.1:53");
	assert_parsed("", 1, "127.0.0.1:53");
	assert_parsed("nameserver 1.1.1.1\nnameserver 1.1.1.1\nnameserver 1.1.1.1\n"
		      "nameserver 1.1.1.1\nnameserver 1.1.1.1\n",
		DNS_RESOLVERS_MAX, "1.1.1.1:53");
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void resolv_conf_is_followed(void **)
{
	char path[] = "/tmp/dns_test.XXXXXX", other[sizeof(path) + 2];
	struct dns_settings settings = {.resolv_conf = path};
	struct dns_resolvers resolvers;

	close(mkstemp(path));
	write_file(path, "nameserver 192.0.2.1\n");
	assert_int_equal(dns_resolvers_init(&resolvers, &settings), 0);
	dns_resolvers_refresh(&resolvers);
	assert_int_equal(resolvers.list[0].ip.bytes[15], 1);
	write_file(path, "nameserver 192.0.2.2\nnameserver 192.0.2.3\n");
	dns_resolvers_refresh(&resolvers);
	assert_int_equal(resolvers.count, 2);
	snprintf(other, sizeof(other), "%s.n", path);
	write_file(other, "nameserver 192.0.2.4\n");
	assert_int_equal(rename(other, path), 0);
	dns_resolvers_refresh(&resolvers);
	assert_int_equal(resolvers.list[0].ip.bytes[15], 4);
	unlink(path);
	dns_resolvers_refresh(&resolvers); /* what it said last holds */
	assert_int_equal(resolvers.list[0].ip.bytes[15], 4);
	dns_resolvers_done(&resolvers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_go_back_under_the_id_asked),
		cmocka_unit_test(ids_are_not_the_guests),
		cmocka_unit_test(only_right_answers_are_taken),
		cmocka_unit_test(the_silent_are_asked_twice),
		cmocka_unit_test(late_answers_are_taken),
		cmocka_unit_test(who_answered_is_asked_first),
		cmocka_unit_test(failures_are_the_last_word_only_of_the_last),
		cmocka_unit_test(who_refuses_is_not_waited_for),
		cmocka_unit_test(unreachable_resolvers_fail_at_once),
		cmocka_unit_test(the_oldest_makes_room),
		cmocka_unit_test(garbage_is_not_passed_on),
		cmocka_unit_test(resolv_conf_is_read),
		cmocka_unit_test(resolv_conf_is_followed),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
