/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * socket-bench [SECONDS [WIRES]]: a child process writes frames into one port of a hub, another
 * reads them from a second one. The ports are
 *
 *   stream     QEMU's -netdev stream over a Unix socket
 *   pair       two connected datagram sockets
 *   named      two peers of one datagram socket, each datagram sent to a name, as by QEMU's
 *              -netdev dgram
 *   connected  two peers that are connected to it, as by vfkit
 *
 * For each, for frames of two sizes, and for children that write and read one frame in a call (QEMU
 * does) or many: what arrives, what the hub's thread spends on a frame, and its system calls for a
 * frame. WIRES: only the first of these. The CPU is the number to tune by: it hardly minds a busy
 * machine.
 */
#include "base/bytes.h"
#include "base/random.h"
#include "port/datagram.h"
#include "port/datagram_socket.h"
#include "port/stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BURST_BYTES  (64 * 1024)
#define BURST_FRAMES 32

enum wire {
	WIRE_STREAM,
	WIRE_PAIR,
	WIRE_NAMED,
	WIRE_CONNECTED,
	WIRE_COUNT,
};

static const char *const wire_names[WIRE_COUNT] = {"stream", "pair", "named", "connected"};

/* One measurement. */
struct run {
	struct loop *loop;
	struct hub *hub;
	struct datagram_socket *socket; /* of named and connected peers */
	struct timer alarm;
	enum wire wire;
	uint32_t len;
	bool many;
	pid_t children[2];
	unsigned count;
	struct port *reader;
};

static const struct mac WRITER = {{2, 0, 0, 0, 0, 1}}, READER = {{2, 0, 0, 0, 0, 2}};
static char folder[64];
static unsigned long calls;

/* The linker leads the ports' and the loop's calls through here (--wrap). */
#define COUNT_CALLS(type, name, parameters, arguments)                                             \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		calls++;                                                                           \
		return __real_##name arguments;                                                    \
	}

COUNT_CALLS(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
COUNT_CALLS(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
COUNT_CALLS(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned count, int flags),
	(fd, m, count, flags))
COUNT_CALLS(int, recvmmsg,
	(int fd, struct mmsghdr *m, unsigned count, int flags, struct timespec *t),
	(fd, m, count, flags, t))
COUNT_CALLS(int, ioctl, (int fd, unsigned long request, void *out), (fd, request, out))
COUNT_CALLS(
	int, epoll_ctl, (int e, int what, int fd, struct epoll_event *event), (e, what, fd, event))
COUNT_CALLS(int, epoll_pwait2,
	(int fd, struct epoll_event *events, int count, const struct timespec *t,
		const sigset_t *mask),
	(fd, events, count, t, mask))

static void need(bool is_so, const char *what)
{
	if (is_so)
		return;
	perror(what);
	exit(1);
}

static size_t compose(uint8_t *out, uint32_t len, struct mac to, struct mac from)
{
	const struct eth_header header = {to, from, __builtin_bswap16(0x88b5)};

	memset(out, 0, len);
	memcpy(out, &header, sizeof(header));
	return len;
}

static size_t compose_for_stream(uint8_t *out, uint32_t len, struct mac to, struct mac from)
{
	store_be32(out, len);
	return 4 + compose(out + 4, len, to, from);
}

/* The children. */

static void write_stream(int fd, uint32_t len, bool many)
{
	static uint8_t bytes[BURST_BYTES];
	size_t used = 0;

	do
		used += compose_for_stream(bytes + used, len, READER, WRITER);
	while (many && used + 4 + len <= sizeof(bytes));
	while (write(fd, bytes, used) == (ssize_t)used)
		;
}

static void write_datagrams(int fd, const struct sockaddr_un *to, uint32_t len, bool many)
{
	static uint8_t bytes[2048];
	struct iovec part = {bytes, compose(bytes, len, READER, WRITER)};
	struct mmsghdr messages[BURST_FRAMES] = {0};

	for (unsigned i = 0; i < BURST_FRAMES; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_name = (void *)to,
			.msg_namelen = to ? sizeof(*to) : 0,
			.msg_iov = &part,
			.msg_iovlen = 1};
	while (__real_sendmmsg(fd, messages, many ? BURST_FRAMES : 1, 0) > 0)
		;
}

static void read_all(int fd, bool many)
{
	static uint8_t bytes[BURST_FRAMES][2048];
	struct iovec parts[BURST_FRAMES];
	struct mmsghdr messages[BURST_FRAMES] = {0};

	for (unsigned i = 0; i < BURST_FRAMES; i++) {
		parts[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	while (__real_recvmmsg(fd, messages, many ? BURST_FRAMES : 1, MSG_WAITFORONE, NULL) > 0)
		;
}

static void read_stream(int fd)
{
	static uint8_t bytes[256 * 1024];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

/* Says hello, so that the hub knows where it is. */
static void be_reader(const struct run *run, int fd, const struct sockaddr_un *to)
{
	uint8_t bytes[64];
	size_t len = run->wire == WIRE_STREAM ? compose_for_stream(bytes, 60, WRITER, READER)
					      : compose(bytes, 60, WRITER, READER);

	need(sendto(fd, bytes, len, 0, (struct sockaddr *)to, to ? sizeof(*to) : 0) > 0, "hello");
	if (run->wire == WIRE_STREAM)
		read_stream(fd);
	else
		read_all(fd, run->many);
}

static void be_writer(const struct run *run, int fd, const struct sockaddr_un *to)
{
	if (run->wire == WIRE_STREAM)
		write_stream(fd, run->len, run->many);
	else
		write_datagrams(fd, to, run->len, run->many);
}

static struct sockaddr_un name_of(const char *which)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/%s", folder, which);
	return name;
}

static int bound(const char *which)
{
	struct sockaddr_un name = name_of(which);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	unlink(name.sun_path);
	need(!bind(fd, (struct sockaddr *)&name, sizeof(name)), name.sun_path);
	return fd;
}

/* The hub. */

static void plug(struct run *run, struct port *port)
{
	need(port && !hub_attach(run->hub, port, loop_now(run->loop)), "a port");
	if (!run->reader)
		run->reader = port;
}

static void on_peer(void *owner, const struct sockaddr_un *peer, socklen_t len)
{
	const struct port_settings settings = {.mtu = 1500};
	struct run *run = owner;

	plug(run, datagram_port_new(run->socket, peer, len, &settings));
}

static void start_pair(
	struct run *run, void (*be)(const struct run *, int, const struct sockaddr_un *))
{
	const struct port_settings settings = {.mtu = 1500};
	int ends[2], type = run->wire == WIRE_STREAM ? SOCK_STREAM : SOCK_DGRAM;

	need(!socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair");
	run->children[run->count] = fork();
	if (!run->children[run->count++]) {
		close(ends[0]);
		be(run, ends[1], NULL);
		_exit(0);
	}
	close(ends[1]);
	if (run->wire == WIRE_STREAM)
		plug(run, stream_port_new(run->loop, ends[0], &settings));
	else
		plug(run, datagram_port_new_connected(run->loop, ends[0], &settings));
}

static void start_peer(
	struct run *run, void (*be)(const struct run *, int, const struct sockaddr_un *))
{
	const struct datagram_socket_settings settings = {.on_peer = on_peer, .owner = run};
	struct sockaddr_un ours = name_of("ours");
	int fd;

	if (!run->socket)
		run->socket = datagram_socket_new(run->loop, bound("ours"), &settings);
	run->children[run->count] = fork();
	if (run->children[run->count++])
		return;
	fd = bound(run->reader ? "writer" : "reader");
	if (run->wire == WIRE_CONNECTED)
		need(!connect(fd, (struct sockaddr *)&ours, sizeof(ours)), "connect");
	be(run, fd, run->wire == WIRE_CONNECTED ? NULL : &ours);
	_exit(0);
}

static void start(struct run *run, void (*be)(const struct run *, int, const struct sockaddr_un *))
{
	if (run->wire == WIRE_STREAM || run->wire == WIRE_PAIR)
		start_pair(run, be);
	else
		start_peer(run, be);
}

static void on_alarm(struct timer *timer, nsec)
{
	loop_stop(CONTAINER_OF(timer, struct run, alarm)->loop);
}

static void run_for(struct run *run, nsec duration)
{
	timer_set(run->loop, &run->alarm, loop_now(run->loop) + duration);
	loop_run(run->loop);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(struct run *run, int seconds)
{
	struct port_counters before;
	double cpu, sent, lost;

	start(run, be_reader);
	run_for(run, 100 * NSEC_PER_MSEC);
	need(run->reader, "the reader");
	start(run, be_writer);
	run_for(run, 100 * NSEC_PER_MSEC);
	cpu = cpu_seconds();
	before = run->reader->out;
	calls = 0;
	run_for(run, seconds * NSEC_PER_SEC);
	cpu = cpu_seconds() - cpu;
	sent = (double)(run->reader->out.frames - before.frames);
	lost = (double)(run->reader->out.drops[DROP_QUEUE_FULL] - before.drops[DROP_QUEUE_FULL]);
	printf("%-9s %4u bytes, %s a call: %5.2f M frames/s, %5.2f Gbit/s, %4.1f %% lost, "
	       "%4.0f ns of CPU and %.3f calls a frame\n",
		wire_names[run->wire], run->len, run->many ? "many" : " one",
		(sent - lost) / seconds / 1e6, (sent - lost) * run->len * 8 / seconds / 1e9,
		100 * lost / sent, cpu * 1e9 / sent, (double)calls / sent);
	fflush(stdout);
}

static void measure_one(enum wire wire, uint32_t len, bool many, int seconds)
{
	struct run run = {.loop = loop_new(),
		.alarm.on_expire = on_alarm,
		.wire = wire,
		.len = len,
		.many = many};
	struct hash_key key;

	random_bytes(&key, sizeof(key));
	run.hub = hub_new("hub0", &key);
	need(run.loop && run.hub, "a hub");
	measure(&run, seconds);
	for (unsigned i = 0; i < run.count; i++)
		kill(run.children[i], SIGKILL);
	for (unsigned i = 0; i < run.count; i++)
		waitpid(run.children[i], NULL, 0);
	datagram_socket_free(run.socket);
	hub_free(run.hub);
	loop_free(run.loop);
}

static void clean_up(void)
{
	static const char *const names[] = {"ours", "reader", "writer"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		unlink(name_of(names[i]).sun_path);
	rmdir(folder);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 1;
	enum wire end = argc > 2 ? (enum wire)atoi(argv[2]) : WIRE_COUNT;

	signal(SIGPIPE, SIG_IGN);
	snprintf(folder, sizeof(folder), "/tmp/lanyard-socket-bench-%d", getpid());
	need(!mkdir(folder, 0700), folder);
	for (enum wire wire = 0; wire < MIN(end, WIRE_COUNT); wire++) {
		measure_one(wire, 64, false, seconds);
		measure_one(wire, 64, true, seconds);
		measure_one(wire, 1514, false, seconds);
		measure_one(wire, 1514, true, seconds);
	}
	clean_up();
	return 0;
}
