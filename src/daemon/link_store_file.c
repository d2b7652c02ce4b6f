/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's file: changes, a line each; the last word on a key is what holds. */
#include "daemon/link_store.h"

#include "daemon/link_record.h"
#include "daemon/state_file.h"
#include "io/secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE    "{\"version\": 2}\n"
#define OUTDATED_MORE 256 /* records that may be outdated, besides as many as are not */

/* Writing */

/* Those that changed, or all, as one object. ret_count: how many. */
static json_t *pack(const struct link_store *store, bool is_all, size_t *ret_count)
{
	json_t *members = json_array(), *invites = json_array();

	LIST_EACH(node, &store->members) {
		const struct link_member_record *member = LIST_ENTRY(
			node, struct link_member_record, node);

		if (is_all || member->is_changed)
			json_array_append_new(members, link_member_json(member));
	}
	LIST_EACH(node, &store->invites) {
		const struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if (is_all || invite->is_changed)
			json_array_append_new(invites, link_invite_json(invite));
	}
	*ret_count = json_array_size(members) + json_array_size(invites);
	return json_pack("{s:o, s:o}", "members", members, "invites", invites);
}

/* In a store that the disk has, nothing is changed. */
static void settle(struct link_store *store, size_t file_len, size_t record_count)
{
	LIST_EACH(node, &store->members)
		LIST_ENTRY(node, struct link_member_record, node)->is_changed = false;
	LIST_EACH(node, &store->invites)
		LIST_ENTRY(node, struct link_invite_record, node)->is_changed = false;
	store->file_len = file_len;
	store->record_count = record_count;
}

/* One line, of all that changed at once: it is there as a whole, or not at all. */
static bool print_change(FILE *out, const json_t *records)
{
	return !json_dumpf(records, out, JSON_COMPACT) && fputc('\n', out) != EOF;
}

/* A line for each record. */
static bool print_whole(FILE *out, const json_t *records)
{
	bool is_fine = fputs(FIRST_LINE, out) != EOF;
	const char *key;
	json_t *array, *record, *line;
	size_t i;

	json_object_foreach((json_t *)records, key, array) {
		json_array_foreach(array, i, record) {
			line = json_pack("{s:[O]}", key, record);
			is_fine = is_fine && line && print_change(out, line);
			json_decref(line);
		}
	}
	return is_fine;
}

/* To be freed; NULL: no memory. */
static char *print(
	const json_t *records, bool (*print_to)(FILE *out, const json_t *records), size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);
	bool is_fine = records && out && print_to(out, records);

	if (out && fclose(out))
		is_fine = false;
	if (is_fine)
		return text;
	free(text);
	return NULL;
}

static int append(struct link_store *store, struct error *error)
{
	size_t count, len;
	json_t *records = pack(store, false, &count);
	char *text = print(records, print_change, &len);
	int err;

	json_decref(records);
	if (!count) {
		free(text);
		return 0;
	}
	if (!text)
		return error_set(error, ENOMEM, "%s: out of memory", store->path);
	if (store->record_count + count >
		2 * (store->member_count + store->invite_count) + OUTDATED_MORE)
		err = -ESTALE;
	else if (store->file_len + len > STATE_FILE_MAX)
		err = -ESTALE; /* it could not be read */
	else
		err = secret_file_append(store->path, store->file_len, text, len, error);
	free(text);
	if (!err)
		settle(store, store->file_len + len, store->record_count + count);
	return err;
}

static int rewrite(struct link_store *store, struct error *error)
{
	size_t count, len;
	json_t *records = pack(store, true, &count);
	char *text = print(records, print_whole, &len);
	int err;

	json_decref(records);
	if (!text)
		return error_set(error, ENOMEM, "%s: out of memory", store->path);
	if (len > STATE_FILE_MAX)
		err = error_set(
			error, EFBIG, "%s: would be too long to be read again", store->path);
	else
		err = secret_file_write(store->path, text, len, error);
	free(text);
	if (!err)
		settle(store, len, count);
	return err;
}

int link_store_save(struct link_store *store, struct error *error)
{
	int err = append(store, error);

	return err == -ESTALE ? rewrite(store, error) : err;
}

/* Reading */

static bool take_member(struct link_store *store, const json_t *object)
{
	struct link_member_record member = {0}, *place;

	if (!link_member_read(&member, object))
		return false;
	place = link_store_member_of(store, &member.key);
	if (!place)
		place = link_store_add_member(store);
	if (!place)
		return false;
	member.node = place->node;
	*place = member;
	return true;
}

/* A key that was a member's is one no more when there is something else to say of it. */
static bool take_invite(struct link_store *store, const json_t *object)
{
	struct link_invite_record invite = {0}, *place;
	struct link_member_record *member;

	if (!link_invite_read(&invite, object))
		return false;
	member = link_store_member_of(store, &invite.key);
	if (member)
		link_store_remove_member(store, member);
	place = link_store_invite(store, &invite.key);
	if (!place)
		place = link_store_add_invite(store);
	if (!place)
		return false;
	invite.node = place->node;
	*place = invite;
	return true;
}

static bool take_records(struct link_store *store, const json_t *records)
{
	const json_t *members = json_object_get(records, "members");
	const json_t *invites = json_object_get(records, "invites");
	json_t *object;
	size_t i;

	json_array_foreach(members, i, object)
		if (!take_member(store, object))
			return false;
	json_array_foreach(invites, i, object)
		if (!take_invite(store, object))
			return false;
	store->record_count += json_array_size(members) + json_array_size(invites);
	return members || invites;
}

/* Before there were lines, all was one object. Its length is not noted, so it is written anew. */
static int take_old(struct link_store *store, const char *text, size_t len, struct error *error)
{
	json_t *whole = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int err = 0;

	if (json_integer_value(json_object_get(whole, "version")) != 1 ||
		!take_records(store, whole))
		err = error_set(error, EINVAL,
			"%s: is no list of members that this version of lanyard can read",
			store->path);
	json_decref(whole);
	return err;
}

static int take_line(struct link_store *store, const char *line, size_t len, unsigned number,
	struct error *error)
{
	json_t *records = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	bool is_fine = records && take_records(store, records);

	json_decref(records);
	if (is_fine)
		return 0;
	return error_set(error, EINVAL,
		"%s:%u: damaged; a copy of the file from before, or the file without this line, "
		"would be read",
		store->path, number);
}

/* Whoever was killed while he wrote the last line had not said yet that it is written. When it was
 * the machine that stopped, there may be zeros in it. */
static bool is_torn(const char *line, const char *line_end, const char *end)
{
	return !line_end || (line_end + 1 == end && memchr(line, '\0', (size_t)(end - line)));
}

static int take_lines(
	struct link_store *store, const char *text, const char *end, struct error *error)
{
	const char *line = text + strlen(FIRST_LINE), *line_end;
	int err = 0;

	for (unsigned number = 2; !err && line < end; number++, line = line_end + 1) {
		line_end = memchr(line, '\n', (size_t)(end - line));
		if (is_torn(line, line_end, end))
			break;
		err = take_line(store, line, (size_t)(line_end - line), number, error);
	}
	store->file_len = (size_t)(line - text);
	return err;
}

int link_store_open(struct link_store *store, const char *path, struct error *error)
{
	char *text;
	size_t len;
	int err;

	*store = (struct link_store){0};
	snprintf(store->path, sizeof(store->path), "%s", path);
	list_init(&store->members);
	list_init(&store->invites);
	err = state_file_read(path, &text, &len, error);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (len >= strlen(FIRST_LINE) && !memcmp(text, FIRST_LINE, strlen(FIRST_LINE)))
		err = take_lines(store, text, text + len, error);
	else
		err = take_old(store, text, len, error);
	free(text);
	if (err)
		link_store_close(store);
	else
		settle(store, store->file_len, store->record_count);
	return err;
}
