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

/* hole: so many of its last bytes but one never came. */
static void write_file(const char *text, size_t len, size_t hole)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fchmod(fileno(file), 0600);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fflush(file);
	for (size_t i = 0; i < hole; i++)
		assert_int_equal(pwrite(fileno(file), "", 1, (off_t)(len - 2 - i)), 1);
	fclose(file);
}

static void read_file(char *text, size_t len)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(fread(text, 1, len, file), len);
	fclose(file);
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
	member->is_waiting = true;
	fill_key(&member->preshared, 9);
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
	assert_true(member->is_waiting);
	assert_int_equal(member->preshared.bytes[31], 9);
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

static struct link_member_record *add_member(struct link_store *store, const char *name, int key)
{
	struct link_member_record *member = link_store_add_member(store);

	assert_non_null(member);
	strcpy(member->name, name);
	fill_key(&member->key, key);
	return member;
}

static struct link_invite_record *add_invite(struct link_store *store, const char *name, int key)
{
	struct link_invite_record *invite = link_store_add_invite(store);

	assert_non_null(invite);
	strcpy(invite->name, name);
	fill_key(&invite->key, key);
	return invite;
}

static void save(struct link_store *store)
{
	struct error error = {0};

	if (link_store_save(store, &error))
		fail_msg("%s", error.text);
}

static void open_store(struct link_store *store)
{
	struct error error = {0};

	if (link_store_open(store, path, &error))
		fail_msg("%s", error.text);
}

static size_t file_len(void)
{
	struct stat stat_of;

	assert_int_equal(stat(path, &stat_of), 0);
	return (size_t)stat_of.st_size;
}

/* A member that enrols and the end of its invitation are one change. */
static void enrol(struct link_store *store, struct link_invite_record *invite, int key)
{
	struct link_member_record *member = add_member(store, invite->name, key);

	invite->used_by = member->key;
	invite->is_changed = true;
	save(store);
}

/* Killed at any byte of the last change: it is as if that had not begun, and the next one is kept.
 */
static void survives_any_cut(void **)
{
	struct link_store store;
	size_t before, after;
	char *text;

	open_store(&store);
	add_member(&store, "laptop", 1);
	add_invite(&store, "phone", 2);
	save(&store);
	before = file_len();
	enrol(&store, link_store_open_invite(&store, "phone", -1), 3);
	after = file_len();
	link_store_close(&store);
	assert_true(after > before + 100);
	text = calloc(1, after);
	assert_non_null(text);
	read_file(text, after);
	for (size_t cut = before; cut < after + 100; cut++) {
		write_file(text, MIN(cut, after), cut < after ? 0 : cut + 1 - after);
		open_store(&store);
		assert_int_equal(store.member_count, 1);
		assert_non_null(link_store_open_invite(&store, "phone", -1));
		add_member(&store, "desk", 4);
		save(&store);
		link_store_close(&store);
		open_store(&store);
		assert_int_equal(store.member_count, 2);
		assert_non_null(link_store_member(&store, "desk"));
		link_store_close(&store);
	}
	write_file(text, after, 0);
	open_store(&store);
	assert_non_null(link_store_member(&store, "phone"));
	assert_null(link_store_open_invite(&store, "phone", -1));
	link_store_close(&store);
	free(text);
}

/* What the disk said it had, and has no more, is for a person to see. */
static void refuses_a_damaged_line(void **)
{
	struct link_store store;
	struct error error = {0};
	char place[160], *text;
	size_t len, second;

	open_store(&store);
	add_member(&store, "one", 1);
	save(&store);
	second = file_len();
	add_member(&store, "two", 2);
	save(&store);
	add_member(&store, "three", 3);
	save(&store);
	link_store_close(&store);
	len = file_len();
	text = calloc(1, len);
	read_file(text, len);
	text[second + 5] = '\0';
	write_file(text, len, 0);
	assert_int_equal(link_store_open(&store, path, &error), -EINVAL);
	snprintf(place, sizeof(place), "%s:3: damaged", path);
	assert_non_null(strstr(error.text, place));
	free(text);
}

/* A file that is written again and again does not grow for ever, and loses nothing. */
static void is_written_anew(void **)
{
	struct link_store store;
	size_t longest = 0;

	open_store(&store);
	add_member(&store, "one", 1);
	add_member(&store, "two", 2);
	for (int64_t i = 1; i <= 2000; i++) {
		struct link_member_record *member = link_store_member(&store, "one");

		member->since = i;
		member->is_changed = true;
		save(&store);
		longest = MAX(longest, file_len());
	}
	assert_in_range(longest, 10000, 60000);
	link_store_close(&store);
	open_store(&store);
	assert_int_equal(store.member_count, 2);
	assert_int_equal(link_store_member(&store, "one")->since, 2000);
	link_store_close(&store);
}

static void knows_who_left(void **)
{
	struct link_store store;
	struct link_member_record *member;

	open_store(&store);
	member = add_member(&store, "laptop", 1);
	save(&store);
	link_store_remove_member(&store, member);
	add_invite(&store, "laptop", 1)->is_left = true;
	save(&store);
	link_store_close(&store);
	open_store(&store);
	assert_int_equal(store.member_count, 0);
	assert_int_equal(store.invite_count, 1);
	link_store_close(&store);
}

/* As it was before there were lines. */
static void reads_the_old_form(void **)
{
	static const char old[] =
		"{\n \"version\": 1,\n \"members\": [\n  {\n   \"name\": \"laptop\",\n   \"role\": "
		"\"host\",\n   \"since\": 5,\n   \"key\": "
		"\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"\n  }\n ],\n \"invites\": []\n}";
	struct link_store store;

	write_file(old, strlen(old), 0);
	open_store(&store);
	assert_int_equal(link_store_member(&store, "laptop")->since, 5);
	assert_true(wg_key_is_zero(&link_store_member(&store, "laptop")->preshared));
	add_member(&store, "desk", 4);
	save(&store);
	link_store_close(&store);
	open_store(&store);
	assert_int_equal(store.member_count, 2);
	link_store_close(&store);
}

/* A file that is not understood is left as it is: members would be lost. */
static void refuses_what_it_cannot_read(void **)
{
	static const char *const texts[] = {"", "{", "[]", "{\"version\": 2}", "{\"version\": 3}\n",
		"{\"version\": 2}\n{}\n", "{\"version\": 2}\n[]\n",
		"{\"version\": 1, \"members\": [{\"name\": \"x\"}]}",
		"{\"version\": 1, \"invites\": [{\"name\": \"x\", \"role\": \"king\"}]}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct link_store store;
		struct error error = {0};

		write_file(texts[i], strlen(texts[i]), 0);
		assert_int_equal(link_store_open(&store, path, &error), -EINVAL);
		assert_non_null(strstr(error.text, path));
	}
}

/* Not who waits: he is known by his invitation alone. */
static void knows_what_is_past(void **)
{
	struct link_store store;
	struct link_invite_record *expired, *used;
	struct link_member_record *member;

	open_store(&store);
	add_invite(&store, "open", 1)->expires = 1000;
	assert_null(link_store_past_invite(&store, 500));
	expired = add_invite(&store, "expired", 2);
	expired->expires = 400;
	used = add_invite(&store, "used", 3);
	used->ended = 300;
	fill_key(&used->used_by, 4);
	member = add_member(&store, "used", 4);
	assert_ptr_equal(link_store_past_invite(&store, 500), used);
	member->is_waiting = true;
	assert_ptr_equal(link_store_past_invite(&store, 500), expired);
	link_store_close(&store);
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
		cmocka_unit_test_setup_teardown(survives_any_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_a_damaged_line, setup, teardown),
		cmocka_unit_test_setup_teardown(is_written_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_who_left, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_the_old_form, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_it_cannot_read, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_what_is_past, setup, teardown),
		cmocka_unit_test(knows_what_an_invitation_is_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
