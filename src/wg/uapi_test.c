/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wg(8) says and hears. */
#include "wg/uapi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 7748 6.1: Alice's private key and public key; Bob's public key. */
#define ALICE	     "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define ALICE_PUBLIC "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB_PUBLIC   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define OTHER_PUBLIC "0900000000000000000000000000000000000000000000000000000000000000"
#define PRESHARED    "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static struct wg_device *device;
static struct allowed_ips allowed;
static struct uapi uapi;
static unsigned datagrams;

static void transmit(void *, const struct endpoint *, const uint8_t *, size_t, size_t, bool)
{
	datagrams++;
}

static nsec wall_clock(void *)
{
	return 1000 * NSEC_PER_SEC;
}

static int set_port(void *, uint16_t port)
{
	if (port == 53)
		return -EADDRINUSE;
	uapi.port = port;
	return 0;
}

static int set_mark(void *, uint32_t mark)
{
	uapi.mark = mark;
	return 0;
}

static int add_peer(void *, const struct wg_key *public, struct wg_peer **ret)
{
	*ret = wg_peer_new(device, public, NULL);
	return *ret ? 0 : -errno;
}

static int remove_peer(void *, struct wg_peer *peer)
{
	wg_peer_free(peer);
	return 0;
}

static const struct wg_ops ops = {.transmit = transmit, .wall_clock = wall_clock};

static int set_up(void **)
{
	const struct wg_settings settings = {.ops = &ops, .timing = WG_TIMING, .load = 500};

	device = wg_device_new(&settings);
	allowed_ips_init(&allowed, 4);
	uapi = (struct uapi){.device = device,
		.allowed = &allowed,
		.set_port = set_port,
		.set_mark = set_mark,
		.add_peer = add_peer,
		.remove_peer = remove_peer};
	datagrams = 0;
	return device ? 0 : -1;
}

static int tear_down(void **)
{
	allowed_ips_done(&allowed);
	wg_device_free(device);
	return 0;
}

static void check_reply(const char *request, const char *expected)
{
	size_t len;
	char *reply = uapi_answer(&uapi, request, strlen(request), 100 * NSEC_PER_SEC, &len);

	assert_non_null(reply);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(reply, expected, len);
	free(reply);
}

static void check_set(const char *lines, int err)
{
	char request[2048], expected[32];

	snprintf(request, sizeof(request), "set=1\n%s\n", lines);
	snprintf(expected, sizeof(expected), "errno=%d\n\n", -err);
	check_reply(request, expected);
}

static void test_nothing_yet(void **)
{
	check_reply("get=1\n\n", "errno=0\n\n");
}

static void test_all_there_is(void **)
{
	check_set("private_key=" ALICE "\nlisten_port=51820\nfwmark=0x10\nreplace_peers=true\n"
		  "public_key=" BOB_PUBLIC "\npreshared_key=" PRESHARED
		  "\nendpoint=[2001:db8::1]:7000\npersistent_keepalive_interval=25\n"
		  "replace_allowed_ips=true\nallowed_ip=10.0.0.9/24\nallowed_ip=fd00::/8\n"
		  "public_key=" OTHER_PUBLIC "\n",
		0);
	check_reply("get=1\n\n",
		"private_key=70076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c6a\n"
		"listen_port=51820\nfwmark=16\n"
		"public_key=" BOB_PUBLIC "\npreshared_key="
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
		"protocol_version=1\nendpoint=[2001:db8::1]:7000\n"
		"last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n"
		"persistent_keepalive_interval=25\nallowed_ip=10.0.0.0/24\nallowed_ip=fd00::/8\n"
		"public_key=" OTHER_PUBLIC "\npreshared_key="
		"0000000000000000000000000000000000000000000000000000000000000000\n"
		"protocol_version=1\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=0\n"
		"tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=0\n"
		"errno=0\n\n");
}

static void test_a_peer_comes_and_goes(void **)
{
	check_set("public_key=" BOB_PUBLIC "\nupdate_only=true\nallowed_ip=10.0.0.0/8\n", 0);
	assert_null(wg_peer_after(device, NULL));
	assert_int_equal(allowed.count, 0);
	check_set("public_key=" BOB_PUBLIC "\n", 0);
	assert_non_null(wg_peer_after(device, NULL));
	check_set("public_key=" BOB_PUBLIC "\nupdate_only=true\nallowed_ip=10.0.0.0/8\n", 0);
	assert_int_equal(allowed.count, 1);
	check_set("public_key=" BOB_PUBLIC "\nremove=true\nallowed_ip=10.0.0.0/8\n", 0);
	assert_null(wg_peer_after(device, NULL));
	assert_int_equal(allowed.count, 0);
	check_set("public_key=" BOB_PUBLIC "\nremove=true\n", 0);
	check_set("public_key=" BOB_PUBLIC "\npublic_key=" OTHER_PUBLIC "\n", 0);
	check_set("replace_peers=true\npublic_key=" OTHER_PUBLIC "\n", 0);
	assert_null(wg_peer_after(device, wg_peer_after(device, NULL)));
}

static void test_prefixes_are_replaced(void **)
{
	check_set("public_key=" BOB_PUBLIC "\nallowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16\n", 0);
	check_set("public_key=" OTHER_PUBLIC "\nallowed_ip=10.1.0.0/16\n", 0);
	assert_int_equal(allowed.count, 2);
	check_set("public_key=" BOB_PUBLIC "\nreplace_allowed_ips=true\nallowed_ip=::/0\n", 0);
	assert_int_equal(allowed.count, 2);
	check_set("public_key=" BOB_PUBLIC "\nallowed_ip=1.0.0.0/8\nallowed_ip=2.0.0.0/8\n"
		  "allowed_ip=3.0.0.0/8\n",
		ENOSPC);
	assert_int_equal(allowed.count, 4);
}

/* All machines may have the same list of peers, each with itself on it. */
static void test_ourselves(void **)
{
	check_set("private_key=" ALICE "\npublic_key=" ALICE_PUBLIC "\nallowed_ip=10.0.0.1/32\n"
		  "public_key=" BOB_PUBLIC "\nallowed_ip=10.0.0.2/32\n",
		0);
	assert_int_equal(allowed.count, 1);
	assert_null(wg_peer_after(device, wg_peer_after(device, NULL)));
	tear_down(NULL);
	set_up(NULL);
	check_set("public_key=" ALICE_PUBLIC "\nallowed_ip=10.0.0.1/32\n", 0);
	check_set("private_key=" ALICE "\n", 0);
	assert_int_equal(allowed.count, 0);
	assert_null(wg_peer_after(device, NULL));
}

static void test_a_key_is_taken_away(void **)
{
	check_set("private_key=" ALICE "\n", 0);
	assert_non_null(wg_device_public(device));
	check_set("private_key=0000000000000000000000000000000000000000000000000000000000000000\n",
		0);
	assert_null(wg_device_public(device));
}

static void test_keepalive_begins_at_once(void **)
{
	struct machine *machine = wg_device_machine(device);

	check_set("private_key=" ALICE "\npublic_key=" BOB_PUBLIC
		  "\nendpoint=10.0.0.1:5\npersistent_keepalive_interval=25\n",
		0);
	machine->run(machine, 100 * NSEC_PER_SEC);
	assert_int_equal(datagrams, 1);
}

static void test_what_is_wrong(void **)
{
	static const struct {
		const char *lines;
		int err;
	} cases[] = {
		{"listen_port=53\n", EADDRINUSE},
		{"listen_port=65536\n", EINVAL},
		{"listen_port=-1\n", EINVAL},
		{"listen_port=\n", EINVAL},
		{"fwmark=4294967296\n", EINVAL},
		{"private_key=77\n", EINVAL},
		{"private_key=" ALICE "00\n", EINVAL},
		{"private_key=x7076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a\n",
			EINVAL},
		{"replace_peers=false\n", EINVAL},
		{"endpoint=1.2.3.4:5\n", EINVAL}, /* whose? */
		{"public_key=" BOB_PUBLIC "\nendpoint=1.2.3.4\n", EINVAL},
		{"public_key=" BOB_PUBLIC "\nendpoint=1.2.3.4:0\n", EINVAL},
		{"public_key=" BOB_PUBLIC "\nallowed_ip=1.2.3.4/33\n", EINVAL},
		{"public_key=" BOB_PUBLIC "\nprotocol_version=2\n", EPROTO},
		{"public_key=" BOB_PUBLIC "\npersistent_keepalive_interval=65536\n", EINVAL},
		{"nonsense=1\n", EINVAL},
		{"nonsense\n", EINVAL},
		{"private_ke=" ALICE "\n", EINVAL},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_set(cases[i].lines, cases[i].err);
	check_reply("put=1\n\n", "errno=-71\n\n"); /* EPROTO */
	check_reply("\n\n", "errno=-71\n\n");
	assert_false(uapi_is_whole("get=1\n", 6));
	assert_true(uapi_is_whole("get=1\n\n", 7));
}

static bool shows_nobody(void *, const struct wg_peer *)
{
	return false;
}

static int refuse_to_remove(void *, struct wg_peer *)
{
	return -EBUSY;
}

/* Who the peers are is for somebody else to say; where they are is not. */
static void test_somebody_else_rules(void **)
{
	static const struct {
		const char *lines;
		int err;
	} cases[] = {
		{"private_key=" ALICE "\n", EPERM},
		{"listen_port=1\n", EPERM},
		{"fwmark=1\n", EPERM},
		{"replace_peers=true\n", EPERM},
		{"public_key=" OTHER_PUBLIC "\n", EPERM},
		{"public_key=" OTHER_PUBLIC "\nupdate_only=true\n", 0},
		{"public_key=" BOB_PUBLIC "\npreshared_key=" PRESHARED "\n", EPERM},
		{"public_key=" BOB_PUBLIC "\nallowed_ip=10.0.0.0/8\n", EPERM},
		{"public_key=" BOB_PUBLIC "\nreplace_allowed_ips=true\n", EPERM},
		{"public_key=" BOB_PUBLIC "\nendpoint=192.0.2.1:7\n", 0},
		{"public_key=" BOB_PUBLIC "\npersistent_keepalive_interval=5\n", 0},
		{"public_key=" BOB_PUBLIC "\nremove=true\n", EBUSY},
	};
	struct wg_peer_state state;
	struct wg_peer *bob;

	check_set("private_key=" ALICE "\npublic_key=" BOB_PUBLIC "\n", 0);
	uapi.is_ruled = true;
	uapi.remove_peer = refuse_to_remove;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_set(cases[i].lines, cases[i].err);
	bob = wg_peer_after(device, NULL);
	assert_non_null(bob);
	assert_null(wg_peer_after(device, bob));
	wg_peer_look(bob, 0, &state);
	assert_int_equal(state.endpoint.port, 7);
	assert_int_equal(state.keepalive, 5 * NSEC_PER_SEC);
	assert_true(wg_key_is_zero(&state.preshared));
}

static void test_who_is_not_shown(void **)
{
	check_set("public_key=" BOB_PUBLIC "\n", 0);
	uapi.is_ruled = true;
	uapi.is_shown = shows_nobody;
	check_reply("get=1\n\n", "errno=0\n\n");
	check_set("public_key=" BOB_PUBLIC "\nendpoint=192.0.2.1:7\n", EPERM);
	check_set("public_key=" BOB_PUBLIC "\nupdate_only=true\nremove=true\n", 0);
	assert_non_null(wg_peer_after(device, NULL));
}

#define UAPI_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UAPI_TEST(test_nothing_yet),
		UAPI_TEST(test_all_there_is),
		UAPI_TEST(test_a_peer_comes_and_goes),
		UAPI_TEST(test_prefixes_are_replaced),
		UAPI_TEST(test_ourselves),
		UAPI_TEST(test_a_key_is_taken_away),
		UAPI_TEST(test_keepalive_begins_at_once),
		UAPI_TEST(test_what_is_wrong),
		UAPI_TEST(test_somebody_else_rules),
		UAPI_TEST(test_who_is_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
