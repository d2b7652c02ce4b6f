/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a member keeps of its relay: the key that it made, and what it was told when it was
 * accepted. */
#include "daemon/joining_state.h"

#include "daemon/link_key.h"
#include "daemon/state_file.h"
#include "io/secret_file.h"
#include "wg/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int joining_keep(const struct joining *joining, struct error *error)
{
	json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:I}", "version", 1, "name", joining->name,
		"segment", joining->segment, "role", link_role_name(joining->role), "mtu",
		(json_int_t)joining->mtu);
	char *text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
	int err = text ? secret_file_write(joining->path, text, strlen(text), error)
		       : error_set(error, ENOMEM, "out of memory");

	free(text);
	json_decref(object);
	return err;
}

void joining_take_told(struct joining *joining, const char *name, const char *segment,
	enum link_role role, uint32_t mtu)
{
	snprintf(joining->name, sizeof(joining->name), "%s", name);
	snprintf(joining->segment, sizeof(joining->segment), "%s", segment);
	joining->role = role;
	joining->mtu = mtu >= 576 && mtu <= 9000 ? mtu : LINK_MTU_STANDARD;
}

/* Files are named by a digest: the invitation itself is a secret. */
static void name_files(struct joining *joining, char key_path[400])
{
	struct digest digest = blake2s(
		&joining->invite.relay, WG_KEY_LEN, &joining->invite.enrolment, WG_KEY_LEN);
	char text[17];

	for (unsigned i = 0; i < 8; i++)
		snprintf(text + 2 * i, 3, "%02x", digest.bytes[i]);
	snprintf(key_path, 400, "%s/link/%s.key", joining_world(joining)->state_dir, text);
	snprintf(joining->path, sizeof(joining->path), "%s/link/%s.json",
		joining_world(joining)->state_dir, text);
}

static int read_told(struct joining *joining, struct error *error)
{
	const char *name = NULL, *segment = NULL, *role = NULL;
	enum link_role parsed;
	json_t *object;
	json_int_t mtu;
	char *text;
	size_t len;
	int err = state_file_read(joining->path, &text, &len, error);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	object = json_loadb(text, len, 0, NULL);
	free(text);
	if (!object ||
		json_unpack(object, "{s:s, s:s, s:s, s:I}", "name", &name, "segment", &segment,
			"role", &role, "mtu", &mtu) ||
		!link_role_parse(role, &parsed)) {
		json_decref(object);
		return error_set(error, EINVAL, "%s: cannot be read", joining->path);
	}
	joining_take_told(joining, name, segment, parsed, (uint32_t)mtu);
	joining->state = JOINING_MEMBER;
	json_decref(object);
	return 0;
}

int joining_open_files(struct joining *joining, struct error *error)
{
	char path[400];
	int err;

	snprintf(path, sizeof(path), "%s/link", joining_world(joining)->state_dir);
	err = state_folder_make(path, error);
	name_files(joining, path);
	if (!err)
		err = link_key_open(path, &joining->private, error);
	return err ?: read_told(joining, error);
}
