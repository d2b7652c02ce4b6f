/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/ is formats: pure functions on bytes, no state, no I/O. Multi-byte fields named _be are in
 * network order; everything else is in host order.
 *
 * address.h: MAC and IP addresses as values, and their text.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct mac {
	uint8_t bytes[6];
};

struct ip4 {
	uint32_t be;
};

/* An IPv4 or IPv6 address; IPv4 is held as ::ffff:a.b.c.d (RFC 4291 2.5.5.2). All zero: none. */
struct ip {
	uint8_t bytes[16];
};

/* An address and how many of its leading bits name the network (IPv4: 0 to 32). */
struct ip_prefix {
	struct ip address;
	unsigned len;
};

/* An address with a port, in host order. */
struct endpoint {
	struct ip ip;
	uint16_t port;
};

#define MAC_TEXT_SIZE	   18
#define IP_TEXT_SIZE	   46
#define PREFIX_TEXT_SIZE   50
#define ENDPOINT_TEXT_SIZE 56

static const struct mac MAC_BROADCAST = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static inline bool mac_equal(struct mac a, struct mac b)
{
	return !memcmp(&a, &b, sizeof(a));
}

/* Multicast or broadcast: the group bit, IEEE 802 8.2. */
static inline bool mac_is_group(struct mac m)
{
	return m.bytes[0] & 1;
}

static inline bool mac_is_zero(struct mac m)
{
	return !(m.bytes[0] | m.bytes[1] | m.bytes[2] | m.bytes[3] | m.bytes[4] | m.bytes[5]);
}

/* "02:00:00:00:00:01"; anything else is false and leaves *ret_mac alone. */
bool mac_parse(const char *text, struct mac *ret_mac) MUST_USE;
char *mac_format(struct mac mac, char text[MAC_TEXT_SIZE]);

static inline bool ip_equal(struct ip a, struct ip b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static inline bool ip_is_none(struct ip ip)
{
	static const struct ip none;

	return ip_equal(ip, none);
}

static inline bool ip_is_v4(struct ip ip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(ip.bytes, mapped, sizeof(mapped));
}

static inline struct ip ip_from_v4(struct ip4 v4)
{
	struct ip ip = {{[10] = 0xff, [11] = 0xff}};

	memcpy(ip.bytes + 12, &v4.be, 4);
	return ip;
}

static inline struct ip ip_from_bytes4(const void *bytes)
{
	struct ip ip = {{[10] = 0xff, [11] = 0xff}};

	memcpy(ip.bytes + 12, bytes, 4);
	return ip;
}

static inline struct ip ip_from_bytes6(const void *bytes)
{
	struct ip ip;

	memcpy(ip.bytes, bytes, 16);
	return ip;
}

/* Only of an address that ip_is_v4(). */
static inline struct ip4 ip_to_v4(struct ip ip)
{
	struct ip4 v4;

	memcpy(&v4.be, ip.bytes + 12, 4);
	return v4;
}

/* An IPv4 address as a number, 192.168.0.1 being 0xc0a80001: for pools and masks. */
static inline uint32_t ip4_number(struct ip4 v4)
{
	return __builtin_bswap32(v4.be);
}

static inline struct ip4 ip4_from_number(uint32_t number)
{
	return (struct ip4){__builtin_bswap32(number)};
}

bool ip_is_loopback(struct ip ip);  /* 127/8, ::1 */
bool ip_is_multicast(struct ip ip); /* 224/4, ff00::/8 */
/* Where frames to the group go: RFC 1112 6.4, RFC 2464 7. Broadcast: of an IPv4 address that is
 * none. */
struct mac group_mac(struct ip group);
bool ip_is_broadcast(struct ip ip);  /* 255.255.255.255 */
bool ip_is_link_local(struct ip ip); /* 169.254/16, fe80::/10 */

/* Either family; false leaves *ret alone. */
bool ip_parse(const char *text, struct ip *ret) MUST_USE;
char *ip_format(struct ip ip, char text[IP_TEXT_SIZE]);

/* "192.168.120.0/24", "fd00:8::/64". Host bits may be set. */
bool prefix_parse(const char *text, struct ip_prefix *ret) MUST_USE;
char *prefix_format(const struct ip_prefix *prefix, char text[PREFIX_TEXT_SIZE]);
bool prefix_contains(const struct ip_prefix *prefix, struct ip ip);
/* The prefix's IPv4 mask; the network's n-th address (n = 1: the first host); its last address. */
struct ip4 prefix_mask4(const struct ip_prefix *prefix);
struct ip prefix_nth(const struct ip_prefix *prefix, uint32_t n);
struct ip prefix_last(const struct ip_prefix *prefix);

/* "1.2.3.4:80", "[fd00::1]:80". */
bool endpoint_parse(const char *text, struct endpoint *ret) MUST_USE;
char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE]);

static inline bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && ip_equal(a->ip, b->ip);
}
