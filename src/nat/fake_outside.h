/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: an outside without descriptors. What guests send is kept, what is to come is queued.
 */
#pragma once

#include "nat/internal.h"

#define FAKE_SOCKETS_MAX 64
#define FAKE_DATAGRAMS	 16

struct fake_datagram {
	struct outside_datagram about;
	uint8_t *bytes;
	size_t len;
};

struct fake_error {
	struct outside_failure failure;
	struct endpoint peer;
	uint8_t quoted[64];
	size_t len;
};

enum fake_kind {
	FAKE_CLOSED,
	FAKE_UDP,
	FAKE_PING,
	FAKE_FORWARD,
};

struct fake_socket {
	struct outside_socket *socket;
	enum fake_kind kind;
	bool is_v4;
	uint16_t asked_port; /* or identifier */
	struct fake_datagram sent[FAKE_DATAGRAMS], coming[FAKE_DATAGRAMS];
	unsigned sent_count, coming_count;
	struct fake_error errors[FAKE_DATAGRAMS];
	unsigned error_count;
	int send_fails; /* errno of the next send, once; 0: it succeeds */
};

struct fake_outside {
	struct outside outside;
	nsec now;
	struct fake_socket sockets[FAKE_SOCKETS_MAX]; /* by descriptor - 1000; never used again */
	unsigned count;
	int open_fails;		   /* errno of every open; 0: they succeed */
	unsigned open_fails_times; /* so often only; 0: always */
};

void fake_outside_init(struct fake_outside *fake);
void fake_outside_done(struct fake_outside *fake);
/* The socket opened n-th. */
struct fake_socket *fake_socket(struct fake_outside *fake, unsigned n);
unsigned fake_open_count(const struct fake_outside *fake);
/* A datagram arrives from outside, and the socket's owner is told. */
void fake_arrives(struct fake_socket *socket, const struct outside_datagram *about,
	const void *bytes, size_t len);
void fake_fails(struct fake_socket *socket, const struct fake_error *error);
