/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small questions over TCP, and how long the answers take.
 *
 *   rr serve ADDRESS PORT           echoes on PORT; on PORT+1 answers once and closes
 *   rr ask ADDRESS PORT SECONDS     one connection, one byte there and back, again and again
 *   rr connect ADDRESS PORT SECONDS connect, ask, read the answer, close, again and again
 *   rr open ADDRESS PORT COUNT      opens COUNT connections and holds them until stdin ends
 *
 * "ask", "connect" and "open" print one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_MAX  (1 << 22)
#define AT_ONCE_MAX 128 /* connections that "open" has on their way */
#define EVENT_MAX   256

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	};
	socklen_t len;
};

static void die(const char *what)
{
	fprintf(stderr, "rr: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct place place_read(const char *address, int port)
{
	struct place place = {};

	if (inet_pton(AF_INET, address, &place.ip4.sin_addr) == 1) {
		place.ip4.sin_family = AF_INET;
		place.ip4.sin_port = htons((uint16_t)port);
		place.len = sizeof(place.ip4);
	} else if (inet_pton(AF_INET6, address, &place.ip6.sin6_addr) == 1) {
		place.ip6.sin6_family = AF_INET6;
		place.ip6.sin6_port = htons((uint16_t)port);
		place.len = sizeof(place.ip6);
	} else {
		errno = EINVAL;
		die(address);
	}
	return place;
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int connect_to(const struct place *place)
{
	int fd = socket(place->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, &place->any, place->len))
		die("connect");
	no_delay(fd);
	return fd;
}

/* The server. An event carries the descriptor and, above it, what to do with it. */

enum role {
	ROLE_ECHO,
	ROLE_ANSWER_ONCE,
	ROLE_LISTEN_ECHO,
	ROLE_LISTEN_ANSWER_ONCE,
};

static void watch(int epoll, int fd, enum role role)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)role << 32 | (uint32_t)fd,
	};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

static void listen_at(int epoll, const char *address, int port, enum role role)
{
	struct place place = place_read(address, port);
	int one = 1, fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &place.any, place.len) || listen(fd, 4096))
		die(address);
	watch(epoll, fd, role);
}

static void accept_all(int epoll, int listener, enum role role)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		no_delay(fd);
		watch(epoll, fd, role);
	}
}

static void answer(int fd, enum role role)
{
	char bytes[65536];
	ssize_t len = recv(fd, bytes, sizeof(bytes), 0);

	if (len > 0)
		len = send(fd, bytes, (size_t)len, MSG_NOSIGNAL);
	if (len <= 0 || role == ROLE_ANSWER_ONCE)
		close(fd);
}

static void serve(const char *address, int port)
{
	struct epoll_event events[EVENT_MAX];
	int epoll = epoll_create1(0);

	listen_at(epoll, address, port, ROLE_LISTEN_ECHO);
	listen_at(epoll, address, port + 1, ROLE_LISTEN_ANSWER_ONCE);
	puts("listening");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENT_MAX, -1);

		for (int i = 0; i < count; i++) {
			int fd = (int)(uint32_t)events[i].data.u64;
			enum role role = (enum role)(events[i].data.u64 >> 32);

			if (role == ROLE_LISTEN_ECHO)
				accept_all(epoll, fd, ROLE_ECHO);
			else if (role == ROLE_LISTEN_ANSWER_ONCE)
				accept_all(epoll, fd, ROLE_ANSWER_ONCE);
			else
				answer(fd, role);
		}
	}
}

/* The clients. */

static struct {
	unsigned count;
	float microseconds[SAMPLE_MAX];
} samples;

static void sample(int64_t nanoseconds)
{
	if (samples.count < SAMPLE_MAX)
		samples.microseconds[samples.count++] = (float)nanoseconds / 1000;
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void print_samples(double seconds)
{
	if (!samples.count)
		die("no answer at all");
	qsort(samples.microseconds, samples.count, sizeof(float), by_size);
	printf("{\"rate\": %.1f, \"p50\": %.1f, \"p99\": %.1f}\n", samples.count / seconds,
		samples.microseconds[samples.count / 2],
		samples.microseconds[samples.count - samples.count / 100 - 1]);
}

static void exchange(int fd)
{
	char byte = 'x';

	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1)
		die("exchange");
}

static void ask(const struct place *place, double seconds)
{
	int64_t begin = now(), end = begin + (int64_t)(seconds * 1e9), before, after;
	int fd = connect_to(place);

	for (before = now(); before < end; before = after) {
		exchange(fd);
		after = now();
		sample(after - before);
	}
	close(fd);
	print_samples((double)(now() - begin) / 1e9);
}

static void connect_again(const struct place *place, double seconds)
{
	int64_t begin = now(), end = begin + (int64_t)(seconds * 1e9), before, after;
	char byte;

	for (before = now(); before < end; before = after) {
		int fd = connect_to(place);

		exchange(fd);
		/* The server closes first, so TIME_WAIT is his and we do not run out of ports. */
		if (recv(fd, &byte, 1, 0) != 0)
			die("close");
		close(fd);
		after = now();
		sample(after - before);
	}
	print_samples((double)(now() - begin) / 1e9);
}

static void open_one(int epoll, const struct place *place)
{
	struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT};
	int fd = socket(place->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, &place->any, place->len) && errno != EINPROGRESS))
		die("connect");
	event.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

static void check_open(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		errno = error;
		die("connect");
	}
}

static void open_many(const struct place *place, unsigned count)
{
	struct epoll_event events[EVENT_MAX];
	unsigned begun = 0, done = 0;
	int epoll = epoll_create1(0);
	int64_t begin = now();

	while (done < count) {
		while (begun < count && begun - done < AT_ONCE_MAX)
			open_one(epoll, place), begun++;
		int ready = epoll_wait(epoll, events, EVENT_MAX, 10000);

		if (ready <= 0)
			die("connections stay half open");
		for (int i = 0; i < ready; i++, done++)
			check_open(events[i].data.fd);
	}
	printf("{\"count\": %u, \"seconds\": %.4f}\n", count, (double)(now() - begin) / 1e9);
	fflush(stdout);
	while (getchar() != EOF)
		;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct place place;

	if (argc != (argc > 1 && !strcmp(argv[1], "serve") ? 4 : 5)) {
		fprintf(stderr, "usage: rr serve ADDRESS PORT\n"
				"       rr ask|connect ADDRESS PORT SECONDS\n"
				"       rr open ADDRESS PORT COUNT\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);

	place = place_read(argv[2], atoi(argv[3]));
	if (!strcmp(argv[1], "serve"))
		serve(argv[2], atoi(argv[3]));
	else if (!strcmp(argv[1], "ask"))
		ask(&place, atof(argv[4]));
	else if (!strcmp(argv[1], "connect"))
		connect_again(&place, atof(argv[4]));
	else if (!strcmp(argv[1], "open"))
		open_many(&place, (unsigned)atoi(argv[4]));
	else
		return 2;
	return 0;
}
