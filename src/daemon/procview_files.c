/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/procview_files.h"

#include "daemon/vmnet_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIRECTORY_MODE (S_IFDIR | 0550)
#define FILE_MODE      (S_IFREG | 0440)

/* A file or the directory, open: what was read of it last. */
struct opened {
	struct list node;
	uint64_t number; /* of the file */
	char *bytes;
	size_t len;
};

void procview_files_init(struct procview_files *files, const struct world *world, gid_t group)
{
	*files = (struct procview_files){world, group, time(NULL), {0}};
	list_init(&files->opened);
}

static void opened_free(struct opened *opened)
{
	list_remove(&opened->node);
	free(opened->bytes);
	free(opened);
}

void procview_files_done(struct procview_files *files)
{
	LIST_EACH(node, &files->opened)
		opened_free(LIST_ENTRY(node, struct opened, node));
}

static struct procview_files *files_of(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

static struct opened *opened_of(const struct fuse_file_info *info)
{
	return (struct opened *)(uintptr_t)info->fh;
}

static struct stat status_of(const struct procview_files *files, fuse_ino_t number)
{
	bool is_directory = number == FUSE_ROOT_ID;

	return (struct stat){
		.st_ino = number,
		.st_mode = is_directory ? DIRECTORY_MODE : FILE_MODE,
		.st_nlink = is_directory ? 2 : 1,
		.st_uid = geteuid(),
		.st_gid = files->group,
		.st_atim.tv_sec = files->since,
		.st_mtim.tv_sec = files->since,
		.st_ctim.tv_sec = files->since,
	};
}

/* Nothing is remembered by the kernel: the next moment the port may be gone. */
static void on_lookup(fuse_req_t request, fuse_ino_t, const char *name)
{
	const struct procview_files *files = files_of(request);
	struct fuse_entry_param entry = {0};
	struct vmnet_file file;

	if (!vmnet_find(files->world, name, &file)) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	entry.ino = vmnet_file_number(&file);
	entry.attr = status_of(files, entry.ino);
	fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *)
{
	const struct procview_files *files = files_of(request);
	struct vmnet_file file;
	struct stat status;

	if (number != FUSE_ROOT_ID && !vmnet_find_number(files->world, number, &file)) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	status = status_of(files, number);
	fuse_reply_attr(request, &status, 0);
}

static struct opened *opened_new(struct procview_files *files, fuse_ino_t number)
{
	struct opened *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return NULL;
	opened->number = number;
	list_push_back(&files->opened, &opened->node);
	return opened;
}

static void reply_opened(fuse_req_t request, struct fuse_file_info *info, struct opened *opened)
{
	if (!opened) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	info->fh = (uintptr_t)opened;
	info->direct_io = 1; /* the size is not known before it is read, as in /proc */
	if (fuse_reply_open(request, info) < 0)
		opened_free(opened); /* who asked was interrupted; no release comes */
}

static void on_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct procview_files *files = files_of(request);
	struct vmnet_file file;

	if ((info->flags & O_ACCMODE) != O_RDONLY)
		fuse_reply_err(request, EACCES);
	else if (!vmnet_find_number(files->world, number, &file))
		fuse_reply_err(request, ENOENT);
	else
		reply_opened(request, info, opened_new(files, number));
}

static int refresh(const struct procview_files *files, struct opened *opened)
{
	struct vmnet_file file;
	char text[VMNET_TEXT_SIZE], *bytes;
	int err;

	if (!vmnet_find_number(files->world, opened->number, &file))
		return -ENODEV;
	err = vmnet_read(&file, text);
	bytes = err ? NULL : strdup(text);
	if (!bytes)
		return -ENOMEM;
	free(opened->bytes);
	opened->bytes = bytes;
	opened->len = strlen(bytes);
	return 0;
}

static void reply_part(fuse_req_t request, const struct opened *opened, size_t size, off_t offset)
{
	size_t from = MIN((size_t)offset, opened->len);

	fuse_reply_buf(request, opened->bytes ? opened->bytes + from : NULL,
		MIN(size, opened->len - from));
}

/* From the start it is what is so now; what follows is of the same moment. */
static void on_read(
	fuse_req_t request, fuse_ino_t, size_t size, off_t offset, struct fuse_file_info *info)
{
	struct opened *opened = opened_of(info);
	int err = offset ? 0 : refresh(files_of(request), opened);

	if (err)
		fuse_reply_err(request, -err);
	else
		reply_part(request, opened, size, offset);
}

static void on_release(fuse_req_t request, fuse_ino_t, struct fuse_file_info *info)
{
	opened_free(opened_of(info));
	fuse_reply_err(request, 0);
}

/* A directory being listed into memory. */
struct listing {
	fuse_req_t request;
	struct opened *opened;
	int err;
};

static void list_name(struct listing *listing, const char *name, const struct stat *status)
{
	struct opened *opened = listing->opened;
	size_t size = fuse_add_direntry(listing->request, NULL, 0, name, NULL, 0);
	char *bytes = listing->err ? NULL : realloc(opened->bytes, opened->len + size);

	if (!bytes) {
		listing->err = -ENOMEM;
		return;
	}
	opened->bytes = bytes;
	fuse_add_direntry(listing->request, bytes + opened->len, size, name, status,
		(off_t)(opened->len + size));
	opened->len += size;
}

static void list_file(void *context, const struct vmnet_file *file)
{
	struct listing *listing = context;
	struct stat status = status_of(files_of(listing->request), vmnet_file_number(file));
	char name[VMNET_NAME_SIZE];

	list_name(listing, vmnet_file_name(file, name), &status);
}

/* The whole list as it is now, so that it is one list however it is read. */
static void on_opendir(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *info)
{
	struct procview_files *files = files_of(request);
	struct listing listing = {request, opened_new(files, number), 0};
	struct stat status = status_of(files, FUSE_ROOT_ID);

	if (listing.opened) {
		list_name(&listing, ".", &status);
		list_name(&listing, "..", &status);
		vmnet_walk(files->world, list_file, &listing);
	}
	if (listing.err) {
		opened_free(listing.opened);
		listing.opened = NULL;
	}
	reply_opened(request, info, listing.opened);
}

static void on_readdir(
	fuse_req_t request, fuse_ino_t, size_t size, off_t offset, struct fuse_file_info *info)
{
	reply_part(request, opened_of(info), size, offset);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
	.release = on_release,
	.opendir = on_opendir,
	.readdir = on_readdir,
	.releasedir = on_release,
};

const struct fuse_lowlevel_ops *procview_operations(void)
{
	return &operations;
}
