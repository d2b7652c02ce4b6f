/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/udp.h"

#include "io/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <unistd.h>

/* Two super-frames are not a burst; this is what a path of 1 Gbit/s and 50 ms has on its way. */
#define BUFFER_LEN (7 * 1024 * 1024)

/* In the family of the socket, in which IPv4 has a place too. */
static socklen_t address_for(
	const struct udp *udp, const struct endpoint *endpoint, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	if (!udp->is_ip6)
		return socket_address(endpoint, ret);
	*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};
	memcpy(&v6->sin6_addr, endpoint->ip.bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

/* As much as root may have, or what everybody may. */
static void set_buffer(int fd, int forced, int asked)
{
	const int len = BUFFER_LEN;

	if (setsockopt(fd, SOL_SOCKET, forced, &len, sizeof(len)) < 0)
		setsockopt(fd, SOL_SOCKET, asked, &len, sizeof(len));
}

static void set_whole(struct udp *udp, bool is_whole)
{
	const int discover4 = is_whole ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT;
	const int discover6 = is_whole ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT;

	udp->is_whole = is_whole;
	setsockopt(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover4, sizeof(discover4));
	if (udp->is_ip6)
		setsockopt(udp->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover6, sizeof(discover6));
}

static void set_options(struct udp *udp)
{
	const int on = 1, off = 0;

	set_whole(udp, false);
	set_buffer(udp->fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(udp->fd, SO_SNDBUFFORCE, SO_SNDBUF);
	setsockopt(udp->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)); /* Linux 5.0 */
	udp->may_cut = !setsockopt(udp->fd, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof(off));
}

static int open_family(struct udp *udp, const struct endpoint *at, bool is_ip6)
{
	const int is_ip6_only = !ip_is_none(at->ip);
	struct sockaddr_storage address;
	socklen_t len;

	udp->is_ip6 = is_ip6;
	udp->fd = socket(is_ip6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (udp->fd < 0)
		return -errno;
	if (is_ip6)
		setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_ip6_only, sizeof(is_ip6_only));
	len = address_for(udp, at, &address);
	if (!bind(udp->fd, (struct sockaddr *)&address, len)) {
		set_options(udp);
		return 0;
	}
	udp_close(udp);
	return -errno;
}

int udp_open(struct udp *udp, const struct endpoint *at, struct error *error)
{
	static const struct endpoint any4 = {.ip = {{[10] = 0xff, [11] = 0xff}}};
	struct endpoint everywhere4 = any4;
	char text[ENDPOINT_TEXT_SIZE];
	int err = open_family(udp, at, !ip_is_v4(at->ip));

	if (!err)
		return 0;
	everywhere4.port = at->port;
	if (ip_is_none(at->ip) && (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL))
		err = open_family(udp, &everywhere4, false); /* a host without IPv6 */
	if (!err)
		return 0;
	return error_set(error, -err, "UDP %s: %s", endpoint_format(at, text), strerror(-err));
}

void udp_close(struct udp *udp)
{
	int err = errno;

	if (udp->fd >= 0)
		close(udp->fd);
	udp->fd = -1;
	errno = err;
}

uint16_t udp_port(const struct udp *udp)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(udp->fd, (struct sockaddr *)&address, &len) < 0)
		return 0;
	return socket_endpoint(&address).port;
}

union segment_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

static void ask_to_cut(struct msghdr *message, union segment_control *control, size_t segment_len)
{
	const uint16_t len = (uint16_t)segment_len;

	message->msg_control = control;
	message->msg_controllen = sizeof(*control);
	control->header = (struct cmsghdr){
		.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(2)};
	memcpy(CMSG_DATA(&control->header), &len, sizeof(len));
}

static int send_once(struct udp *udp, struct msghdr *message, const uint8_t *bytes, size_t len,
	size_t segment_len)
{
	struct iovec part = {(void *)bytes, len};
	union segment_control control;

	message->msg_iov = &part;
	message->msg_iovlen = 1;
	message->msg_control = NULL;
	message->msg_controllen = 0;
	if (segment_len < len)
		ask_to_cut(message, &control, segment_len);
	return sendmsg(udp->fd, message, 0) < 0 ? -errno : 0;
}

static unsigned send_each(struct udp *udp, struct msghdr *message, const uint8_t *bytes, size_t len,
	size_t segment_len)
{
	unsigned refused = 0;
	int err = 0;

	while (len) {
		size_t part = MIN(len, segment_len);
		int now = send_once(udp, message, bytes, part, part);

		refused += now < 0;
		err = now < 0 ? now : err;
		bytes += part;
		len -= part;
	}
	errno = -err;
	return refused;
}

/* EINVAL, EMSGSIZE: a segment is longer than the path's MTU. EIO: a device on it cannot fill in
 * checksums, which cutting needs. */
static bool is_for_cutting(int err)
{
	return err == -EINVAL || err == -EMSGSIZE || err == -EIO;
}

unsigned udp_send(struct udp *udp, const struct endpoint *to, const uint8_t *bytes, size_t len,
	size_t segment_len, bool is_whole)
{
	struct sockaddr_storage address;
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = address_for(udp, to, &address)};
	int err;

	if (UNLIKELY(is_whole != udp->is_whole))
		set_whole(udp, is_whole);
	if (segment_len >= len || !udp->may_cut)
		return send_each(udp, &message, bytes, len, segment_len);
	err = send_once(udp, &message, bytes, len, segment_len);
	if (!err)
		return 0;
	if (is_for_cutting(err)) {
		udp->may_cut = err != -EIO;
		return send_each(udp, &message, bytes, len, segment_len);
	}
	errno = -err;
	return (unsigned)((len + segment_len - 1) / segment_len);
}

union joined_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static size_t joined_len(struct msghdr *message, size_t len)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int segment_len;

	if (!header || header->cmsg_level != IPPROTO_UDP || header->cmsg_type != UDP_GRO)
		return len;
	memcpy(&segment_len, CMSG_DATA(header), sizeof(segment_len));
	return (size_t)segment_len;
}

ssize_t udp_read(const struct udp *udp, uint8_t *bytes, size_t size, struct endpoint *ret_from,
	size_t *ret_segment_len)
{
	struct sockaddr_storage address;
	union joined_control control;
	struct iovec part = {bytes, size};
	struct msghdr message = {.msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(udp->fd, &message, 0);

	if (len < 0)
		return -errno;
	*ret_from = socket_endpoint(&address);
	*ret_segment_len = joined_len(&message, (size_t)len);
	return len;
}
