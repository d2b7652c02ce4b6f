/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DHCP message (RFC 2131, RFC 2132) as a value: bytes to struct and back, for a server and for a
 * client. Zero, or an empty text, says that a field or option is not there.
 */
#pragma once

#include "base/bytes.h"
#include "wire/address.h"

#define DHCP_SERVER_PORT   67
#define DHCP_CLIENT_PORT   68
#define DHCP_HEADER_LEN	   240	/* with the cookie; options follow */
#define DHCP_MESSAGE_MIN   300	/* RFC 951: what old clients and relays expect at least */
#define DHCP_MESSAGE_MAX   2048 /* what is longer is not parsed */
#define DHCP_DATAGRAM_MIN  576	/* IP bytes every client takes (RFC 2131 2) */
#define DHCP_HEADERS_LEN   28	/* IP and UDP in front of a message */
#define DHCP_CLIENT_ID_MAX 135	/* RFC 4361 6.1: type, IAID and the longest DUID (RFC 8415 11.1) */
#define DHCP_NAME_SIZE	   64
#define DHCP_DOMAIN_SIZE   256
#define DHCP_SEARCH_SIZE   1024
#define DHCP_FILE_SIZE	   128 /* the file field, ended by a NUL */
#define DHCP_BOOT_SIZE	   256
#define DHCP_ADDRESSES_MAX 4
#define DHCP_ROUTES_MAX	   16

enum dhcp_op {
	BOOT_REQUEST = 1,
	BOOT_REPLY = 2,
};

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
};

enum dhcp_option {
	DHCP_OPTION_PAD = 0,
	DHCP_OPTION_MASK = 1,
	DHCP_OPTION_ROUTERS = 3,
	DHCP_OPTION_DNS = 6,
	DHCP_OPTION_NAME = 12,
	DHCP_OPTION_DOMAIN = 15,
	DHCP_OPTION_MTU = 26,
	DHCP_OPTION_BROADCAST = 28,
	DHCP_OPTION_REQUESTED = 50,
	DHCP_OPTION_LEASE = 51,
	DHCP_OPTION_OVERLOAD = 52,
	DHCP_OPTION_TYPE = 53,
	DHCP_OPTION_SERVER = 54,
	DHCP_OPTION_WANTED = 55,
	DHCP_OPTION_TEXT = 56,
	DHCP_OPTION_MAX_SIZE = 57,
	DHCP_OPTION_RENEW = 58,
	DHCP_OPTION_REBIND = 59,
	DHCP_OPTION_CLIENT_ID = 61,
	DHCP_OPTION_BOOT_SERVER = 66,
	DHCP_OPTION_BOOT_FILE = 67,
	DHCP_OPTION_SEARCH = 119,
	DHCP_OPTION_ROUTES = 121,
	DHCP_OPTION_END = 255,
};

/* What a client calls itself (RFC 2132 9.14); len 0: nothing. */
struct dhcp_client_id {
	uint8_t len;
	uint8_t bytes[DHCP_CLIENT_ID_MAX];
};

/* to/len via `via` (RFC 3442); host bits of `to` are zero. via 0.0.0.0: on the link. */
struct dhcp_route {
	struct ip4 to, via;
	uint8_t len;
};

/* Times are in seconds. Texts hold letters, digits, '-', '_' and '.' only (explanation and
 * what a boot is from: printable ASCII), whoever sent them: what would not is not there. */
struct dhcp_message {
	uint8_t op; /* enum dhcp_op */
	bool wants_broadcast;
	uint32_t xid;
	uint16_t seconds;
	struct ip4 client; /* ciaddr: the client has it and answers ARP for it */
	struct ip4 yours;  /* yiaddr */
	struct ip4 next;   /* siaddr: who has the file */
	struct ip4 relay;  /* giaddr */
	struct mac mac;	   /* chaddr */
	char file[DHCP_FILE_SIZE];

	uint8_t type; /* enum dhcp_type, or one we do not know; 0: plain BOOTP */
	struct ip4 mask, broadcast, requested, server;
	struct ip4 routers[DHCP_ADDRESSES_MAX], dns[DHCP_ADDRESSES_MAX];
	uint8_t router_count, dns_count, route_count;
	uint8_t wanted_count;
	uint32_t lease_time, renew_time, rebind_time;
	uint16_t mtu;
	uint16_t max_size; /* of the IP datagram, in bytes */
	struct dhcp_client_id client_id;
	struct dhcp_route routes[DHCP_ROUTES_MAX];
	uint8_t wanted[255]; /* option codes the client asks for */
	char name[DHCP_NAME_SIZE], domain[DHCP_DOMAIN_SIZE];
	char search[DHCP_SEARCH_SIZE]; /* names with a space between them */
	char boot_server[DHCP_BOOT_SIZE], boot_file[DHCP_BOOT_SIZE];
	char explanation[128];
};

/*
 * False for what is no DHCP or BOOTP message of an Ethernet client: short, no cookie, a group
 * address for hardware address, options that reach past the end or are too short for what they
 * say. Options we do not know are passed over; more addresses or routes than fit are left out.
 */
bool dhcp_parse(const void *bytes, size_t len, struct dhcp_message *ret) MUST_USE;

/*
 * Writes header and all options that are set; size: at most DHCP_MESSAGE_MAX, at least
 * DHCP_MESSAGE_MIN. What does not fit goes into the sname field, and the file field if that is
 * free (RFC 2132 9.3), and what does not fit there is left out, the least needed first. Returns the
 * length.
 */
size_t dhcp_write(const struct dhcp_message *message, uint8_t *out, size_t size);

/* Takes the options out of reply that the request asks not for; a request without a list keeps
 * all. The mask, times and identifiers stay (RFC 2131 4.3.1). */
void dhcp_keep_wanted(struct dhcp_message *reply, const struct dhcp_message *request);
