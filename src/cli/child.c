/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

static void watch_done(struct watch *watch)
{
	int fd = watch->fd;

	if (!watch->loop)
		return;
	loop_unwatch(watch);
	close(fd);
}

static void on_exit_ready(struct watch *watch, uint32_t)
{
	struct child *child = CONTAINER_OF(watch, struct child, exit_watch);
	int status;

	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return;
	watch_done(watch);
	child->on_exit(child, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void on_signal(struct watch *watch, uint32_t)
{
	struct child *child = CONTAINER_OF(watch, struct child, signal_watch);
	struct signalfd_siginfo info;

	while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_code != SI_KERNEL) /* the terminal told the child, too */
			kill(child->pid, (int)info.ssi_signo);
}

static int watch_signals(struct child *child, struct loop *loop)
{
	sigset_t set;
	int err, fd;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &set, &child->signals))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	child->signal_watch.on_ready = on_signal;
	err = loop_watch(loop, &child->signal_watch, fd, EPOLLIN);
	if (err)
		close(fd);
	return err;
}

static int watch_exit(struct child *child, struct loop *loop)
{
	int err, fd = pidfd_open(child->pid, 0);

	if (fd < 0)
		return -errno;
	child->exit_watch.on_ready = on_exit_ready;
	err = loop_watch(loop, &child->exit_watch, fd, EPOLLIN);
	if (err)
		close(fd);
	return err;
}

/* In the child. report: closed by a successful execvp(3), else it gets the errno. */
static void become(const struct child *child, char *const argv[], int report)
{
	ssize_t written;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &child->signals, NULL);
	execvp(argv[0], argv);
	written = write(report, &(int){errno}, sizeof(int));
	_exit(written == sizeof(int) ? 127 : 126);
}

static int spawn(struct child *child, char *const argv[])
{
	int report[2], err = 0;

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	child->pid = fork();
	if (!child->pid)
		become(child, argv, report[1]);
	if (child->pid < 0)
		err = errno;
	close(report[1]);
	if (!err && read(report[0], &err, sizeof(err)) == sizeof(err))
		waitpid(child->pid, NULL, 0);
	close(report[0]);
	return -err;
}

int child_start(struct child *child, struct loop *loop, char *const argv[], struct error *error)
{
	int err = watch_signals(child, loop);

	if (!err)
		err = spawn(child, argv);
	if (!err)
		err = watch_exit(child, loop);
	return err ? error_set(error, -err, "%s: %s", argv[0], strerror(-err)) : 0;
}

void child_done(struct child *child)
{
	watch_done(&child->exit_watch);
	watch_done(&child->signal_watch);
}
