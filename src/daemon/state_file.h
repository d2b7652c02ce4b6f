/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of any length for us alone in the state directory: io/secret_file.h, with the memory. */
#pragma once

#include "base/error.h"

#include <stddef.h>

#define STATE_FILE_MAX (4 * 1024 * 1024)

/* Makes the folder, mode 0700, where it is not there. -errno. */
int state_folder_make(const char *path, struct error *error) MUST_USE;
/* ret_bytes: malloc'ed, a NUL follows them. -ENOENT: there is none; error is not set. */
int state_file_read(
	const char *path, char **ret_bytes, size_t *ret_len, struct error *error) MUST_USE;
