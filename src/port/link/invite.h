/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An invitation as people hand it on: lanyard://HOST:PORT/#TOKEN. The token is the relay's public
 * key and a private key that is good for one thing: asking that relay, once, to take another key
 * as a member's. A digest tells what was garbled on the way from what never was an invitation.
 */
#pragma once

#include "base/error.h"
#include "wg/key.h"

#define INVITE_HOST_SIZE  128
#define INVITE_TEXT_SIZE  320
#define INVITE_PLACE_SIZE (INVITE_HOST_SIZE + 8) /* brackets, colon, port */

struct invite {
	char host[INVITE_HOST_SIZE]; /* a name, an IPv4 address, an IPv6 one without brackets */
	uint16_t port;
	struct wg_key relay;	 /* public */
	struct wg_key enrolment; /* secret */
};

char *invite_format(const struct invite *invite, char text[INVITE_TEXT_SIZE]);
/* -EINVAL: error says what is wrong with it, without the secret. */
int invite_parse(const char *text, struct invite *ret, struct error *error) MUST_USE;

/* "HOST:PORT" or "[ADDRESS]:PORT". */
char *invite_format_place(const char *host, uint16_t port, char text[INVITE_PLACE_SIZE]);
/* The same, or without the port, which is then port_standard. */
int invite_parse_place(const char *text, uint16_t port_standard, char ret_host[INVITE_HOST_SIZE],
	uint16_t *ret_port, struct error *error) MUST_USE;
