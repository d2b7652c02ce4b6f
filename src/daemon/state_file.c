/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state_file.h"

#include "io/secret_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

int state_folder_make(const char *path, struct error *error)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(error, errno, "%s: %m", path);
	return 0;
}

int state_file_read(const char *path, char **ret_bytes, size_t *ret_len, struct error *error)
{
	char *bytes = malloc(STATE_FILE_MAX + 1), *fitting;
	size_t len;
	int err;

	if (!bytes)
		return error_set(error, ENOMEM, "%s: out of memory", path);
	err = secret_file_read(path, bytes, STATE_FILE_MAX, &len, error);
	if (err) {
		free(bytes);
		return err;
	}
	bytes[len] = '\0';
	fitting = realloc(bytes, len + 1);
	*ret_bytes = fitting ? fitting : bytes;
	*ret_len = len;
	return 0;
}
