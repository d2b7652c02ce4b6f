/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wg-bench NAME [SCALE [LOAD]]: src/wg on a TUN interface and a UDP socket, told by wg(8) through
 * /var/run/wireguard/NAME.sock what to do, until it is killed: the least that makes an interface
 * of it, to hold against other people's. Says "ready". SCALE: the protocol's clock runs so many
 * times faster. LOAD: handshakes a second above which a cookie is asked for; 0: always.
 *
 *      kernel -- NAME -- wg-bench -- UDP
 */
#include "io/driver.h"
#include "io/udp.h"
#include "wg/uapi.h"
#include "wire/ip.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_FOLDER "/var/run/wireguard"
#define PACKET_MAX    65535
#define PREFIXES_MAX  4096

struct bench {
	struct loop *loop;
	struct wg_device *device;
	struct driver driver;
	struct allowed_ips allowed;
	struct uapi uapi;
	struct udp udp;
	struct watch udp_watch, tun_watch, uapi_watch;
	uint8_t packet[PACKET_MAX], datagrams[UDP_BATCH_LEN];
};

static void die(const char *what)
{
	fprintf(stderr, "wg-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Where an IP packet ends, and the address at `which`: 0 the sender's, 1 the receiver's. */
static uint32_t packet_look(const uint8_t *packet, size_t len, unsigned which, struct ip *ret)
{
	uint32_t end = 0;

	if (len >= IP4_HEADER_LEN && packet[0] >> 4 == 4) {
		end = load_be16(packet + 2);
		*ret = ip_from_bytes4(packet + 12 + 4 * which);
	} else if (len >= IP6_HEADER_LEN && packet[0] >> 4 == 6) {
		end = IP6_HEADER_LEN + load_be16(packet + 4);
		*ret = ip_from_bytes6(packet + 8 + 16 * which);
	}
	return end <= len ? end : 0;
}

static void transmit(void *owner, const struct endpoint *to, const uint8_t *bytes, size_t len,
	size_t segment_len, bool is_whole)
{
	struct bench *bench = owner;

	udp_send(&bench->udp, to, bytes, len, segment_len, is_whole);
}

static void deliver(
	void *owner, struct wg_peer *peer, const struct iovec *packets, unsigned count, nsec)
{
	struct bench *bench = owner;

	for (unsigned i = 0; i < count; i++) {
		struct ip from;
		uint32_t len = packet_look(packets[i].iov_base, packets[i].iov_len, 0, &from);

		if (len && allowed_ips_find(&bench->allowed, from) == peer &&
			write(bench->tun_watch.fd, packets[i].iov_base, len) < 0)
			perror("wg-bench: TUN");
	}
}

static void on_event(void *, struct wg_peer *peer, enum wg_event event, nsec)
{
	static const char *const names[] = {"handshake", "roamed", "unreachable", "expired"};
	struct wg_peer_state state;
	char key[WG_KEY_TEXT_SIZE], endpoint[ENDPOINT_TEXT_SIZE];

	wg_peer_look(peer, 0, &state);
	printf("%s %s %s\n", names[event], wg_key_format(&state.public, key),
		endpoint_format(&state.endpoint, endpoint));
	fflush(stdout);
}

static nsec wall_clock(void *)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static const struct wg_ops ops = {transmit, deliver, on_event, wall_clock};

static void on_datagrams(struct watch *watch, uint32_t)
{
	struct bench *bench = CONTAINER_OF(watch, struct bench, udp_watch);

	for (unsigned i = 0; i < 16; i++) {
		struct wg_arrival arrival = {.bytes = bench->datagrams};
		ssize_t len = udp_read(&bench->udp, bench->datagrams, sizeof(bench->datagrams),
			&arrival.from, &arrival.segment_len);

		if (len < 0)
			return;
		arrival.len = (size_t)len;
		wg_device_receive(bench->device, &arrival, 1, loop_now(bench->loop));
	}
}

static void on_packets(struct watch *watch, uint32_t)
{
	struct bench *bench = CONTAINER_OF(watch, struct bench, tun_watch);

	for (unsigned i = 0; i < WG_PACKETS_MAX; i++) {
		ssize_t len = read(watch->fd, bench->packet, sizeof(bench->packet));
		const struct iovec part = {bench->packet, len > 0 ? (size_t)len : 0};
		const struct wg_packet packet = {&part, 1, (uint32_t)part.iov_len};
		struct wg_peer *peer;
		struct ip to;

		if (len <= 0)
			return;
		if (!packet_look(bench->packet, part.iov_len, 1, &to))
			continue;
		peer = allowed_ips_find(&bench->allowed, to);
		if (peer)
			wg_peer_send(peer, &packet, 1, loop_now(bench->loop));
	}
}

/* One request: wg(8) sends it whole. */
static void on_client(struct watch *watch, uint32_t)
{
	struct bench *bench = CONTAINER_OF(watch, struct bench, uapi_watch);
	static char request[UAPI_REQUEST_MAX];
	int fd = accept(watch->fd, NULL, NULL);
	size_t len = 0;
	ssize_t part;
	char *reply = NULL;

	while (fd >= 0 && len < sizeof(request) &&
		(part = read(fd, request + len, sizeof(request) - len)) > 0) {
		len += (size_t)part;
		if (uapi_is_whole(request, len))
			break;
	}
	if (fd >= 0 && uapi_is_whole(request, len))
		reply = uapi_answer(&bench->uapi, request, len, loop_now(bench->loop), &len);
	if (reply && write(fd, reply, len) < 0)
		perror("wg-bench: uapi");
	free(reply);
	close(fd);
}

static int set_port(void *owner, uint16_t port)
{
	struct bench *bench = owner;
	const struct endpoint at = {.port = port};
	struct error error = {0};
	int err;

	loop_unwatch(&bench->udp_watch);
	udp_close(&bench->udp);
	err = udp_open(&bench->udp, &at, &error);
	if (!err)
		err = loop_watch(bench->loop, &bench->udp_watch, bench->udp.fd, EPOLLIN);
	bench->uapi.port = udp_port(&bench->udp);
	return err;
}

static int set_mark(void *, uint32_t mark)
{
	return mark ? -EOPNOTSUPP : 0;
}

static int add_peer(void *owner, const struct wg_key *public, struct wg_peer **ret)
{
	struct bench *bench = owner;

	*ret = wg_peer_new(bench->device, public, NULL);
	return *ret ? 0 : -errno;
}

static int remove_peer(void *, struct wg_peer *peer)
{
	wg_peer_free(peer);
	return 0;
}

static int open_tun(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		die(name);
	return fd;
}

static int open_uapi(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	mkdir(SOCKET_FOLDER, 0700);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", SOCKET_FOLDER, name);
	unlink(address.sun_path);
	umask(077);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 8) < 0)
		die(address.sun_path);
	return fd;
}

static struct wg_timing scaled(unsigned scale)
{
	struct wg_timing timing = WG_TIMING;

	timing.rekey_after /= scale;
	timing.reject_after /= scale;
	timing.rekey_timeout /= scale;
	timing.rekey_jitter /= scale;
	timing.rekey_attempts /= scale;
	timing.keepalive /= scale;
	return timing;
}

static void watch(struct bench *bench, struct watch *watch, int fd,
	void (*on_ready)(struct watch *watch, uint32_t events))
{
	watch->on_ready = on_ready;
	if (fd >= 0 && loop_watch(bench->loop, watch, fd, EPOLLIN) < 0)
		die("epoll");
}

int main(int argc, char **argv)
{
	static struct bench bench = {.udp.fd = -1, .udp_watch.fd = -1};
	struct wg_settings settings = {.ops = &ops, .owner = &bench, .load = WG_LOAD_STANDARD};

	if (argc < 2)
		return 2;
	settings.timing = scaled(argc > 2 ? (unsigned)atoi(argv[2]) : 1);
	settings.load = argc > 3 ? (unsigned)atoi(argv[3]) : WG_LOAD_STANDARD;
	bench.loop = loop_new();
	bench.device = wg_device_new(&settings);
	if (!bench.loop || !bench.device)
		die("loop");
	allowed_ips_init(&bench.allowed, PREFIXES_MAX);
	bench.uapi = (struct uapi){.device = bench.device,
		.allowed = &bench.allowed,
		.owner = &bench,
		.set_port = set_port,
		.set_mark = set_mark,
		.add_peer = add_peer,
		.remove_peer = remove_peer};
	driver_start(&bench.driver, bench.loop, wg_device_machine(bench.device));
	watch(&bench, &bench.udp_watch, -1, on_datagrams);
	watch(&bench, &bench.tun_watch, open_tun(argv[1]), on_packets);
	watch(&bench, &bench.uapi_watch, open_uapi(argv[1]), on_client);
	if (set_port(&bench, 0) < 0)
		die("UDP");
	puts("ready");
	fflush(stdout);
	return loop_run(bench.loop) ? 1 : 0;
}
