/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/socket.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

/* What the kernel may hold unsent: more waits in our ring, where it closes the guest's window. */
#define UNSENT_MAX (1024 * 1024)

static nsec outside_now(const struct outside *outside)
{
	return loop_now(CONTAINER_OF(outside, const struct socket_outside, outside)->loop);
}

static void set_option(int fd, int level, int option, int value)
{
	/* Each of these makes things better; none is needed. */
	(void)!setsockopt(fd, level, option, &value, sizeof(value));
}

static int watch_tcp(struct outside *outside, struct outside_socket *socket, int fd)
{
	struct loop *loop = CONTAINER_OF(outside, struct socket_outside, outside)->loop;
	int err;

	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
	set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1); /* urgent bytes are bytes: RFC 6093 */
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	err = loop_watch(loop, &socket->watch, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	if (err < 0) {
		socket->watch.fd = -1;
		close(fd);
	}
	return err;
}

static int outside_connect(
	struct outside *outside, struct outside_socket *out, const struct endpoint *to)
{
	struct sockaddr_storage address;
	socklen_t len = socket_address(to, &address);
	bool is_v4 = ip_is_v4(to->ip);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Until it is established, an ICMP error tells why a connect fails; later it must not end
	 * anything (RFC 5927 5). */
	set_option(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_RECVERR : IPV6_RECVERR, 1);
	if (connect(fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS) {
		int err = -errno;

		close(fd);
		return err;
	}
	return watch_tcp(outside, out, fd);
}

static int outside_adopt(struct outside *outside, struct outside_socket *out, int fd)
{
	return watch_tcp(outside, out, fd);
}

static int outside_listen(struct outside *outside, struct watch *watch, int fd)
{
	struct loop *loop = CONTAINER_OF(outside, struct socket_outside, outside)->loop;
	int err = loop_watch(loop, watch, fd, EPOLLIN);

	if (err < 0)
		close(fd);
	return err;
}

static void read_extended_error(
	const struct sock_extended_err *extended, struct outside_failure *ret)
{
	const struct sockaddr_storage *offender = (const void *)SO_EE_OFFENDER(extended);

	ret->code = (int)extended->ee_errno;
	ret->mtu = extended->ee_errno == EMSGSIZE ? extended->ee_info : 0;
	if (extended->ee_origin != SO_EE_ORIGIN_ICMP && extended->ee_origin != SO_EE_ORIGIN_ICMP6)
		return;
	ret->has_icmp = true;
	ret->type = extended->ee_type;
	ret->code_icmp = extended->ee_code;
	if (offender->ss_family == AF_INET || offender->ss_family == AF_INET6)
		ret->offender = socket_endpoint(offender).ip;
}

bool socket_receive_error(struct outside_socket *out, struct outside_failure *ret,
	struct endpoint *ret_peer, void *quoted, size_t size, size_t *ret_len)
{
	struct sockaddr_storage peer = {0};
	struct iovec part = {quoted, size};
	_Alignas(struct cmsghdr) char control[512];
	struct msghdr message = {.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(out->watch.fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (len < 0)
		return false;
	*ret = (struct outside_failure){0};
	*ret_peer = socket_endpoint(&peer);
	*ret_len = (size_t)len;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			read_extended_error((const void *)CMSG_DATA(c), ret);
	}
	return true;
}

static int outside_connect_result(struct outside_socket *out, struct outside_failure *ret)
{
	int fd = out->watch.fd, code = 0;
	socklen_t len = sizeof(code);
	struct endpoint peer;
	struct tcp_info info;
	size_t quoted_len;
	char quoted[64];

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		code = errno;
	if (code) {
		while (socket_receive_error(out, ret, &peer, quoted, sizeof(quoted), &quoted_len))
			;
		ret->code = code;
		return -code;
	}
	len = sizeof(info);
	if (!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) &&
		(info.tcpi_state == TCP_SYN_SENT || info.tcpi_state == TCP_SYN_RECV))
		return -EINPROGRESS;
	set_option(fd, IPPROTO_IP, IP_RECVERR, 0);
	set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 0);
	return 0;
}

static ssize_t outside_receive(
	struct outside_socket *out, const struct iovec *parts, unsigned count)
{
	ssize_t got = readv(out->watch.fd, parts, (int)count);

	return got < 0 ? -errno : got;
}

static ssize_t outside_send(struct outside_socket *out, const struct iovec *parts, unsigned count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count};
	ssize_t sent = sendmsg(out->watch.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

	return sent < 0 ? -errno : sent;
}

static void outside_finish(struct outside_socket *out)
{
	shutdown(out->watch.fd, SHUT_WR);
}

static void outside_close(struct outside_socket *out, bool abort)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int fd = out->watch.fd;

	if (fd < 0)
		return;
	loop_unwatch(&out->watch);
	out->watch.fd = -1;
	if (abort)
		(void)!setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static const struct outside_ops ops = {
	.now = outside_now,
	.connect = outside_connect,
	.adopt = outside_adopt,
	.listen = outside_listen,
	.connect_result = outside_connect_result,
	.receive = outside_receive,
	.send = outside_send,
	.finish = outside_finish,
	.close = outside_close,
	.open_udp = socket_open_udp,
	.adopt_udp = socket_adopt_udp,
	.open_ping = socket_open_ping,
	.send_datagram = socket_send_datagram,
	.receive_datagram = socket_receive_datagram,
	.receive_error = socket_receive_error,
};

struct outside *outside_new(struct loop *loop)
{
	struct socket_outside *outside = calloc(1, sizeof(*outside));

	if (!outside)
		return NULL;
	*outside = (struct socket_outside){.outside.ops = &ops, .loop = loop};
	return &outside->outside;
}

void outside_free(struct outside *outside)
{
	if (outside)
		free(CONTAINER_OF(outside, struct socket_outside, outside));
}
