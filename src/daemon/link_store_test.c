/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];

static int setup(void **)
{
	strcpy(folder, "/tmp/link-store-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/hub5.json", folder);
	return 0;
}

static int teardown(void **)
{
	unlink(path);
	return rmdir(folder);
}

static void fill_key(struct wg_key *key, int byte)
{
	memset(key, byte, sizeof(*key));
}

static void keeps_everything(void **)
{
	struct link_store store, again;
	struct link_member_record *member;
	struct link_invite_record *invite;
	struct error error = {0};
	struct stat stat_of;

	assert_int_equal(link_store_open(&store, path, &error), 0);
	member = link_store_add_member(&store);
	strcpy(member->name, "laptop");
	fill_key(&member->key, 1);
	member->role = ROLE_BRIDGE;
	member->since = 1234567890123;
	assert_true(mac_parse("02:00:00:00:00:09", &member->mac));
	assert_true(endpoint_parse("[2001:db8::1]:4000", &member->endpoint));
	assert_true(prefix_parse("10.5.0.9/24", &member->address));
	invite = link_store_add_invite(&store);
	strcpy(invite->name, "phone");
	fill_key(&invite->key, 2);
	fill_key(&invite->used_by, 3);
	invite->expires = 2000;
	invite->ended = 1500;
	invite->is_left = true;
	assert_int_equal(link_store_save(&store, &error), 0);
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0600);

	assert_int_equal(link_store_open(&again, path, &error), 0);
	assert_int_equal(again.member_count, 1);
	assert_int_equal(again.invite_count, 1);
	member = link_store_member(&again, "laptop");
	assert_non_null(member);
	assert_ptr_equal(member, link_store_member_of(&store, &member->key) ? member : NULL);
	assert_int_equal(member->role, ROLE_BRIDGE);
	assert_int_equal(member->since, 1234567890123);
	assert_int_equal(member->mac.bytes[5], 9);
	assert_int_equal(member->endpoint.port, 4000);
	assert_int_equal(member->address.len, 24);
	invite = link_store_invite(&again, &invite->key);
	assert_non_null(invite);
	assert_int_equal(invite->expires, 2000);
	assert_int_equal(invite->ended, 1500);
	assert_true(invite->is_left && !invite->is_revoked);
	link_store_close(&store);
	link_store_close(&again);
}

/* A file that is not understood is left as it is: members would be lost. */
static void refuses_what_it_cannot_read(void **)
{
	static const char *const texts[] = {"", "{", "[]", "{\"version\": 2}",
		"{\"version\": 1, \"members\": [{\"name\": \"x\"}]}",
		"{\"version\": 1, \"invites\": [{\"name\": \"x\", \"role\": \"king\"}]}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct link_store store;
		struct error error = {0};
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fchmod(fileno(file), 0600);
		fputs(texts[i], file);
		fclose(file);
		assert_int_equal(link_store_open(&store, path, &error), -EINVAL);
		assert_non_null(strstr(error.text, path));
	}
}

static void knows_what_an_invitation_is_worth(void **)
{
	struct link_invite_record invite = {.expires = 100};

	assert_int_equal(invite_state(&invite, 99), INVITE_OPEN);
	assert_int_equal(invite_state(&invite, 100), INVITE_EXPIRED);
	fill_key(&invite.used_by, 1);
	assert_int_equal(invite_state(&invite, 99), INVITE_USED);
	assert_int_equal(invite_state(&invite, 100), INVITE_USED);
	invite.is_revoked = true;
	assert_int_equal(invite_state(&invite, 99), INVITE_REVOKED);
	invite.is_left = true;
	assert_int_equal(invite_state(&invite, 99), INVITE_LEFT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_it_cannot_read, setup, teardown),
		cmocka_unit_test(knows_what_an_invitation_is_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
