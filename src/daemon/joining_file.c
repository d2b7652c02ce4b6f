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
#include <string.h>

int joining_keep(const struct joining *joining, struct error *error)
{
	char preshared[WG_KEY_TEXT_SIZE];
	const bool has_preshared = !wg_key_is_zero(&joining->preshared);
	json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:I, s:s*}", "version", 1, "name",
		joining->name, "segment", joining->segment, "role", link_role_name(joining->role),
		"mtu", (json_int_t)joining->mtu, "preshared",
		has_preshared ? wg_key_format(&joining->preshared, preshared) : NULL);
	char *text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
	int err = text ? secret_file_write(joining->path, text, strlen(text), error)
		       : error_set(error, ENOMEM, "out of memory");

	if (text)
		explicit_bzero(text, strlen(text));
	explicit_bzero(preshared, sizeof(preshared));
	free(text);
	json_decref(object);
	return err;
}

void joining_take_told(struct joining *joining, const struct control *told)
{
	snprintf(joining->name, sizeof(joining->name), "%s", told->name);
	snprintf(joining->segment, sizeof(joining->segment), "%s", told->segment);
	joining->role = told->role;
	joining->mtu = told->mtu >= 576 && told->mtu <= 9000 ? told->mtu : LINK_MTU_STANDARD;
	joining->preshared = told->preshared;
}

uint32_t joining_mtu(const struct joining *joining)
{
	return joining->mtu ? joining->mtu : LINK_MTU_STANDARD;
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

static bool unpack_told(json_t *object, struct control *ret)
{
	const char *name, *segment, *role, *preshared = NULL;
	json_int_t mtu;

	if (!object ||
		json_unpack(object, "{s:s, s:s, s:s, s:I, s?s}", "name", &name, "segment", &segment,
			"role", &role, "mtu", &mtu, "preshared", &preshared) ||
		!link_role_parse(role, &ret->role) ||
		(preshared && !wg_key_parse(preshared, &ret->preshared)))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->segment, sizeof(ret->segment), "%s", segment);
	ret->mtu = (uint32_t)mtu;
	return true;
}

static int read_told(struct joining *joining, struct error *error)
{
	struct control told = {0};
	json_t *object;
	char *text;
	size_t len;
	int err = state_file_read(joining->path, &text, &len, error);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	object = json_loadb(text, len, 0, NULL);
	explicit_bzero(text, len);
	free(text);
	if (unpack_told(object, &told)) {
		joining_take_told(joining, &told);
		joining->state = JOINING_MEMBER;
	} else {
		err = error_set(error, EINVAL, "%s: cannot be read", joining->path);
	}
	wg_key_wipe(&told.preshared);
	json_decref(object);
	return err;
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
