/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link-flood ADDRESS PORT KEY RATE SECONDS good|bad FIRST: handshake initiations of a stranger for
 * the relay with that key, RATE a second, from SOURCES addresses from FIRST on that are not ours.
 * good: who knows the relay's key, so that the first MAC is right. Says how many it sent.
 */
#include "base/bytes.h"
#include "base/random.h"
#include "wg/cookie.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define SOURCES	 10000
#define MESSAGES 512 /* that differ; each has its turn from many addresses */
#define BATCH	 64
#define TICK	 NSEC_PER_MSEC

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	struct message_initiation message;
} __attribute__((packed));

struct flood {
	int fd;
	struct sockaddr_in to;
	uint32_t first; /* host order */
	struct message_initiation messages[MESSAGES];
	struct packet packets[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr headers[BATCH];
	uint64_t sent, refused;
};

static struct flood flood;

static void die(const char *what)
{
	fprintf(stderr, "link-flood: %s\n", what);
	exit(1);
}

static nsec now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * NSEC_PER_SEC + at.tv_nsec;
}

static void make_messages(const struct wg_key *relay, bool is_good)
{
	EVP_MAC_CTX *scratch = mac_new();
	struct cookie_jar jar;

	cookie_jar_init(&jar, relay);
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct message_initiation *message = &flood.messages[i];

		random_bytes(message, sizeof(*message));
		message->type_le = htole32(MESSAGE_INITIATION);
		cookie_write_macs(&jar, scratch, &WG_TIMING, message, sizeof(*message), 0);
		if (!is_good)
			message->macs.mac1[0] ^= 1;
	}
	EVP_MAC_CTX_free(scratch);
}

static void make_packets(void)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct packet *packet = &flood.packets[i];

		packet->ip = (struct iphdr){.version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof(*packet)),
			.daddr = flood.to.sin_addr.s_addr};
		packet->udp = (struct udphdr){.dest = flood.to.sin_port,
			.len = htons(sizeof(*packet) - sizeof(packet->ip))}; /* not summed */
		flood.parts[i] = (struct iovec){packet, sizeof(*packet)};
		flood.headers[i].msg_hdr = (struct msghdr){.msg_name = &flood.to,
			.msg_namelen = sizeof(flood.to),
			.msg_iov = &flood.parts[i],
			.msg_iovlen = 1};
	}
}

static void send_some(unsigned count)
{
	int sent;

	for (unsigned i = 0; i < count; i++) {
		uint64_t number = flood.sent + i;
		struct packet *packet = &flood.packets[i];

		packet->ip.saddr = htonl(flood.first + (uint32_t)(number % SOURCES));
		packet->udp.source = htons((uint16_t)(1024 + number % 60000));
		packet->message = flood.messages[number % MESSAGES];
	}
	sent = sendmmsg(flood.fd, flood.headers, count, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
		die("sendmmsg");
	flood.sent += sent > 0 ? (unsigned)sent : 0;
	flood.refused += count - (sent > 0 ? (unsigned)sent : 0);
}

/* What is late is sent at once, but no more than ten ticks' worth. */
static void run(double rate, double seconds)
{
	const nsec begun_at = now(), end = begun_at + (nsec)(seconds * NSEC_PER_SEC);
	uint64_t offered = 0;

	for (nsec at = begun_at; at < end; at = now()) {
		uint64_t due = (uint64_t)(rate * (double)(at - begun_at) / NSEC_PER_SEC);
		uint64_t most = (uint64_t)(rate * 10 * TICK / NSEC_PER_SEC) + 1;
		struct timespec next = {.tv_nsec = TICK};

		offered = MAX(offered, due > most ? due - most : 0);
		while (offered < due) {
			unsigned count = (unsigned)MIN(due - offered, (uint64_t)BATCH);

			send_some(count);
			offered += count;
		}
		clock_nanosleep(CLOCK_MONOTONIC, 0, &next, NULL);
	}
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct rusage used;
	struct wg_key relay;
	struct in_addr first;
	double seconds;

	if (argc != 8 || !inet_pton(AF_INET, argv[1], &flood.to.sin_addr) ||
		!wg_key_parse(argv[3], &relay) || !inet_pton(AF_INET, argv[7], &first))
		die("ADDRESS PORT KEY RATE SECONDS good|bad FIRST");
	flood.to.sin_family = AF_INET;
	flood.to.sin_port = htons((uint16_t)atoi(argv[2]));
	flood.first = ntohl(first.s_addr);
	flood.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (flood.fd < 0)
		die("a raw socket needs root");
	make_messages(&relay, !strcmp(argv[6], "good"));
	make_packets();
	seconds = strtod(argv[5], NULL);
	run(strtod(argv[4], NULL), seconds);
	getrusage(RUSAGE_SELF, &used);
	printf("sent %llu refused %llu, %.2f of a core\n", (unsigned long long)flood.sent,
		(unsigned long long)flood.refused,
		(seconds_of(used.ru_utime) + seconds_of(used.ru_stime)) / seconds);
	return 0;
}
