/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that hold secrets: for their owner alone, and at no moment half written. */
#pragma once

#include "base/error.h"

#include <stddef.h>

/* The whole of a file that is ours, or root's, and that nobody else may read or write (mode 0600 or
 * narrower). -ENOENT without a sentence: there is none; else -errno with one. The caller wipes it.
 */
int secret_file_read(
	const char *path, void *bytes, size_t size, size_t *ret_len, struct error *error) MUST_USE;
/* Takes the place of a file that is there. When it returns 0 the disk has it. */
int secret_file_write(
	const char *path, const void *bytes, size_t len, struct error *error) MUST_USE;
/* -EEXIST without a sentence: of two that come at once the first one's stays. */
int secret_file_create(
	const char *path, const void *bytes, size_t len, struct error *error) MUST_USE;
/* Behind the `at` bytes that it has; when it returns 0 the disk has them. -ESTALE without a
 * sentence: it is not there, or has another length. Killed meanwhile, a part of them is there. */
int secret_file_append(
	const char *path, size_t at, const void *bytes, size_t len, struct error *error) MUST_USE;
