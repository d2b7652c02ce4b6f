/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of DNS (RFC 1035) as one needs to pass messages on: the header and the question. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PORT	53
#define DNS_HEADER_LEN	12
#define DNS_MESSAGE_MAX 65535
#define DNS_LENGTH_LEN	2 /* RFC 1035 4.2.2: over TCP, in front of each message */

enum dns_code { /* RFC 1035 4.1.1 */
	DNS_NO_ERROR = 0,
	DNS_FORMAT_ERROR = 1,
	DNS_SERVER_FAILURE = 2,
	DNS_NOT_IMPLEMENTED = 4,
	DNS_REFUSED = 5,
};

/* These four take messages of at least DNS_HEADER_LEN bytes. */
uint16_t dns_id(const uint8_t *message);
void dns_set_id(uint8_t *message, uint16_t id);
enum dns_code dns_code(const uint8_t *message);
bool dns_is_answer(const uint8_t *message);

/* Whether it is a question that can be passed on: a whole header, not an answer, and at most one
 * question, whole. *ret_end: where that ends. */
bool dns_question(const uint8_t *message, size_t len, size_t *ret_end) MUST_USE;
/* Whether `answer` has the question's id and opcode, and asks the same: names are equal whatever
 * their case (RFC 4343). An answer that says the question was not understood need not repeat it. */
bool dns_answers(
	const uint8_t *question, size_t question_len, const uint8_t *answer, size_t len) MUST_USE;
/* Makes the answer that nobody could be asked; returns its length, at most `len`. question: of
 * which dns_question() was true. */
size_t dns_write_failure(const uint8_t *question, size_t len, uint8_t *out);
