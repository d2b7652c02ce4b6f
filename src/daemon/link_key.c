/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link_key.h"

#include "io/secret_file.h"

#include <errno.h>
#include <string.h>

static int make(const char *path, struct wg_key *ret_private, struct error *error)
{
	char text[WG_KEY_TEXT_SIZE + 1];
	struct wg_key private;
	int err;

	wg_key_make_private(&private);
	wg_key_format(&private, text);
	strcat(text, "\n");
	err = secret_file_write(path, text, strlen(text), error);
	explicit_bzero(text, sizeof(text));
	if (!err)
		*ret_private = private;
	wg_key_wipe(&private);
	return err;
}

int link_key_open(const char *path, struct wg_key *ret_private, struct error *error)
{
	char text[WG_KEY_TEXT_SIZE + 1];
	size_t len;
	int err = secret_file_read(path, text, sizeof(text) - 1, &len, error);

	if (err == -ENOENT)
		return make(path, ret_private, error);
	if (err)
		return err;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!wg_key_parse(text, ret_private))
		err = error_set(error, EINVAL,
			"%s: holds no private key; one that was lost means that all members "
			"are invited anew",
			path);
	explicit_bzero(text, sizeof(text));
	return err;
}
