/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/dhcp_socket.h"

#include "wire/eth.h"
#include "wire/packet.h"
#include "wire/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX (ETH_HEADER_LEN + IP4_HEADER_LEN + UDP_HEADER_LEN + DHCP_MESSAGE_MAX)

/* IPv4, UDP, not a later fragment, to the client's port: the rest is not even copied to us. */
static int accept_dhcp_only(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP4, 0, 8),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IP_PROTOCOL_UDP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

/* Takes the descriptor, or closes it. */
static int take(struct dhcp_socket *to, int fd, int err, struct dhcp_socket made)
{
	if (err) {
		close(fd);
		return err;
	}
	made.fd = fd;
	*to = made;
	return 0;
}

int dhcp_socket_open_raw(struct dhcp_socket *ret, int interface, struct mac mac)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_IP4),
		.sll_ifindex = interface};
	/* Protocol 0: nothing comes in before the filter is there. */
	int err, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	err = accept_dhcp_only(fd);
	if (!err && bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err = -errno;
	return take(ret, fd, err,
		(struct dhcp_socket){.interface = interface, .mac = mac, .is_raw = true});
}

int dhcp_socket_open_datagram(struct dhcp_socket *ret, int interface, const char *interface_name)
{
	/* No address: a NAK comes as a broadcast, which a socket with an address does not get. */
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
	int err = 0, on = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface_name,
			(socklen_t)strlen(interface_name)) ||
		bind(fd, (struct sockaddr *)&from, sizeof(from)))
		err = -errno;
	return take(ret, fd, err, (struct dhcp_socket){.interface = interface});
}

void dhcp_socket_close(struct dhcp_socket *closed)
{
	if (closed->fd >= 0)
		close(closed->fd);
	closed->fd = -1;
}

static void send_frame(const struct dhcp_socket *through, const uint8_t *message, uint32_t len)
{
	struct endpoint from = {ip_from_v4((struct ip4){0}), DHCP_CLIENT_PORT};
	struct endpoint to = {ip_from_v4((struct ip4){UINT32_MAX}), DHCP_SERVER_PORT};
	struct ip_fields ip = {.from = from.ip,
		.to = to.ip,
		.protocol = IP_PROTOCOL_UDP,
		.ttl = 64,
		.payload_len = UDP_HEADER_LEN + len};
	uint8_t frame[FRAME_MAX];
	struct writer w = writer_on(frame, sizeof(frame));
	ssize_t sent;

	write_eth(&w, MAC_BROADCAST, through->mac, ETHERTYPE_IP4);
	write_ip(&w, &ip);
	write_udp(&w, &from, &to, message, len);
	write_bytes(&w, message, len);
	sent = send(through->fd, frame, writer_len(&w), 0);
	(void)sent;
}

static void send_datagram(
	const struct dhcp_socket *through, struct ip4 to, const uint8_t *message, size_t len)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(DHCP_SERVER_PORT),
		.sin_addr.s_addr = to.be};
	ssize_t sent = sendto(
		through->fd, message, len, 0, (struct sockaddr *)&address, sizeof(address));

	(void)sent;
}

void dhcp_socket_send(
	const struct dhcp_socket *through, struct ip4 to, const struct dhcp_message *message)
{
	uint8_t bytes[DHCP_MESSAGE_MAX];
	size_t len = dhcp_write(message, bytes, DHCP_DATAGRAM_MIN);

	if (through->is_raw)
		send_frame(through, bytes, (uint32_t)len);
	else
		send_datagram(through, to, bytes, len);
}

static bool read_frame(const uint8_t *frame, uint32_t len, struct dhcp_message *ret)
{
	struct packet packet;

	return packet_parse(frame, len, len, &packet) == PACKET_OK && packet.version == 4 &&
	       packet.protocol == IP_PROTOCOL_UDP && packet.to_port == DHCP_CLIENT_PORT &&
	       dhcp_parse(frame + packet.payload, packet.end - packet.payload, ret);
}

bool dhcp_socket_receive(const struct dhcp_socket *through, struct dhcp_message *ret)
{
	uint8_t bytes[FRAME_MAX];
	ssize_t len;

	while ((len = recv(through->fd, bytes, sizeof(bytes), 0)) >= 0)
		if (through->is_raw ? read_frame(bytes, (uint32_t)len, ret)
				    : dhcp_parse(bytes, (size_t)len, ret))
			return true;
	return false;
}
