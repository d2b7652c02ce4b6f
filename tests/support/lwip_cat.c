/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netcat on lwIP, a TCP/IP stack as small devices have it, behind a hub's socket for virtual
 * machines:
 *
 *   lwip_cat SOCKET MAC OWN GATEWAY ADDRESS PORT
 *
 * connects, sends what it reads from standard input and then a FIN, and writes what it is sent to
 * standard output.
 */
#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <lwip/api.h>
#include <lwip/tcpip.h>
#include <netif/etharp.h>

#define FRAME_MAX 1514

static int hub = -1;
static struct netif card;
static struct netconn *connection;

static void put(const void *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = write(hub, (const char *)bytes + at, len - at);

		if (n <= 0)
			err(1, "hub");
		at += (size_t)n;
	}
}

/* QEMU's -netdev stream: four bytes of length, big-endian, before each frame. */
static err_t send_frame(struct netif *, struct pbuf *packet)
{
	uint32_t len = htonl(packet->tot_len);
	char frame[4 + FRAME_MAX];

	memcpy(frame, &len, 4);
	pbuf_copy_partial(packet, frame + 4, packet->tot_len, 0);
	put(frame, 4u + packet->tot_len);
	return ERR_OK;
}

static err_t init_card(struct netif *netif)
{
	netif->name[0] = 'l';
	netif->name[1] = 'y';
	netif->mtu = 1500;
	netif->hwaddr_len = 6;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
		       NETIF_FLAG_LINK_UP;
	netif->output = etharp_output;
	netif->linkoutput = send_frame;
	return ERR_OK;
}

static void get(void *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(hub, (char *)bytes + at, len - at);

		if (n <= 0)
			errx(1, "the hub has hung up");
		at += (size_t)n;
	}
}

static void *receive_frames(void *)
{
	char frame[FRAME_MAX];
	struct pbuf *packet;
	uint32_t len;

	for (;;) {
		get(&len, sizeof(len));
		len = ntohl(len);
		if (len > sizeof(frame))
			errx(1, "a frame of %u bytes", len);
		get(frame, len);
		packet = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);
		if (!packet)
			continue;
		pbuf_take(packet, frame, (u16_t)len);
		if (card.input(packet, &card) != ERR_OK)
			pbuf_free(packet);
	}
}

static void *send_input(void *)
{
	char bytes[16384];
	ssize_t n;

	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
		if (netconn_write(connection, bytes, (size_t)n, NETCONN_COPY) != ERR_OK)
			errx(1, "sending");
	}
	netconn_shutdown(connection, 0, 1);
	return NULL;
}

static void write_output(void)
{
	struct pbuf *packet;
	err_t status;

	while ((status = netconn_recv_tcp_pbuf(connection, &packet)) == ERR_OK) {
		for (struct pbuf *part = packet; part; part = part->next)
			if (write(STDOUT_FILENO, part->payload, part->len) != part->len)
				err(1, "output");
		pbuf_free(packet);
	}
	if (status != ERR_CLSD)
		errx(1, "receiving: %s", lwip_strerr(status));
}

static void open_hub(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	hub = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(hub, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", path);
}

static void plug(const char *mac, const char *own, const char *gateway)
{
	ip4_addr_t address, mask, router;
	unsigned bytes[6];
	pthread_t thread;

	if (sscanf(mac, "%x:%x:%x:%x:%x:%x", bytes, bytes + 1, bytes + 2, bytes + 3, bytes + 4,
		    bytes + 5) != 6)
		errx(1, "%s is no MAC address", mac);
	if (!ip4addr_aton(own, &address) || !ip4addr_aton(gateway, &router))
		errx(1, "%s, %s: IPv4 addresses are wanted", own, gateway);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	LOCK_TCPIP_CORE();
	netif_add(&card, &address, &mask, &router, NULL, init_card, tcpip_input);
	for (unsigned i = 0; i < 6; i++)
		card.hwaddr[i] = (u8_t)bytes[i];
	netif_set_default(&card);
	netif_set_up(&card);
	UNLOCK_TCPIP_CORE();
	pthread_create(&thread, NULL, receive_frames, NULL);
}

int main(int argc, char **argv)
{
	pthread_t sender;
	ip_addr_t to;
	err_t status;

	if (argc != 7)
		errx(2, "lwip_cat SOCKET MAC OWN GATEWAY ADDRESS PORT");
	tcpip_init(NULL, NULL);
	open_hub(argv[1]);
	plug(argv[2], argv[3], argv[4]);
	ipaddr_aton(argv[5], &to);
	connection = netconn_new(NETCONN_TCP);
	status = netconn_connect(connection, &to, (u16_t)atoi(argv[6]));
	if (status != ERR_OK)
		errx(1, "connecting: %s", lwip_strerr(status));
	pthread_create(&sender, NULL, send_input, NULL);
	write_output();
	pthread_join(sender, NULL);
	netconn_delete(connection);
	return 0;
}
