/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/procview.h"

#include "base/log.h"
#include "daemon/procview_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_log.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define STALE_MAX 16 /* mounts, one on the other */

struct procview {
	struct procview_files files;
	struct fuse_session *session; /* NULL: none */
	struct watch watch;
	struct fuse_buf request; /* the library's; grows to what a request may be */
	bool is_mounted;
	int keeper; /* a pipe to whom unmounts for us when it closes; -1: we can */
	char path[];
};

static char last_words[160]; /* of the library, for which errors are lines of text */

static void on_words(enum fuse_log_level, const char *format, va_list args)
{
	vsnprintf(last_words, sizeof(last_words), format, args);
	last_words[strcspn(last_words, "\n")] = '\0';
}

/* Ordinary users unmount by a setuid program. */
static void run_fusermount(const char *path)
{
	char *const argv[] = {"fusermount3", "-u", "-q", "-z", "--", (char *)path, NULL};
	pid_t child;

	if (!posix_spawnp(&child, argv[0], NULL, NULL, argv, environ))
		waitpid(child, NULL, 0);
}

/* What a daemon left that was killed answers nobody: "transport endpoint is not connected". */
static void remove_stale(const char *path)
{
	struct statfs status;

	for (unsigned i = 0; i < STALE_MAX && statfs(path, &status) < 0 && errno == ENOTCONN; i++) {
		if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			run_fusermount(path);
	}
}

static void on_ready(struct watch *watch, uint32_t)
{
	struct procview *view = CONTAINER_OF(watch, struct procview, watch);
	int len = fuse_session_receive_buf(view->session, &view->request);

	if (len > 0) {
		fuse_session_process_buf(view->session, &view->request);
	} else if (len != -EAGAIN && len != -EINTR) {
		log_info("%s: unmounted by somebody else", view->path);
		loop_unwatch(watch);
	}
}

static int open_session(struct procview *view, struct error *error)
{
	/* Users may not let others in (fuse.conf(5)). */
	static const char *const options[] = {
		"ro,fsname=lanyard,subtype=vmnet",
		"ro,fsname=lanyard,subtype=vmnet,allow_other,default_permissions",
	};
	char *argv[] = {"lanyardd", "-o", (char *)options[geteuid() == 0], NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	view->session = fuse_session_new(
		&args, procview_operations(), sizeof(*procview_operations()), &view->files);
	fuse_opt_free_args(&args);
	return view->session ? 0 : error_set(error, ENOMEM, "%s: %s", view->path, last_words);
}

static int mount_session(struct procview *view, struct error *error)
{
	if (access("/dev/fuse", F_OK) < 0)
		return error_set(error, errno, "%s: /dev/fuse: %m", view->path);
	if (fuse_session_mount(view->session, view->path) < 0)
		return error_set(error, EPERM, "%s: %s", view->path,
			last_words[0] ? last_words : "it cannot be mounted");
	view->is_mounted = true;
	return 0;
}

/*
 * Once our privileges are given up no setuid program helps us any more: somebody else has to wait
 * for our end, however that comes.
 */
static int start_keeper(struct procview *view, struct error *error)
{
	char *const argv[] = {"sh", "-c",
		"read -r _; fusermount3 -u -q -z -- \"$0\" && rmdir -- \"$0\"", view->path, NULL};
	posix_spawn_file_actions_t actions;
	int pipe_fds[2], err;
	pid_t child;

	if (geteuid() == 0)
		return 0;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set(error, errno, "%s: %m", view->path);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fds[0], STDIN_FILENO);
	err = posix_spawn(&child, "/bin/sh", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fds[0]);
	if (!err) {
		view->keeper = pipe_fds[1];
		return 0;
	}
	close(pipe_fds[1]);
	return error_set(error, err, "%s: %s", view->path, strerror(err));
}

static int watch_session(struct procview *view, struct error *error)
{
	int fd = fuse_session_fd(view->session), err = 0;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		err = -errno;
	view->watch.on_ready = on_ready;
	if (!err)
		err = loop_watch(view->files.world->loop, &view->watch, fd, EPOLLIN);
	return err ? error_set(error, -err, "%s: %s", view->path, strerror(-err)) : 0;
}

static gid_t group_of(const char *path)
{
	struct stat status;

	return stat(path, &status) < 0 ? getegid() : status.st_gid;
}

int procview_open(struct world *world, const char *path, const char *api_path,
	struct procview **ret_view, struct error *error)
{
	struct procview *view = calloc(1, sizeof(*view) + strlen(path) + 1);
	int err;

	if (!view)
		return error_set(error, ENOMEM, "out of memory");
	strcpy(view->path, path);
	view->keeper = -1;
	procview_files_init(&view->files, world, group_of(api_path));
	fuse_set_log_func(on_words);
	remove_stale(path);
	err = mkdir(path, 0755) < 0 && errno != EEXIST ? error_set(error, errno, "%s: %m", path)
						       : 0;
	if (!err)
		err = open_session(view, error);
	if (!err)
		err = mount_session(view, error);
	if (!err)
		err = watch_session(view, error);
	if (!err)
		err = start_keeper(view, error);
	if (err)
		procview_close(view);
	else
		*ret_view = view;
	return err;
}

/* Who still has a file open hears that nobody answers. */
void procview_close(struct procview *view)
{
	if (!view)
		return;
	loop_unwatch(&view->watch);
	if (view->is_mounted)
		fuse_session_unmount(view->session); /* in vain, where there is a keeper */
	if (view->session)
		fuse_session_destroy(view->session);
	procview_files_done(&view->files);
	free(view->request.mem);
	if (view->keeper >= 0)
		close(view->keeper);
	else
		rmdir(view->path);
	free(view);
}
