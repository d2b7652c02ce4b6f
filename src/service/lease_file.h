/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases in a file that survives a kill and a power cut: a journal of lines (lease_text.h).
 *
 * A line is on the disk before on_written() tells of it. fdatasync(2) takes milliseconds, on a busy
 * disk many: far too long for the thread that also moves frames. So a thread of the file's own
 * writes and syncs, and posts the news back to the loop; whatever was noted while it was busy goes
 * to the disk with one sync. When the journal has grown to a multiple of what it says, the table is
 * written anew beside it, synced, and renamed over it: at no moment is there half a file.
 *
 * What a kill leaves half written is the last line, and it has no newline: it is cut off on
 * opening, and nobody was told of it.
 */
#pragma once

#include "base/error.h"
#include "io/loop.h"
#include "service/lease_store.h"

struct lease_file;

struct lease_file_owner {
	struct loop *loop;
	struct lease_table *table;
	/* The file cannot be written (-errno), or can again (0); once for each change. May be NULL.
	 */
	void (*on_trouble)(void *context, int err);
	void *context;
};

/* Reads what is there into the table; makes the file where there is none. The table must stay as
 * long as the file. */
int lease_file_open(const char *path, const struct lease_file_owner *owner,
	struct lease_file **ret_file, struct error *error) MUST_USE;
struct lease_store *lease_file_store(struct lease_file *file);
/* Lines that were not understood when it was opened. */
unsigned lease_file_ignored(const struct lease_file *file);
/* Waits until everything noted is written. NULL is fine. */
void lease_file_close(struct lease_file *file);
