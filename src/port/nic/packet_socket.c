/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define RECEIVE_QUEUE                                                                              \
	(8 << 20)	     /* bytes: a turn's worth of super-frames, as the kernel counts them */
#define SEND_QUEUE (1 << 20) /* what waits beyond that only waits longer */
#define BATCH_MIN  4
#define BATCH_BYTES                                                                                \
	(256 * 1024) /* in a batch of more, frames leave the cache before they go on               \
		      */
#define HEADER_AT (16 - VNET_HEADER_LEN) /* so that Ethernet begins 16 bytes into a cache line */
#define MACS_LEN  12			 /* a tag comes behind them */
#define PARTS_MAX (FRAME_BODY_MAX + 4)

static int set(const struct packet_socket *socket, int option, int value)
{
	return setsockopt(socket->fd, SOL_PACKET, option, &value, sizeof(value)) ? -errno : 0;
}

/* Best effort: a short queue loses more, and says so. */
static void set_queue(int fd, int forced, int asked, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, asked, &bytes, sizeof(bytes));
}

int packet_socket_open(struct packet_socket *self, struct error *error)
{
	int err;

	*self = (struct packet_socket){.batch = PACKET_BATCH_MAX};
	self->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (self->fd < 0 && errno == EPERM)
		return error_set(error, EPERM, "packets of a NIC need CAP_NET_RAW (run as root)");
	if (self->fd < 0)
		return error_set(error, errno, "packet socket: %s", strerror(errno));
	err = set(self, PACKET_VNET_HDR, 1);
	if (!err)
		err = set(self, PACKET_AUXDATA, 1);
	if (err) {
		packet_socket_close(self);
		return error_set(error, -err, "packet socket: %s", strerror(-err));
	}
	set_queue(self->fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_QUEUE);
	set_queue(self->fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_QUEUE);
	return 0;
}

void packet_socket_close(struct packet_socket *self)
{
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
}

int packet_socket_bind(struct packet_socket *self, int index)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
		.sll_protocol = index ? htons(ETH_P_ALL) : 0,
		.sll_ifindex = index};

	if (bind(self->fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	self->index = index;
	return 0;
}

int packet_socket_set_filter(struct packet_socket *self, struct sock_filter *code, unsigned count)
{
	const struct sock_fprog program = {.len = (unsigned short)count, .filter = code};

	return setsockopt(self->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
		       ? -errno
		       : 0;
}

int packet_socket_hear_host(struct packet_socket *self, bool hears)
{
	return set(self, PACKET_IGNORE_OUTGOING, !hears);
}

int packet_socket_listen(struct packet_socket *self, int type, struct mac mac, bool is_on)
{
	struct packet_mreq request = {.mr_ifindex = self->index,
		.mr_type = (unsigned short)type,
		.mr_alen = type == PACKET_MR_UNICAST ? sizeof(mac) : 0};
	int option = is_on ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP;

	memcpy(request.mr_address, &mac, request.mr_alen);
	return setsockopt(self->fd, SOL_PACKET, option, &request, sizeof(request)) ? -errno : 0;
}

/* What comes with a frame, besides its bytes. */
struct company {
	struct sockaddr_ll from;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
};

static const struct tpacket_auxdata *tag_of(struct msghdr *message)
{
	const struct tpacket_auxdata *data;
	struct cmsghdr *c = CMSG_FIRSTHDR(message);

	if (!c || c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
		return NULL;
	data = (const struct tpacket_auxdata *)CMSG_DATA(c);
	return data->tp_status & TP_STATUS_VLAN_VALID ? data : NULL;
}

/* The NIC, or the kernel, took the tag out; the MAC addresses move to make room for it again. */
static void put_tag(struct frame *frame, const struct tpacket_auxdata *tag)
{
	uint8_t *start = (uint8_t *)frame->head - ETH_VLAN_LEN;
	struct offload *offload = &frame->offload;
	uint16_t type = ETHERTYPE_VLAN;

	if (tag->tp_status & TP_STATUS_VLAN_TPID_VALID)
		type = tag->tp_vlan_tpid;
	memmove(start, frame->head, MACS_LEN);
	store_be16(start + MACS_LEN, type);
	store_be16(start + MACS_LEN + 2, tag->tp_vlan_tci);
	frame->head = start;
	frame->head_len += ETH_VLAN_LEN;
	frame->len += ETH_VLAN_LEN;
	if (offload->needs_checksum)
		offload->checksum_start += ETH_VLAN_LEN;
	if (offload->kind != SEGMENT_NONE)
		offload->header_len += ETH_VLAN_LEN;
}

static struct packet_received judge(
	uint8_t *slot, struct mmsghdr *message, const struct company *company)
{
	const struct tpacket_auxdata *tag = tag_of(&message->msg_hdr);
	uint8_t *header = slot + HEADER_AT;
	uint32_t len = message->msg_len < VNET_HEADER_LEN ? 0 : message->msg_len - VNET_HEADER_LEN;
	struct packet_received received = {
		.frame = frame_linear(header + VNET_HEADER_LEN, len),
		.is_from_host = company->from.sll_pkttype == PACKET_OUTGOING,
		.is_giant = message->msg_hdr.msg_flags & MSG_TRUNC,
	};

	received.is_malformed = !vnet_read(header, len, &received.frame.offload);
	if (tag && len >= ETH_HEADER_LEN)
		put_tag(&received.frame, tag);
	return received;
}

/* Of large frames fewer are asked for, so that a batch stays in the cache. */
static void choose_batch(
	struct packet_socket *self, const struct packet_received *received, int count)
{
	uint32_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += received[i].frame.len;
	if (bytes > BATCH_BYTES)
		self->batch = MAX(self->batch / 2, PACKET_BATCH_MIN);
	else if (count == (int)self->batch && bytes < BATCH_BYTES / 2)
		self->batch = MIN(self->batch * 2, PACKET_BATCH_MAX);
}

int packet_socket_receive(struct packet_socket *self, uint8_t *arena,
	struct packet_received received[PACKET_BATCH_MAX])
{
	struct mmsghdr messages[PACKET_BATCH_MAX];
	struct company companies[PACKET_BATCH_MAX];
	struct iovec parts[PACKET_BATCH_MAX];
	int count;

	for (unsigned i = 0; i < self->batch; i++) {
		parts[i] = (struct iovec){
			arena + i * PACKET_SLOT + HEADER_AT, PACKET_SLOT - HEADER_AT};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &companies[i].from,
			.msg_namelen = sizeof(companies[i].from),
			.msg_iov = &parts[i],
			.msg_iovlen = 1,
			.msg_control = &companies[i].control,
			.msg_controllen = sizeof(companies[i].control)};
	}
	count = recvmmsg(self->fd, messages, self->batch, MSG_DONTWAIT, NULL);
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++)
		received[i] = judge(arena + i * PACKET_SLOT, &messages[i], &companies[i]);
	choose_batch(self, received, count);
	return count;
}

unsigned packet_socket_lost(struct packet_socket *self)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	return getsockopt(self->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) ? 0
										 : stats.tp_drops;
}

/* One message: the header, the exchanged head, the rest, and zeros up to the shortest frame. */
struct message {
	uint8_t header[VNET_HEADER_LEN];
	struct iovec parts[PARTS_MAX];
};

static void compose(struct message *message, struct msghdr *ret, const struct outgoing *outgoing)
{
	static const uint8_t zeros[ETH_FRAME_MIN];
	const struct frame *frame = outgoing->frame;
	uint32_t rest = frame->len - outgoing->replaces, len = outgoing->head_len + rest;
	struct iovec *parts = message->parts;
	unsigned count = 1;

	vnet_write(message->header, &frame->offload);
	parts[0] = (struct iovec){message->header, sizeof(message->header)};
	if (outgoing->head_len)
		parts[count++] = (struct iovec){(void *)outgoing->head, outgoing->head_len};
	count += frame_slice(frame, outgoing->replaces, rest, parts + count);
	if (len < ETH_FRAME_MIN)
		parts[count++] = (struct iovec){(void *)zeros, ETH_FRAME_MIN - len};
	*ret = (struct msghdr){.msg_iov = parts, .msg_iovlen = count};
}

unsigned packet_socket_send(
	struct packet_socket *self, const struct outgoing *outgoing, unsigned count)
{
	struct message messages[PACKET_BATCH_MAX];
	struct mmsghdr headers[PACKET_BATCH_MAX];
	int sent;

	for (unsigned i = 0; i < count; i++)
		compose(&messages[i], &headers[i].msg_hdr, &outgoing[i]);
	sent = sendmmsg(self->fd, headers, count, MSG_DONTWAIT);
	return sent < 0 ? 0 : (unsigned)sent;
}
