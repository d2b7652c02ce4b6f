/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the gateway needs from the world beyond it: sockets and a clock. socket.c is the real one;
 * tests and fuzzers bring their own, so that everything else in nat/ runs without descriptors.
 */
#pragma once

#include "io/loop.h"
#include "wire/address.h"

#include <sys/types.h>
#include <sys/uio.h>

/* A socket and who is told about it. watch.on_ready gets EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP,
 * EPOLLERR, edge-triggered: what was readable stays so until a call says -EAGAIN. */
struct outside_socket {
	struct watch watch;    /* watch.fd is -1 while there is no socket */
	uint16_t echo_id;      /* of an echo socket: the identifier it speaks under */
	bool is_raw;	       /* the rest is the outside's own */
	bool may_not_fragment; /* what the socket was last told */
};

/* Why a connect failed, as far as the kernel can tell. */
struct outside_failure {
	int code;		 /* errno, positive */
	bool has_icmp;		 /* an ICMP error said so: */
	uint8_t type, code_icmp; /* in the numbers of the destination's family */
	struct ip offender;	 /* who sent it; none when unknown */
	uint32_t mtu;		 /* of a too-big, else 0 */
};

/* One datagram, or with segment_size several of that size (UDP_SEGMENT, UDP_GRO). */
struct outside_datagram {
	struct endpoint peer; /* to whom, or from whom */
	struct ip local; /* received: the address it came to; to send: from this one, or none */
	uint16_t segment_size; /* 0: one datagram */
	uint8_t ttl, tos;      /* to send: 0 leaves the socket's; received: 0 is unknown */
	bool may_not_fragment; /* to send: IPv4 DF was set by the guest */
};

struct outside;

struct outside_ops {
	nsec (*now)(const struct outside *outside);

	/* Starts a TCP connection; on_ready says when it is decided. -errno: it failed at once. */
	int (*connect)(
		struct outside *outside, struct outside_socket *socket, const struct endpoint *to);
	/* Takes an accepted TCP connection. */
	int (*adopt)(struct outside *outside, struct outside_socket *socket, int fd);
	/* Watches a listening TCP socket, level-triggered; watch->on_ready accepts. */
	int (*listen)(struct outside *outside, struct watch *watch, int fd);
	/* 0: connected. Negative: it failed, and *ret tells why. -EINPROGRESS: not yet. */
	int (*connect_result)(struct outside_socket *socket, struct outside_failure *ret);
	/* Bytes moved; -EAGAIN; 0 from receive: the peer finished; else -errno. */
	ssize_t (*receive)(
		struct outside_socket *socket, const struct iovec *parts, unsigned count);
	ssize_t (*send)(struct outside_socket *socket, const struct iovec *parts, unsigned count);
	void (*finish)(struct outside_socket *socket); /* no more from us: FIN */
	/* Ends any kind of socket; abort: TCP says RST instead of FIN. */
	void (*close)(struct outside_socket *socket, bool abort);

	/* An unconnected UDP socket of the family of `like`, on `port` when that is free, else any.
	 */
	int (*open_udp)(struct outside *outside, struct outside_socket *socket, struct ip like,
		uint16_t port);
	/* Takes a UDP socket that is bound, level-triggered; what it receives tells `local`. */
	int (*adopt_udp)(struct outside *outside, struct outside_socket *socket, int fd);
	/* An ICMP echo socket (ping socket, else raw) of the family of `like`, under the identifier
	 * `id` when that is free. It takes and gives whole messages, beginning with their type;
	 * identifier and checksum are filled in, and replies to other identifiers are not seen.
	 * -EACCES: neither kind is allowed. */
	int (*open_ping)(struct outside *outside, struct outside_socket *socket, struct ip like,
		uint16_t id);
	ssize_t (*send_datagram)(struct outside_socket *socket,
		const struct outside_datagram *datagram, const struct iovec *parts, unsigned count);
	/* len of the bytes put in buffer, or -EAGAIN, or -errno. */
	ssize_t (*receive_datagram)(struct outside_socket *socket, struct outside_datagram *ret,
		void *buffer, size_t size);
	/* The next entry of the error queue (IP_RECVERR): *ret tells what happened, to whom a
	 * datagram was sent, and its first bytes (at most size). False: the queue is empty. */
	bool (*receive_error)(struct outside_socket *socket, struct outside_failure *ret,
		struct endpoint *ret_peer, void *quoted, size_t size, size_t *ret_len);
};

struct outside {
	const struct outside_ops *ops;
};
