/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream-bench [SECONDS]: a child process writes frames into one stream port of a hub, another
 * reads them from a second one. For each size of frames, and for a writer that writes one frame at
 * a time (QEMU does) or many: what arrives, what the hub's thread spends on a frame, and its system
 * calls for a frame. The CPU is the number to tune by: it hardly minds a busy machine.
 */
#include "base/bytes.h"
#include "base/random.h"
#include "port/stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BURST_BYTES (64 * 1024)

static const struct mac WRITER = {{2, 0, 0, 0, 0, 1}}, READER = {{2, 0, 0, 0, 0, 2}};
static unsigned long calls;

/* The linker leads the port's and the loop's calls through here (--wrap). */
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __real_epoll_pwait2(int fd, struct epoll_event *events, int count, const struct timespec *t,
	const sigset_t *mask);
int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int count, const struct timespec *t,
	const sigset_t *mask);
int __real_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	calls++;
	return __real_sendmsg(fd, message, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	calls++;
	return __real_recvmsg(fd, message, flags);
}

int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int count, const struct timespec *t,
	const sigset_t *mask)
{
	calls++;
	return __real_epoll_pwait2(fd, events, count, t, mask);
}

int __wrap_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event)
{
	calls++;
	return __real_epoll_ctl(epoll_fd, what, fd, event);
}

static size_t compose(uint8_t *out, uint32_t len, struct mac to, struct mac from)
{
	const struct eth_header header = {to, from, __builtin_bswap16(0x88b5)};

	store_be32(out, len);
	memset(out + 4, 0, len);
	memcpy(out + 4, &header, sizeof(header));
	return 4 + len;
}

static void write_for_ever(int fd, uint32_t len, bool many)
{
	static uint8_t bytes[BURST_BYTES];
	size_t used = 0;

	do
		used += compose(bytes + used, len, READER, WRITER);
	while (many && used + 4 + len <= sizeof(bytes));
	while (write(fd, bytes, used) == (ssize_t)used)
		;
	_exit(0);
}

/* Says hello, so that the hub knows where it is. */
static void read_for_ever(int fd)
{
	static uint8_t bytes[256 * 1024];
	size_t len = compose(bytes, 60, WRITER, READER);

	if (write(fd, bytes, len) < 0)
		_exit(1);
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	_exit(0);
}

static int start(pid_t *ret_pid, int ends[2], int role, uint32_t len, bool many)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	*ret_pid = fork();
	if (*ret_pid)
		return 0;
	close(ends[0]);
	if (role)
		write_for_ever(ends[1], len, many);
	read_for_ever(ends[1]);
	return 0;
}

static struct port *plug(struct hub *hub, struct loop *loop, int fd)
{
	struct port_settings settings = {.mtu = 1500};
	struct port *port = stream_port_new(loop, fd, &settings);

	if (!port || hub_attach(hub, port, loop_now(loop)))
		exit(1);
	return port;
}

static void on_time(struct timer *timer, nsec)
{
	struct loop *loop = *(struct loop **)(timer + 1);

	loop_stop(loop);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_for(struct loop *loop, nsec duration)
{
	struct {
		struct timer timer;
		struct loop *loop;
	} alarm = {{.on_expire = on_time}, loop};

	timer_set(loop, &alarm.timer, loop_now(loop) + duration);
	loop_run(loop);
}

static void measure(uint32_t len, bool many, int seconds)
{
	struct loop *loop = loop_new();
	struct hash_key key;
	struct hub *hub;
	int reader[2], writer[2];
	pid_t pids[2] = {0};
	struct port *to;
	double cpu, sent, lost;

	random_bytes(&key, sizeof(key));
	hub = hub_new("hub0", &key);
	if (!loop || !hub || start(&pids[0], reader, 0, len, many))
		exit(1);
	close(reader[1]);
	to = plug(hub, loop, reader[0]);
	run_for(loop, 100 * NSEC_PER_MSEC);
	if (start(&pids[1], writer, 1, len, many))
		exit(1);
	close(writer[1]);
	plug(hub, loop, writer[0]);
	run_for(loop, 100 * NSEC_PER_MSEC);
	cpu = cpu_seconds();
	sent = (double)to->out.frames;
	lost = (double)to->out.drops[DROP_QUEUE_FULL];
	calls = 0;
	run_for(loop, seconds * NSEC_PER_SEC);
	cpu = cpu_seconds() - cpu;
	sent = (double)to->out.frames - sent;
	lost = (double)to->out.drops[DROP_QUEUE_FULL] - lost;
	printf("%4u bytes, %s a write: %.2f M frames/s, %.2f Gbit/s, %.1f %% lost, "
	       "%.0f ns of CPU and %.3f calls a frame\n",
		len, many ? "many" : " one", (sent - lost) / seconds / 1e6,
		(sent - lost) * len * 8 / seconds / 1e9, 100 * lost / sent, cpu * 1e9 / sent,
		(double)calls / sent);
	fflush(stdout);
	hub_free(hub);
	loop_free(loop);
	for (int i = 0; i < 2; i++)
		waitpid(pids[i], NULL, 0);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 2;

	signal(SIGPIPE, SIG_IGN);
	measure(64, false, seconds);
	measure(64, true, seconds);
	measure(1514, false, seconds);
	measure(1514, true, seconds);
	return 0;
}
