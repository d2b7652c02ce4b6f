/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invitations, control messages, headers: what is written is read, and nothing else is. */
#include "port/link/clamp.h"
#include "port/link/control.h"
#include "port/link/header.h"
#include "port/link/invite.h"

#include "wire/checksum.h"
#include "wire/packet.h"
#include "wire/tcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct invite some_invite(const char *host)
{
	struct invite invite = {.port = 4000};

	snprintf(invite.host, sizeof(invite.host), "%s", host);
	memset(&invite.relay, 0x5a, sizeof(invite.relay));
	memset(&invite.enrolment, 0xc3, sizeof(invite.enrolment));
	return invite;
}

static void reads_its_invitations(void **)
{
	static const char *const hosts[] = {"relay.example", "192.0.2.1", "2001:db8::1"};

	for (unsigned i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct invite invite = some_invite(hosts[i]), read;
		char text[INVITE_TEXT_SIZE];
		struct error error = {0};

		invite_format(&invite, text);
		assert_int_equal(invite_parse(text, &read, &error), 0);
		assert_string_equal(read.host, hosts[i]);
		assert_int_equal(read.port, 4000);
		assert_true(wg_key_equal(&read.relay, &invite.relay));
		assert_true(wg_key_equal(&read.enrolment, &invite.enrolment));
	}
}

/* Any one character that is another makes it no invitation, and the secret is not told. */
static void refuses_what_was_garbled(void **)
{
	struct invite invite = some_invite("relay.example"), read;
	char text[INVITE_TEXT_SIZE], *token;

	invite_format(&invite, text);
	token = strchr(text, '#') + 1;
	for (char *c = token; *c; c++) {
		struct error error = {0};
		char old = *c;

		*c = old == 'A' ? 'B' : 'A';
		assert_int_equal(invite_parse(text, &read, &error), -EINVAL);
		assert_null(strstr(error.text, token));
		*c = old;
	}
	while (token[0]) {
		struct error error = {0};

		token[strlen(token) - 1] = '\0';
		assert_int_equal(invite_parse(text, &read, &error), -EINVAL);
	}
}

static void reads_places(void **)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} good[] = {{"a.example", "a.example", 4000}, {"a.example:5", "a.example", 5},
		{"[2001:db8::1]", "2001:db8::1", 4000}, {"[2001:db8::1]:5", "2001:db8::1", 5}};
	static const char *const bad[] = {"", ":5", "a:", "a:0", "a:65536", "a:5x", "[::1", "a b"};
	char host[INVITE_HOST_SIZE];
	uint16_t port;

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(invite_parse_place(good[i].text, 4000, host, &port, NULL), 0);
		assert_string_equal(host, good[i].host);
		assert_int_equal(port, good[i].port);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(invite_parse_place(bad[i], 4000, host, &port, NULL), -EINVAL);
}

static void says_what_it_means(void **)
{
	struct control control = {.type = CONTROL_HELLO,
		.capabilities = CAN_FRAMES | CAN_UNSUMMED,
		.is_answer = true,
		.stamp = 0x123456789abcdef,
		.role = ROLE_ROUTER,
		.mtu = 1380,
		.name = "laptop",
		.segment = "hub5",
		.text = "why"};
	struct control read;
	uint8_t bytes[CONTROL_MAX + 16] = {0}, again[CONTROL_MAX];
	size_t len;

	memset(&control.key, 7, sizeof(control.key));
	memset(&control.preshared, 8, sizeof(control.preshared));
	assert_true(prefix_parse("10.5.0.0/24", &control.subnet));
	len = control_write(&control, bytes);
	assert_true(control_read(bytes, len, &read));
	assert_true(wg_key_equal(&read.preshared, &control.preshared));
	assert_int_equal(control_write(&read, again), len);
	assert_memory_equal(again, bytes, len);
	assert_true(control_read(bytes, len + 15, &read)); /* a session's padding */
	assert_int_equal(control_write(&read, again), len);
	assert_memory_equal(again, bytes, len);
	for (size_t i = 0; i < len; i++)
		assert_false(control_read(bytes, i, &read));
	bytes[0]++;
	assert_false(control_read(bytes, len, &read)); /* another version */
}

/* The longest of everything fits, and nothing unprintable comes out. */
static void bounds_texts(void **)
{
	struct control control = {.type = CONTROL_REFUSED,
			       .stamp = 1,
			       .capabilities = 1,
			       .mtu = 1,
			       .role = 1,
			       .is_answer = true},
		       read;
	uint8_t bytes[CONTROL_MAX];
	size_t len;

	memset(&control.key, 7, sizeof(control.key));
	memset(&control.preshared, 8, sizeof(control.preshared));
	memset(control.name, 'n', sizeof(control.name) - 1);
	memset(control.segment, 's', sizeof(control.segment) - 1);
	memset(control.text, '\033', sizeof(control.text) - 1);
	assert_true(prefix_parse("10.5.0.0/24", &control.subnet));
	len = control_write(&control, bytes);
	assert_true(len < CONTROL_MAX);
	assert_true(control_read(bytes, len, &read));
	assert_string_equal(read.name, control.name);
	assert_int_equal(strlen(read.text), sizeof(read.text) - 1);
	assert_null(strchr(read.text, '\033'));
}

static void reads_headers(void **)
{
	struct link_header header = {.flags = LINK_FRAGMENT | LINK_UNSUMMED,
				   .hops = 9,
				   .len = 4,
				   .segment = 3,
				   .number = 77,
				   .is_last = true,
				   .offset = 1394},
			   read;
	uint8_t bytes[64] = {0};
	size_t len = link_header_write(&header, bytes);

	assert_int_equal(len, LINK_HEADER_LEN + LINK_FRAGMENT_LEN);
	assert_ptr_equal(link_header_read(bytes, len + 4, &read), bytes + len);
	assert_int_equal(read.flags, header.flags);
	assert_int_equal(read.hops, header.hops);
	assert_int_equal(read.segment, header.segment);
	assert_int_equal(read.number, header.number);
	assert_true(read.is_last);
	assert_int_equal(read.offset, header.offset);
	assert_null(link_header_read(bytes, len + 3, &read));
	assert_null(link_header_read(bytes, 3, &read));
}

/* Over both families, and with the option at an odd place. */
static void clamps(void **)
{
	static const uint8_t syn4[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 52, 0,
		1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 4, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0,
		0, 0x80, TCP_SYN, 0x20, 0, 0, 0, 0, 0, TCP_OPTION_NOP, 2, 4, 5, 0xb4, 1, 1, 1, 1, 1,
		1, 1};
	uint8_t bytes[sizeof(syn4)];
	struct frame frame = frame_linear(bytes, sizeof(bytes));
	uint16_t sum;

	memcpy(bytes, syn4, sizeof(bytes));
	sum = checksum_fold(checksum_add(0, bytes + 14, 20));
	memcpy(bytes + 24, &sum, 2);
	sum = checksum_fold(checksum_add(
		checksum_pseudo(ip_from_bytes4(bytes + 26), ip_from_bytes4(bytes + 30), 6, 32),
		bytes + 34, 32));
	memcpy(bytes + 50, &sum, 2);
	assert_false(clamp_is_needed(&frame, 1500));
	assert_true(clamp_is_needed(&frame, 1380));
	clamp_head(bytes, &frame, 1380);
	assert_int_equal(load_be16(bytes + 57), 1340);
	assert_int_equal(checksum_fold(checksum_add(checksum_pseudo(ip_from_bytes4(bytes + 26),
							    ip_from_bytes4(bytes + 30), 6, 32),
				 bytes + 34, 32)),
		0);
	assert_false(clamp_is_needed(&frame, 1380));
	bytes[47] = TCP_ACK;
	assert_false(clamp_is_needed(&frame, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_its_invitations),
		cmocka_unit_test(refuses_what_was_garbled),
		cmocka_unit_test(reads_places),
		cmocka_unit_test(says_what_it_means),
		cmocka_unit_test(bounds_texts),
		cmocka_unit_test(reads_headers),
		cmocka_unit_test(clamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
