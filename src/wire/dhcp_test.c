/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dhcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct mac GUEST = {{0x00, 0x0c, 0x29, 0x1b, 0x85, 0x3d}};

static struct ip4 ip4(uint32_t number)
{
	return ip4_from_number(number);
}

/* A request with these options behind the cookie. */
static size_t request(uint8_t *out, const void *options, size_t len)
{
	static const uint8_t start[] = {1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 9, 0x80, 0};

	memset(out, 0, DHCP_HEADER_LEN);
	memcpy(out, start, sizeof(start));
	memcpy(out + 28, &GUEST, 6);
	store_be32(out + 236, 0x63825363);
	memcpy(out + DHCP_HEADER_LEN, options, len);
	return DHCP_HEADER_LEN + len;
}

static bool parse(const void *options, size_t len, struct dhcp_message *ret)
{
	uint8_t bytes[DHCP_MESSAGE_MAX];

	return dhcp_parse(bytes, request(bytes, options, len), ret);
}

static void reads_a_discover(void **)
{
	static const uint8_t options[] = {53, 1, 1, 0, 61, 7, 1, 0, 0x0c, 0x29, 0x1b, 0x85, 0x3d,
		50, 4, 192, 168, 120, 130, 57, 2, 2, 64, 12, 7, 'R', 'e', 'd', 'h', 'a', 't', 0, 55,
		3, 1, 3, 121, 255, 99};
	struct dhcp_message m;

	assert_true(parse(options, sizeof(options), &m));
	assert_int_equal(m.op, BOOT_REQUEST);
	assert_int_equal(m.xid, 0x12345678);
	assert_int_equal(m.seconds, 9);
	assert_true(m.wants_broadcast);
	assert_true(mac_equal(m.mac, GUEST));
	assert_int_equal(m.type, DHCP_DISCOVER);
	assert_int_equal(m.client_id.len, 7);
	assert_int_equal(ip4_number(m.requested), 0xc0a87882);
	assert_int_equal(m.max_size, 576);
	assert_string_equal(m.name, "Redhat");
	assert_int_equal(m.wanted_count, 3);
	assert_memory_equal(m.wanted, "\1\3\171", 3);
}

static void joins_what_was_split(void **)
{
	/* RFC 3396: pieces of one option, other options between them. */
	static const uint8_t options[] = {
		53, 1, 1, 12, 3, 'r', 'e', 'd', 57, 2, 5, 0, 12, 3, 'h', 'a', 't', 255};
	struct dhcp_message m;

	assert_true(parse(options, sizeof(options), &m));
	assert_string_equal(m.name, "redhat");
	assert_int_equal(m.max_size, 1280);
}

static void reads_overloaded_fields(void **)
{
	static const uint8_t options[] = {53, 1, 1, 52, 1, 3, 12, 2, 'r', 'e', 255};
	static const uint8_t file[] = {12, 2, 'd', 'h', 255}, sname[] = {0, 12, 2, 'a', 't', 255};
	uint8_t bytes[DHCP_MESSAGE_MAX];
	size_t len = request(bytes, options, sizeof(options));
	struct dhcp_message m;

	memcpy(bytes + 108, file, sizeof(file));
	memcpy(bytes + 44, sname, sizeof(sname));
	assert_true(dhcp_parse(bytes, len, &m));
	assert_string_equal(m.name, "redhat"); /* options, then file, then sname */
	bytes[DHCP_HEADER_LEN + 5] = 1;
	assert_true(dhcp_parse(bytes, len, &m));
	assert_string_equal(m.name, "redh");
	assert_string_equal(m.file, "");
	bytes[DHCP_HEADER_LEN + 5] = 2;
	memcpy(bytes + 108, "a\nb", 4);
	assert_true(dhcp_parse(bytes, len, &m));
	assert_string_equal(m.file, "a?b");
}

static void refuses(const void *options, size_t len)
{
	struct dhcp_message m;

	assert_false(parse(options, len, &m));
}

static void refuses_what_contradicts_itself(void **)
{
	refuses("\65\1", 2);		  /* past the end */
	refuses("\65", 1);		  /* no length */
	refuses("\65\1\1\62\3\1\2\3", 8); /* an address of three bytes */
	refuses("\65\1\1\3\5\1\2\3\4\5", 10);
	refuses("\65\1\1\171\5\41\1\2\3\4", 10); /* a prefix of 33 bits */
	refuses("\65\1\1\171\5\30\1\2\3\4", 10); /* a route that ends early */
}

static void refuses_other_headers(void **)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} wrong[] = {{0, 3}, {1, 6}, {2, 8}, {28, 1}, {236, 0}};
	uint8_t bytes[DHCP_MESSAGE_MAX + 1] = {0};
	struct dhcp_message m;
	size_t len;

	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		len = request(bytes, "\65\1\1\377", 4);
		assert_true(dhcp_parse(bytes, len, &m));
		bytes[wrong[i].at] = wrong[i].value;
		assert_false(dhcp_parse(bytes, len, &m));
	}
	request(bytes, "\65\1\1\377", 4);
	assert_false(dhcp_parse(bytes, DHCP_HEADER_LEN - 1, &m));
	assert_false(dhcp_parse(bytes, sizeof(bytes), &m));
}

static void takes_names_that_are_safe_to_write_down(void **)
{
	struct dhcp_message m;

	assert_true(parse("\65\1\1\14\4a\nbc\17\3x;y\377", 15, &m));
	assert_string_equal(m.name, "");
	assert_string_equal(m.domain, "");
	assert_true(parse("\65\1\6\70\3n\x1bo\377", 9, &m));
	assert_string_equal(m.explanation, "n?o");
}

static void reads_a_compressed_search_list(void **)
{
	/* The example of RFC 3397 4, in its two pieces. */
	static const uint8_t options[] = {53, 1, 5, 119, 9, 3, 'e', 'n', 'g', 5, 'a', 'p', 'p', 'l',
		119, 9, 'e', 3, 'c', 'o', 'm', 0, 9, 'm', 'a', 119, 9, 'r', 'k', 'e', 't', 'i', 'n',
		'g', 0xc0, 0x04, 255};
	struct dhcp_message m;

	assert_true(parse(options, sizeof(options), &m));
	assert_string_equal(m.search, "eng.apple.com marketing.apple.com");
}

static void survives_pointer_loops(void **)
{
	struct dhcp_message m;

	assert_true(parse("\65\1\5\167\2\xc0\0\377", 8, &m));
	assert_string_equal(m.search, "");
	assert_true(parse("\65\1\5\167\6\1a\0\1b\xc0\377", 12, &m));
	assert_string_equal(m.search, "a");
	assert_true(parse("\65\1\5\167\7\1a\0\1b\xc0\3\377", 13, &m));
	assert_string_equal(m.search, "a");
	assert_true(parse("\65\1\5\167\10\1a\0\3b.c\0\377", 14, &m)); /* no label */
	assert_string_equal(m.search, "a");
}

static void reads_classless_routes(void **)
{
	/* RFC 3442: 10/8 via 10.0.0.1, 10.27.129.0/24 via 10.27.129.1, default via 10.0.0.2. */
	static const uint8_t options[] = {53, 1, 5, 121, 19, 8, 10, 10, 0, 0, 1, 24, 10, 27, 129,
		10, 27, 129, 1, 0, 10, 0, 0, 2, 255};
	struct dhcp_message m;

	assert_true(parse(options, sizeof(options), &m));
	assert_int_equal(m.route_count, 3);
	assert_int_equal(m.routes[1].len, 24);
	assert_int_equal(ip4_number(m.routes[1].to), 0x0a1b8100);
	assert_int_equal(ip4_number(m.routes[1].via), 0x0a1b8101);
	assert_int_equal(m.routes[2].len, 0);
	assert_int_equal(ip4_number(m.routes[2].via), 0x0a000002);
}

static struct dhcp_message full_reply(void)
{
	struct dhcp_message m = {
		.op = BOOT_REPLY,
		.wants_broadcast = true,
		.xid = 0xdeadbeef,
		.seconds = 3,
		.client = ip4(0xc0a87880),
		.yours = ip4(0xc0a87881),
		.mac = GUEST,
		.type = DHCP_ACK,
		.mask = ip4(0xffffff00),
		.broadcast = ip4(0xc0a878ff),
		.requested = ip4(0xc0a87882),
		.server = ip4(0xc0a878fe),
		.routers = {ip4(0xc0a87802)},
		.dns = {ip4(0xc0a87802), ip4(0x08080808)},
		.router_count = 1,
		.dns_count = 2,
		.route_count = 2,
		.wanted_count = 3,
		.lease_time = 1800,
		.renew_time = 900,
		.rebind_time = 1575,
		.mtu = 1500,
		.max_size = 576,
		.client_id = {3, {1, 2, 3}},
		.routes = {{ip4(0x0a000000), ip4(0xc0a87803), 8}, {ip4(0), ip4(0xc0a87802), 0}},
		.wanted = {1, 3, 6},
		.name = "redhat",
		.domain = "lan.example.com",
		.search = "lan.example.com example.com www.example.com other.org",
		.boot_server = "192.168.120.9",
		.boot_file = "http://boot.example/menu.ipxe?a=b",
		.explanation = "because it is so",
	};

	return m;
}

static void assert_same(const struct dhcp_message *a, const struct dhcp_message *b)
{
	uint8_t a_bytes[DHCP_MESSAGE_MAX], b_bytes[DHCP_MESSAGE_MAX];
	size_t len = dhcp_write(a, a_bytes, sizeof(a_bytes));

	assert_int_equal(dhcp_write(b, b_bytes, sizeof(b_bytes)), len);
	assert_memory_equal(a_bytes, b_bytes, len);
}

static void writes_what_it_reads(void **)
{
	struct dhcp_message m = full_reply(), back;
	uint8_t bytes[DHCP_MESSAGE_MAX];

	assert_true(dhcp_parse(bytes, dhcp_write(&m, bytes, 1472), &back));
	assert_same(&m, &back);
	assert_int_equal(back.rebind_time, 1575);
	assert_int_equal(back.mtu, 1500);
	assert_int_equal(back.yours.be, m.yours.be);
	assert_memory_equal(&back.client_id, &m.client_id, sizeof(m.client_id));
	assert_string_equal(back.explanation, m.explanation);
	assert_string_equal(back.boot_server, m.boot_server);
	assert_string_equal(back.boot_file, m.boot_file);
}

static void says_a_file_in_its_field(void **)
{
	struct dhcp_message m = full_reply(), back;
	uint8_t bytes[DHCP_MESSAGE_MAX];

	strcpy(m.file, "lpxelinux.0");
	m.next = ip4(0xc0a87809);
	memset(m.domain, 'd', 200);
	memset(bytes, 0xaa, sizeof(bytes));
	/* Then no option may spill into it. */
	for (size_t size = DHCP_MESSAGE_MIN; size < 900; size++) {
		assert_true(dhcp_parse(bytes, dhcp_write(&m, bytes, size), &back));
		assert_string_equal(back.file, "lpxelinux.0");
		assert_int_equal(back.next.be, m.next.be);
	}
	assert_same(&m, &back);
}

static void compresses_the_search_list(void **)
{
	struct dhcp_message m = {
		.op = BOOT_REPLY, .mac = GUEST, .search = "eng.apple.com marketing.apple.com"};
	static const uint8_t expected[] = {119, 27, 3, 'e', 'n', 'g', 5, 'a', 'p', 'p', 'l', 'e', 3,
		'c', 'o', 'm', 0, 9, 'm', 'a', 'r', 'k', 'e', 't', 'i', 'n', 'g', 0xc0, 0x04, 255};
	uint8_t bytes[DHCP_MESSAGE_MAX];

	assert_int_equal(dhcp_write(&m, bytes, 548), DHCP_MESSAGE_MIN);
	assert_memory_equal(bytes + DHCP_HEADER_LEN, expected, sizeof(expected));
}

static void spills_into_file_and_sname(void **)
{
	struct dhcp_message m = full_reply(), back;
	uint8_t bytes[DHCP_MESSAGE_MAX];

	for (unsigned i = 0; i < 101; i++)
		strcat(m.domain, "x");
	assert_true(strlen(m.domain) + strlen(m.search) > 148);
	assert_int_equal(dhcp_write(&m, bytes, 500), 500 - 1);
	assert_true(dhcp_parse(bytes, 500, &back));
	assert_same(&m, &back);
}

static void leaves_out_what_does_not_fit(void **)
{
	struct dhcp_message m = full_reply(), back;
	uint8_t bytes[DHCP_MESSAGE_MAX];

	memset(m.domain, 'd', 250);
	for (size_t size = DHCP_MESSAGE_MIN; size < 900; size++) {
		memset(bytes, 0xaa, sizeof(bytes));
		assert_true(dhcp_write(&m, bytes, size) <= size);
		assert_int_equal(bytes[size], 0xaa);
		assert_true(dhcp_parse(bytes, size, &back));
		assert_int_equal(back.type, DHCP_ACK);
		assert_int_equal(back.router_count, 1);
	}
}

static void writes_long_options_in_pieces(void **)
{
	struct dhcp_message m = {.op = BOOT_REPLY, .mac = GUEST, .type = DHCP_ACK}, back;
	uint8_t bytes[DHCP_MESSAGE_MAX];
	char name[32];

	for (unsigned i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "%ssome-long-name-%u.org", i ? " " : "", i);
		strcat(m.search, name);
	}
	assert_true(dhcp_parse(bytes, dhcp_write(&m, bytes, sizeof(bytes)), &back));
	assert_string_equal(m.search, back.search);
}

static void keeps_what_is_wanted(void **)
{
	struct dhcp_message reply = full_reply(), request = {.wanted_count = 2, .wanted = {3, 119}};

	dhcp_keep_wanted(&reply, &request);
	assert_int_equal(reply.router_count, 1);
	assert_true(reply.search[0]);
	assert_int_equal(reply.dns_count + reply.route_count + reply.mtu, 0);
	assert_false(reply.boot_server[0] || reply.boot_file[0]);
	assert_false(reply.name[0] || reply.domain[0] || reply.broadcast.be);
	assert_int_equal(reply.lease_time, 1800);
	assert_true(reply.mask.be);

	reply = full_reply();
	request.wanted_count = 0;
	dhcp_keep_wanted(&reply, &request);
	assert_int_equal(reply.dns_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_discover),
		cmocka_unit_test(joins_what_was_split),
		cmocka_unit_test(reads_overloaded_fields),
		cmocka_unit_test(refuses_what_contradicts_itself),
		cmocka_unit_test(refuses_other_headers),
		cmocka_unit_test(takes_names_that_are_safe_to_write_down),
		cmocka_unit_test(reads_a_compressed_search_list),
		cmocka_unit_test(survives_pointer_loops),
		cmocka_unit_test(reads_classless_routes),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(says_a_file_in_its_field),
		cmocka_unit_test(compresses_the_search_list),
		cmocka_unit_test(spills_into_file_and_sname),
		cmocka_unit_test(leaves_out_what_does_not_fit),
		cmocka_unit_test(writes_long_options_in_pieces),
		cmocka_unit_test(keeps_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
