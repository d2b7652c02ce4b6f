/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP and ICMP echo sockets of the host. */
#include "nat/socket.h"

#include "base/bytes.h"
#include "base/random.h"
#include "wire/checksum.h"
#include "wire/icmp.h"

#include <errno.h>
#include <netinet/in.h> /* before those of linux/, or it is not whole */
#include <netinet/icmp6.h>
#include <netinet/udp.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1 << 20) /* bytes in the kernel: a burst while frames are served */
#define IP_HEADER_MAX  60

static void set_option(int fd, int level, int option, int value)
{
	/* Each of these makes things better; none is needed. */
	(void)!setsockopt(fd, level, option, &value, sizeof(value));
}

static void set_options4(int fd)
{
	set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
	set_option(fd, IPPROTO_IP, IP_RECVTTL, 1);
	set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
	set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

static void set_options6(int fd)
{
	set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	set_option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

static int family_of(int fd)
{
	int family = 0;
	socklen_t len = sizeof(family);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0 ? -errno : family;
}

/* fd is ours, also on failure. */
static int start(struct outside *outside, struct outside_socket *out, int fd, uint32_t events)
{
	struct loop *loop = CONTAINER_OF(outside, struct socket_outside, outside)->loop;
	int err;

	if (family_of(fd) == AF_INET)
		set_options4(fd);
	else
		set_options6(fd);
	set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	out->may_not_fragment = false;
	err = loop_watch(loop, &out->watch, fd, events);
	if (err < 0) {
		out->watch.fd = -1;
		close(fd);
	}
	return err;
}

static int open_family(struct ip like, int type, int protocol)
{
	int family = ip_is_v4(like) ? AF_INET : AF_INET6;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return fd;
}

static int bind_port(int fd, struct ip like, uint16_t port)
{
	struct endpoint any = {.port = port};
	struct sockaddr_storage address;
	socklen_t len;

	if (ip_is_v4(like))
		any.ip = ip_from_v4((struct ip4){0});
	len = socket_address(&any, &address);
	return bind(fd, (struct sockaddr *)&address, len) < 0 ? -errno : 0;
}

int socket_open_udp(
	struct outside *outside, struct outside_socket *out, struct ip like, uint16_t port)
{
	int fd = open_family(like, SOCK_DGRAM, IPPROTO_UDP);

	if (fd < 0)
		return fd;
	if (bind_port(fd, like, port) < 0 && bind_port(fd, like, 0) < 0) {
		close(fd);
		return -EADDRINUSE;
	}
	set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
	return start(outside, out, fd, EPOLLIN | EPOLLET);
}

int socket_adopt_udp(struct outside *outside, struct outside_socket *out, int fd)
{
	set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
	return start(outside, out, fd, EPOLLIN);
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return 0;
	return socket_endpoint(&address).port;
}

static int open_ping_socket(
	struct outside *outside, struct outside_socket *out, struct ip like, uint16_t id)
{
	int fd = open_family(like, SOCK_DGRAM, ip_is_v4(like) ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (fd < 0)
		return fd;
	if (bind_port(fd, like, id) < 0 && bind_port(fd, like, 0) < 0) {
		close(fd);
		return -EADDRINUSE;
	}
	out->echo_id = bound_port(fd);
	out->is_raw = false;
	return start(outside, out, fd, EPOLLIN | EPOLLET);
}

/* A raw socket hears everybody's replies: the kernel is told which are ours. */
static void hear_replies4(int fd, uint16_t id)
{
	struct icmp_filter types = {~(1u << ICMP_ECHO_REPLY)};
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* behind the IP header */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	(void)!setsockopt(fd, SOL_RAW, ICMP_FILTER, &types, sizeof(types));
	(void)!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void hear_replies6(int fd, uint16_t id)
{
	struct icmp6_filter types;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	ICMP6_FILTER_SETBLOCKALL(&types);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &types);
	(void)!setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &types, sizeof(types));
	(void)!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open_raw(struct outside *outside, struct outside_socket *out, struct ip like)
{
	int fd = open_family(like, SOCK_RAW, ip_is_v4(like) ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (fd < 0)
		return fd == -EPERM ? -EACCES : fd;
	/* The kernel does not keep two raw sockets apart: chance does. */
	out->echo_id = (uint16_t)random_u32();
	out->is_raw = true;
	if (ip_is_v4(like))
		hear_replies4(fd, out->echo_id);
	else
		hear_replies6(fd, out->echo_id);
	return start(outside, out, fd, EPOLLIN | EPOLLET);
}

int socket_open_ping(
	struct outside *outside, struct outside_socket *out, struct ip like, uint16_t id)
{
	int err = open_ping_socket(outside, out, like, id);

	if (err != -EACCES && err != -EPERM && err != -EPROTONOSUPPORT)
		return err;
	return open_raw(outside, out, like);
}

/* Control messages, one behind the other. */
struct control {
	_Alignas(struct cmsghdr) char bytes[256];
	size_t len;
};

static void control_add(struct control *control, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(control->bytes + control->len);

	memset(c, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	control->len += CMSG_SPACE(len);
}

static void add_number(struct control *control, int level, int type, int value)
{
	if (value)
		control_add(control, level, type, &value, sizeof(value));
}

static void add_source(struct control *control, struct ip local)
{
	struct in6_pktinfo info6 = {0};
	struct in_pktinfo info4 = {0};

	if (ip_is_none(local))
		return;
	if (ip_is_v4(local)) {
		info4.ipi_spec_dst.s_addr = ip_to_v4(local).be;
		control_add(control, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	} else {
		memcpy(&info6.ipi6_addr, local.bytes, 16);
		control_add(control, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	}
}

static void fill_control(struct control *control, const struct outside_datagram *datagram)
{
	bool is_v4 = ip_is_v4(datagram->peer.ip);
	int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;

	add_number(control, level, is_v4 ? IP_TTL : IPV6_HOPLIMIT, datagram->ttl);
	add_number(control, level, is_v4 ? IP_TOS : IPV6_TCLASS, datagram->tos);
	add_source(control, datagram->local);
	if (datagram->segment_size)
		control_add(control, IPPROTO_UDP, UDP_SEGMENT, &datagram->segment_size,
			sizeof(datagram->segment_size));
}

static void tell_fragmentation(struct outside_socket *out, const struct outside_datagram *datagram)
{
	bool may_not = datagram->may_not_fragment;
	int fd = out->watch.fd;

	if (out->may_not_fragment == may_not)
		return;
	out->may_not_fragment = may_not;
	if (ip_is_v4(datagram->peer.ip))
		set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER,
			may_not ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
	else
		set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
			may_not ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT);
}

static ssize_t send_parts(struct outside_socket *out, const struct outside_datagram *datagram,
	const struct iovec *parts, unsigned count)
{
	struct sockaddr_storage address;
	struct control control = {.len = 0};
	struct msghdr message = {.msg_name = &address,
		.msg_namelen = socket_address(&datagram->peer, &address),
		.msg_iov = (struct iovec *)(uintptr_t)parts,
		.msg_iovlen = count};
	ssize_t sent;

	fill_control(&control, datagram);
	message.msg_control = control.len ? control.bytes : NULL;
	message.msg_controllen = control.len;
	sent = sendmsg(out->watch.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent < 0 ? -errno : sent;
}

/* The parts that hold the bytes from offset to offset + len. */
static unsigned cut_out(
	const struct iovec *parts, unsigned count, size_t offset, size_t len, struct iovec *ret)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count && len; i++) {
		size_t here = parts[i].iov_len;

		if (offset >= here) {
			offset -= here;
			continue;
		}
		here = MIN(here - offset, len);
		ret[n++] = (struct iovec){(uint8_t *)parts[i].iov_base + offset, here};
		len -= here;
		offset = 0;
	}
	return n;
}

#define PARTS_MAX 32 /* more than a frame has */

/* What the kernel or the device cannot cut, we cut. */
static ssize_t send_each(struct outside_socket *out, const struct outside_datagram *datagram,
	const struct iovec *parts, unsigned count)
{
	struct outside_datagram one = *datagram;
	struct iovec cut[PARTS_MAX];
	size_t total = 0;

	one.segment_size = 0;
	for (unsigned i = 0; i < count; i++)
		total += parts[i].iov_len;
	for (size_t at = 0; at < total; at += datagram->segment_size) {
		unsigned n = cut_out(
			parts, count, at, MIN(datagram->segment_size, total - at), cut);
		ssize_t sent = send_parts(out, &one, cut, n);

		if (sent < 0)
			return sent;
	}
	return (ssize_t)total;
}

/* A raw socket's header is ours to write. */
static ssize_t send_raw(struct outside_socket *out, const struct outside_datagram *datagram,
	const struct iovec *parts, unsigned count)
{
	struct iovec whole[PARTS_MAX + 1];
	uint8_t header[ICMP_HEADER_LEN];
	uint16_t checksum;
	size_t len = 0;

	if (count > PARTS_MAX || !count || parts[0].iov_len < sizeof(header))
		return -EINVAL;
	memcpy(header, parts[0].iov_base, sizeof(header));
	memcpy(whole + 1, parts, count * sizeof(*parts));
	whole[0] = (struct iovec){header, sizeof(header)};
	whole[1].iov_base = (uint8_t *)whole[1].iov_base + sizeof(header);
	whole[1].iov_len -= sizeof(header);
	for (unsigned i = 0; i <= count; i++)
		len += whole[i].iov_len;
	memset(header + 2, 0, 2);
	store_be16(header + 4, out->echo_id);
	checksum = checksum_fold(checksum_add_iov(0, whole, count + 1, 0, len));
	memcpy(header + 2, &checksum, sizeof(checksum)); /* of ICMPv6 the kernel does its own */
	return send_parts(out, datagram, whole, count + 1);
}

ssize_t socket_send_datagram(struct outside_socket *out, const struct outside_datagram *datagram,
	const struct iovec *parts, unsigned count)
{
	ssize_t sent;

	tell_fragmentation(out, datagram);
	if (out->is_raw)
		return send_raw(out, datagram, parts, count);
	sent = send_parts(out, datagram, parts, count);
	if (datagram->segment_size && (sent == -EIO || sent == -EINVAL || sent == -EMSGSIZE))
		return send_each(out, datagram, parts, count);
	return sent;
}

static int read_number(const struct cmsghdr *c)
{
	int value;

	if (c->cmsg_len < CMSG_LEN(sizeof(value)))
		return *CMSG_DATA(c); /* IP_TOS is one byte */
	memcpy(&value, CMSG_DATA(c), sizeof(value));
	return value;
}

static void read_control4(const struct cmsghdr *c, struct outside_datagram *ret)
{
	struct in_pktinfo info;

	if (c->cmsg_type == IP_TTL)
		ret->ttl = (uint8_t)read_number(c);
	if (c->cmsg_type == IP_TOS)
		ret->tos = (uint8_t)read_number(c);
	if (c->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		ret->local = ip_from_bytes4(&info.ipi_spec_dst);
	}
}

static void read_control6(const struct cmsghdr *c, struct outside_datagram *ret)
{
	struct in6_pktinfo info;

	if (c->cmsg_type == IPV6_HOPLIMIT)
		ret->ttl = (uint8_t)read_number(c);
	if (c->cmsg_type == IPV6_TCLASS)
		ret->tos = (uint8_t)read_number(c);
	if (c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		ret->local = ip_from_bytes6(&info.ipi6_addr);
	}
}

static ssize_t receive_parts(struct outside_socket *out, struct outside_datagram *ret,
	struct iovec *parts, unsigned count)
{
	struct sockaddr_storage peer = {0};
	struct control control;
	struct msghdr message = {.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = parts,
		.msg_iovlen = count,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t len = recvmsg(out->watch.fd, &message, MSG_DONTWAIT);

	if (len < 0)
		return -errno;
	*ret = (struct outside_datagram){.peer = socket_endpoint(&peer)};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == IPPROTO_IP)
			read_control4(c, ret);
		else if (c->cmsg_level == IPPROTO_IPV6)
			read_control6(c, ret);
		else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
			ret->segment_size = (uint16_t)read_number(c);
	}
	return len;
}

/* IPv4 comes with its header, and with checksums nobody has looked at. */
static ssize_t receive_raw4(
	struct outside_socket *out, struct outside_datagram *ret, uint8_t *buffer, size_t size)
{
	uint8_t header[IP_HEADER_MAX];
	size_t header_len = 20, options_len;
	struct iovec parts[] = {{header, header_len}, {buffer, size}};
	ssize_t got;

	do {
		got = receive_parts(out, ret, parts, ARRAY_SIZE(parts));
		if (got < 0)
			return got;
		options_len = (header[0] & 15u) * 4 - header_len;
	} while ((size_t)got < header_len + options_len);
	got -= (ssize_t)(header_len + options_len);
	memmove(buffer, buffer + options_len, (size_t)got);
	return checksum_fold(checksum_add(0, buffer, (size_t)got)) ? -EBADMSG : got;
}

ssize_t socket_receive_datagram(
	struct outside_socket *out, struct outside_datagram *ret, void *buffer, size_t size)
{
	struct iovec part = {buffer, size};

	if (out->is_raw && family_of(out->watch.fd) == AF_INET)
		return receive_raw4(out, ret, buffer, size);
	return receive_parts(out, ret, &part, 1);
}
