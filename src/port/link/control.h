/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two ends of a link tell each other besides frames: a packet each, sealed like all
 * others.
 *
 *   0     4         8        16              32
 *   | 2   | version | type   | length        | then so many bytes of: tag, length, value
 *
 * Tags that are not known are skipped, and so are packets of another version or type: what is new
 * is announced by CONTROL_HELLO before it is said.
 */
#pragma once

#include "base/attr.h"
#include "wg/key.h"
#include "wire/address.h"

#include <stddef.h>

#define CONTROL_VERSION	  1
#define CONTROL_MAX	  512 /* bytes of a packet */
#define CONTROL_NAME_SIZE 32
#define CONTROL_TEXT_SIZE 200

enum control_type {
	CONTROL_HELLO = 1, /* capabilities, subnet; is_answer: to another's */
	CONTROL_ENROL,	   /* key: of whoever wants to be a member; capabilities; in a session of
			    * the invite's */
	CONTROL_ACCEPTED,  /* name, role, mtu, segment, preshared */
	CONTROL_REFUSED,   /* text: why; by the relay, in place of an answer to anything else */
	CONTROL_PING,	   /* stamp */
	CONTROL_PONG,	   /* the same stamp */
	CONTROL_NOTICE,	   /* text: what is wrong on our side as seen from the other */
	CONTROL_WAITS,	   /* name, text: CONTROL_ACCEPTED is a person's to say */
	CONTROL_PROBE,	   /* stamp; zeros follow: of the size that is tried */
	CONTROL_PROBED,	   /* the same stamp: it came */
};

enum control_capability {
	CAN_FRAMES = 1, /* nibble 1 */
	CAN_ETHERIP = 2,
	CAN_UNSUMMED = 4, /* LINK_UNSUMMED */
	CAN_PROBED = 8,	  /* answers CONTROL_PROBE */
	CAN_PRESHARE = 16,
};

/* What a member may do. */
enum link_role {
	ROLE_HOST,   /* it is one station, with one MAC address */
	ROLE_BRIDGE, /* a LAN is behind it */
	ROLE_ROUTER,
	ROLE_RELAY, /* one of several that are all linked with each other */
	ROLE_COUNT,
};

const char *link_role_name(enum link_role role);
bool link_role_parse(const char *text, enum link_role *ret) MUST_USE;

/* What is not said is zero or empty. */
struct control {
	enum control_type type;
	uint32_t capabilities; /* enum control_capability */
	bool is_answer;
	uint64_t stamp;
	struct wg_key key;
	struct wg_key preshared; /* secret, of the member and its relay */
	enum link_role role;
	uint32_t mtu;
	struct ip_prefix subnet;	 /* IPv4 */
	char name[CONTROL_NAME_SIZE];	 /* printable ASCII, as are the next two */
	char segment[CONTROL_NAME_SIZE]; /* the relay's hub */
	char text[CONTROL_TEXT_SIZE];
};

/* Returns its length. */
size_t control_write(const struct control *control, uint8_t out[CONTROL_MAX]);
/* packet: with its first byte. False: not to be understood. */
bool control_read(const uint8_t *packet, size_t len, struct control *ret) MUST_USE;
