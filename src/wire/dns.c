/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dns.h"

#include "base/bytes.h"

#define NAME_MAX_LEN  255 /* RFC 1035 2.3.4, all labels with their lengths */
#define LABEL_MAX_LEN 63

/* Of the third and fourth byte of the header. */
#define FLAG_ANSWER		 0x80
#define OPCODE_MASK		 0x78
#define FLAG_RECURSION_DESIRED	 0x01
#define FLAG_RECURSION_AVAILABLE 0x80
#define CODE_MASK		 0x0f

uint16_t dns_id(const uint8_t *message)
{
	return load_be16(message);
}

void dns_set_id(uint8_t *message, uint16_t id)
{
	store_be16(message, id);
}

enum dns_code dns_code(const uint8_t *message)
{
	return message[3] & CODE_MASK;
}

bool dns_is_answer(const uint8_t *message)
{
	return message[2] & FLAG_ANSWER;
}

/* A name without compression: a question is the first name, there is nothing to point at. */
static void skip_name(struct reader *r)
{
	size_t total = 1;
	uint8_t len;

	while ((len = read_u8(r))) {
		total += 1u + len;
		if (len > LABEL_MAX_LEN || total > NAME_MAX_LEN)
			r->failed = true;
		read_bytes(r, len);
	}
}

/* The header and question section. */
static bool find_end(const uint8_t *message, size_t len, size_t *ret_end)
{
	struct reader r = reader_on(message, len);
	uint16_t count;

	read_bytes(&r, 4); /* id and flags */
	count = read_be16(&r);
	read_bytes(&r, DNS_HEADER_LEN - 6);
	if (r.failed || count > 1)
		return false;
	if (count) {
		skip_name(&r);
		read_bytes(&r, 4); /* type and class */
	}
	if (r.failed)
		return false;
	*ret_end = (size_t)(r.at - message);
	return true;
}

bool dns_question(const uint8_t *message, size_t len, size_t *ret_end)
{
	return len >= DNS_HEADER_LEN && !dns_is_answer(message) && find_end(message, len, ret_end);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Lengths of labels are below 'A': they are never taken for letters. */
static bool is_same_name(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static bool is_not_understood(const uint8_t *answer)
{
	enum dns_code code = dns_code(answer);

	return (code == DNS_FORMAT_ERROR || code == DNS_NOT_IMPLEMENTED) && !load_be16(answer + 4);
}

bool dns_answers(const uint8_t *question, size_t question_len, const uint8_t *answer, size_t len)
{
	size_t end, answer_end, name_len;

	if (!dns_question(question, question_len, &end) || len < DNS_HEADER_LEN)
		return false;
	if (!dns_is_answer(answer) || dns_id(answer) != dns_id(question) ||
		((answer[2] ^ question[2]) & OPCODE_MASK))
		return false;
	if (is_not_understood(answer))
		return true;
	if (!find_end(answer, len, &answer_end) || answer_end != end)
		return false;
	if (end == DNS_HEADER_LEN)
		return true;
	name_len = end - DNS_HEADER_LEN - 4;
	return is_same_name(question + DNS_HEADER_LEN, answer + DNS_HEADER_LEN, name_len) &&
	       !memcmp(question + end - 4, answer + end - 4, 4);
}

size_t dns_write_failure(const uint8_t *question, size_t len, uint8_t *out)
{
	size_t end;

	if (!dns_question(question, len, &end))
		return 0;
	memcpy(out, question, end);
	out[2] = FLAG_ANSWER | (question[2] & (OPCODE_MASK | FLAG_RECURSION_DESIRED));
	out[3] = FLAG_RECURSION_AVAILABLE | DNS_SERVER_FAILURE;
	memset(out + 6, 0, DNS_HEADER_LEN - 6); /* no records behind the question */
	return end;
}
