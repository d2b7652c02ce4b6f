/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns.h"

/* "example.org" A IN, recursion desired, id 0x1234. */
static const uint8_t example[] = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 7, 'e', 'x', 'a',
	'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0, 1, 0, 1};
#define NAME_AT 13

static void answer_to(const uint8_t *question, uint8_t *ret)
{
	memcpy(ret, question, sizeof(example));
	ret[2] |= 0x80;
}

static void questions_are_found(void **)
{
	size_t end = 0;

	assert_true(dns_question(example, sizeof(example), &end));
	assert_int_equal(end, sizeof(example));
	assert_int_equal(dns_id(example), 0x1234);
}

static void cut_questions_are_not(void **)
{
	size_t end;

	for (size_t len = 0; len < sizeof(example); len++)
		assert_false(dns_question(example, len, &end));
}

static void strange_questions_are_not(void **)
{
	uint8_t message[sizeof(example)];
	size_t end;

	memcpy(message, example, sizeof(message));
	message[2] |= 0x80; /* an answer */
	assert_false(dns_question(message, sizeof(message), &end));
	memcpy(message, example, sizeof(message));
	message[5] = 2; /* two questions */
	assert_false(dns_question(message, sizeof(message), &end));
	memcpy(message, example, sizeof(message));
	message[12] = 0xc0; /* a pointer */
	assert_false(dns_question(message, sizeof(message), &end));
}

static void names_have_a_longest(void **)
{
	uint8_t message[DNS_HEADER_LEN + 300] = {[5] = 1};
	size_t end;

	for (unsigned i = 0; i < 4; i++)
		message[DNS_HEADER_LEN + 64 * i] = i < 3 ? 63 : 61;
	assert_true(dns_question(message, sizeof(message), &end));
	assert_int_equal(end, DNS_HEADER_LEN + 255 + 4);
	message[DNS_HEADER_LEN + 64 * 3] = 62;
	assert_false(dns_question(message, sizeof(message), &end));
}

static void answers_match_their_question(void **)
{
	uint8_t answer[sizeof(example)];

	answer_to(example, answer);
	assert_true(dns_answers(example, sizeof(example), answer, sizeof(answer)));
	answer[NAME_AT] = 'E'; /* RFC 4343 */
	assert_true(dns_answers(example, sizeof(example), answer, sizeof(answer)));
	assert_false(dns_answers(example, sizeof(example), answer, sizeof(answer) - 1));
}

static void answers_to_others_do_not(void **)
{
	static const size_t places[] = {
		0, 1, 2, 5, NAME_AT, sizeof(example) - 3, sizeof(example) - 1};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t answer[sizeof(example)];

		answer_to(example, answer);
		answer[places[i]] ^= places[i] == 2 ? 0x80 : 0x01;
		if (places[i] == 2)
			answer[2] &= 0x7f;
		assert_false(dns_answers(example, sizeof(example), answer, sizeof(answer)));
	}
}

static void answers_are_of_the_same_kind(void **)
{
	uint8_t answer[sizeof(example)];

	answer_to(example, answer);
	answer[2] ^= 0x28; /* UPDATE, RFC 2136 */
	assert_false(dns_answers(example, sizeof(example), answer, sizeof(answer)));
}

static void who_did_not_understand_need_not_repeat(void **)
{
	uint8_t answer[DNS_HEADER_LEN] = {0x12, 0x34, 0x81, DNS_FORMAT_ERROR};

	assert_true(dns_answers(example, sizeof(example), answer, sizeof(answer)));
	answer[3] = DNS_NO_ERROR;
	assert_false(dns_answers(example, sizeof(example), answer, sizeof(answer)));
}

static void failures_repeat_the_question(void **)
{
	uint8_t question[sizeof(example) + 11], out[sizeof(question)];

	memcpy(question, example, sizeof(example));
	memset(question + sizeof(example), 0, 11);
	question[11] = 1; /* an OPT record, RFC 6891, without a name */
	question[sizeof(example) + 2] = 41;
	assert_int_equal(dns_write_failure(question, sizeof(question), out), sizeof(example));
	assert_true(dns_answers(question, sizeof(question), out, sizeof(example)));
	assert_int_equal(dns_code(out), DNS_SERVER_FAILURE);
	assert_int_equal(out[11], 0);
	assert_int_equal(out[2], 0x81);
	assert_int_equal(out[3], 0x82);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_found),
		cmocka_unit_test(cut_questions_are_not),
		cmocka_unit_test(strange_questions_are_not),
		cmocka_unit_test(names_have_a_longest),
		cmocka_unit_test(answers_match_their_question),
		cmocka_unit_test(answers_to_others_do_not),
		cmocka_unit_test(answers_are_of_the_same_kind),
		cmocka_unit_test(who_did_not_understand_need_not_repeat),
		cmocka_unit_test(failures_repeat_the_question),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
