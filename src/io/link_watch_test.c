/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TAP in a namespace of our own is the interface that changes. */
#include "io/link_watch.h"

#include "io/tap.h"

#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static const struct mac MAC = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac OTHER = {{0x02, 0, 0, 0, 0, 0x02}};

static struct stage {
	struct loop *loop;
	struct netlink *netlink;
	struct link_watch *watch;
	struct tap tap;
	unsigned changes;
} stage;

static bool may_make_taps;

static void on_change(void *owner, const struct link_state *state)
{
	assert_ptr_equal(owner, &stage);
	assert_ptr_equal(state, link_watch_state(stage.watch));
	stage.changes++;
}

static void on_patience_ends(struct timer *, nsec)
{
	loop_stop(stage.loop);
}

/* What the kernel says lies in the socket when the call that changed it returns. */
static const struct link_state *settle(void)
{
	struct timer patience = {.on_expire = on_patience_ends};

	timer_set(stage.loop, &patience, loop_now(stage.loop) + 20 * NSEC_PER_MSEC);
	loop_run(stage.loop);
	return link_watch_state(stage.watch);
}

static void make(const char *name)
{
	struct tap_settings settings = {.mac = MAC, .mtu = 1500};
	struct error error = {0};

	snprintf(settings.name, sizeof(settings.name), "%s", name);
	assert_int_equal(tap_open(&settings, &stage.tap, &error), 0);
}

static int set_up(void **)
{
	struct error error = {0};

	stage = (struct stage){.loop = loop_new(), .tap.fd = -1};
	return !stage.loop || netlink_open(&stage.netlink, &error);
}

static int tear_down(void **)
{
	link_watch_close(stage.watch);
	netlink_close(stage.netlink);
	tap_close(&stage.tap);
	loop_free(stage.loop);
	return 0;
}

static const struct link_state *watch(void)
{
	struct error error = {0};

	assert_int_equal(link_watch_open("eth7", &stage.watch, &error), 0);
	assert_int_equal(link_watch_start(stage.watch, stage.loop, on_change, &stage), 0);
	return settle();
}

static void change(const struct link_change *change)
{
	struct error error = {0};

	assert_int_equal(netlink_change_link(stage.netlink, "eth7", change, &error), 0);
}

static void set_flags(const char *name, short flags)
{
	struct ifreq request = {.ifr_flags = flags};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static void rename_link(const char *from, const char *to)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", from);
	snprintf(request.ifr_newname, sizeof(request.ifr_newname), "%s", to);
	assert_int_equal(ioctl(fd, SIOCSIFNAME, &request), 0);
	close(fd);
}

static bool has_address(const struct link_state *state, const char *text)
{
	char own[PREFIX_TEXT_SIZE];

	for (unsigned i = 0; i < state->address_count; i++) {
		if (!strcmp(prefix_format(&state->addresses[i], own), text))
			return true;
	}
	return false;
}

static void test_it_is_read_when_opened(void **)
{
	const struct link_state *state;

	if (!may_make_taps)
		skip();
	make("eth7");
	state = watch();
	assert_string_equal(state->name, "eth7");
	assert_int_equal(state->index, if_nametoindex("eth7"));
	assert_int_equal(state->hardware, 1);
	assert_true(mac_equal(state->mac, MAC));
	assert_int_equal(state->mtu, 1500);
	assert_true(state->is_up);
	assert_true(state->has_carrier);
}

static void test_changes_are_told(void **)
{
	const struct link_state *state;

	if (!may_make_taps)
		skip();
	make("eth7");
	watch();
	stage.changes = 0;
	change(&(struct link_change){.mtu = 1400});
	state = settle();
	assert_int_equal(state->mtu, 1400);
	assert_int_equal(stage.changes, 1);
	change(&(struct link_change){.mac = OTHER});
	assert_true(mac_equal(settle()->mac, OTHER));
	set_flags("eth7", 0);
	state = settle();
	assert_false(state->is_up);
	assert_false(state->has_carrier);
	set_flags("eth7", IFF_UP);
	assert_true(settle()->is_up);
	stage.changes = 0;
	settle();
	assert_int_equal(stage.changes, 0);
}

static void test_addresses(void **)
{
	static const char *const texts[] = {"10.7.0.2/24", "10.7.0.3/24", "fd00:7::2/64"};
	const struct link_state *state;
	struct error error = {0};
	struct ip_prefix prefix;

	if (!may_make_taps)
		skip();
	make("eth7");
	watch();
	for (unsigned i = 0; i < 3; i++) {
		assert_true(prefix_parse(texts[i], &prefix));
		assert_int_equal(netlink_add_address(stage.netlink, "eth7", &prefix, &error), 0);
	}
	state = settle();
	for (unsigned i = 0; i < 3; i++)
		assert_true(has_address(state, texts[i]));
	assert_int_equal(netlink_delete_address(stage.netlink, "eth7", &prefix, &error), 0);
	assert_false(has_address(settle(), texts[2]));
}

static void test_it_is_followed_by_another_name(void **)
{
	const struct link_state *state;

	if (!may_make_taps)
		skip();
	make("eth7");
	watch();
	set_flags("eth7", 0);
	rename_link("eth7", "lan7");
	set_flags("lan7", IFF_UP);
	state = settle();
	assert_string_equal(state->name, "lan7");
	assert_true(state->is_up);
}

static void test_it_goes_and_another_comes(void **)
{
	if (!may_make_taps)
		skip();
	assert_int_equal(watch()->index, 0);
	make("eth8"); /* somebody else */
	assert_int_equal(settle()->index, 0);
	tap_close(&stage.tap);
	make("eth7");
	assert_int_equal(settle()->index, if_nametoindex("eth7"));
	tap_close(&stage.tap);
	assert_int_equal(settle()->index, 0);
	make("eth7");
	assert_int_equal(settle()->index, if_nametoindex("eth7"));
}

static void test_an_heir_with_addresses(void **)
{
	struct ip_prefix prefix;
	struct error error = {0};

	if (!may_make_taps)
		skip();
	assert_int_equal(watch()->index, 0);
	make("eth8");
	assert_true(prefix_parse("10.7.0.2/24", &prefix));
	assert_int_equal(netlink_add_address(stage.netlink, "eth8", &prefix, &error), 0);
	set_flags("eth8", 0);
	rename_link("eth8", "eth7");
	assert_true(has_address(settle(), "10.7.0.2/24"));
}

/* More words than the socket's queue holds. */
static void test_nothing_is_lost_with_words_that_are(void **)
{
	struct ip_prefix prefix;
	struct error error = {0};

	if (!may_make_taps)
		skip();
	make("eth7");
	watch();
	assert_true(prefix_parse("10.7.0.2/24", &prefix));
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(netlink_add_address(stage.netlink, "eth7", &prefix, &error), 0);
		if (i < 1999)
			assert_int_equal(
				netlink_delete_address(stage.netlink, "eth7", &prefix, &error), 0);
	}
	assert_true(has_address(settle(), "10.7.0.2/24"));
	assert_int_equal(netlink_delete_address(stage.netlink, "eth7", &prefix, &error), 0);
	assert_false(has_address(settle(), "10.7.0.2/24"));
}

static void test_the_gateway(void **)
{
	struct ip_prefix own, everywhere;
	struct error error = {0};
	struct ip gateway, seen;

	if (!may_make_taps)
		skip();
	make("eth7");
	watch();
	assert_false(link_watch_gateway(stage.watch, &seen));
	assert_true(prefix_parse("10.7.0.2/24", &own));
	assert_true(prefix_parse("0.0.0.0/0", &everywhere));
	assert_true(ip_parse("10.7.0.1", &gateway));
	assert_int_equal(netlink_add_address(stage.netlink, "eth7", &own, &error), 0);
	assert_int_equal(netlink_add_route(stage.netlink, "eth7", &everywhere, gateway, &error), 0);
	settle();
	assert_true(link_watch_gateway(stage.watch, &seen));
	assert_true(ip_equal(seen, gateway));
}

#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_it_is_read_when_opened),
		LINK_TEST(test_changes_are_told),
		LINK_TEST(test_addresses),
		LINK_TEST(test_it_is_followed_by_another_name),
		LINK_TEST(test_it_goes_and_another_comes),
		LINK_TEST(test_an_heir_with_addresses),
		LINK_TEST(test_nothing_is_lost_with_words_that_are),
		LINK_TEST(test_the_gateway),
	};

	may_make_taps = (!unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET)) &&
			!access("/dev/net/tun", R_OK | W_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
