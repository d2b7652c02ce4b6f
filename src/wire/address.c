/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool mac_parse(const char *text, struct mac *ret_mac)
{
	struct mac mac;

	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_mac = mac;
	return true;
}

char *mac_format(struct mac mac, char text[MAC_TEXT_SIZE])
{
	const uint8_t *b = mac.bytes;

	snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		b[5]);
	return text;
}

bool ip_is_loopback(struct ip ip)
{
	static const struct ip one = {{[15] = 1}};

	return ip_is_v4(ip) ? ip.bytes[12] == 127 : ip_equal(ip, one);
}

bool ip_is_multicast(struct ip ip)
{
	return ip_is_v4(ip) ? (ip.bytes[12] & 0xf0) == 0xe0 : ip.bytes[0] == 0xff;
}

struct mac group_mac(struct ip group)
{
	struct mac mac = {{0x33, 0x33}};

	if (!ip_is_v4(group)) {
		memcpy(mac.bytes + 2, group.bytes + 12, 4);
		return mac;
	}
	if (!ip_is_multicast(group))
		return MAC_BROADCAST;
	return (struct mac){
		{0x01, 0x00, 0x5e, group.bytes[13] & 0x7f, group.bytes[14], group.bytes[15]}};
}

bool ip_is_broadcast(struct ip ip)
{
	return ip_is_v4(ip) && ip_to_v4(ip).be == 0xffffffff;
}

bool ip_is_link_local(struct ip ip)
{
	if (ip_is_v4(ip))
		return ip.bytes[12] == 169 && ip.bytes[13] == 254;
	return ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80;
}

bool ip_parse(const char *text, struct ip *ret)
{
	struct ip ip;
	struct ip4 v4;

	if (inet_pton(AF_INET, text, &v4.be) == 1)
		*ret = ip_from_v4(v4);
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		*ret = ip;
	else
		return false;
	return true;
}

char *ip_format(struct ip ip, char text[IP_TEXT_SIZE])
{
	bool is_v4 = ip_is_v4(ip);

	if (!inet_ntop(is_v4 ? AF_INET : AF_INET6, ip.bytes + (is_v4 ? 12 : 0), text, IP_TEXT_SIZE))
		text[0] = '\0';
	return text;
}

bool prefix_parse(const char *text, struct ip_prefix *ret)
{
	char address[IP_TEXT_SIZE], *end;
	const char *slash = strchr(text, '/');
	struct ip_prefix prefix;
	unsigned long len;

	if (!slash || (size_t)(slash - text) >= sizeof(address) || slash[1] < '0' || slash[1] > '9')
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (!ip_parse(address, &prefix.address))
		return false;
	len = strtoul(slash + 1, &end, 10);
	if (*end || len > (ip_is_v4(prefix.address) ? 32 : 128))
		return false;
	prefix.len = (unsigned)len;
	*ret = prefix;
	return true;
}

char *prefix_format(const struct ip_prefix *prefix, char text[PREFIX_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE];

	snprintf(text, PREFIX_TEXT_SIZE, "%s/%u", ip_format(prefix->address, address), prefix->len);
	return text;
}

/* In bits of the 128 that struct ip has. */
static unsigned prefix_bits(const struct ip_prefix *prefix)
{
	return prefix->len + (ip_is_v4(prefix->address) ? 96 : 0);
}

bool prefix_contains(const struct ip_prefix *prefix, struct ip ip)
{
	unsigned bits = prefix_bits(prefix), whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	if (ip_is_v4(ip) != ip_is_v4(prefix->address))
		return false;
	if (memcmp(ip.bytes, prefix->address.bytes, whole))
		return false;
	return whole == 16 || !((ip.bytes[whole] ^ prefix->address.bytes[whole]) & mask);
}

struct ip4 prefix_mask4(const struct ip_prefix *prefix)
{
	return ip4_from_number(prefix->len ? 0xffffffffu << (32 - prefix->len) : 0);
}

static struct ip with_host_bits(const struct ip_prefix *prefix, uint8_t fill)
{
	struct ip ip = prefix->address;
	unsigned bits = prefix_bits(prefix);

	for (unsigned i = bits / 8; i < 16; i++) {
		uint8_t mask = i == bits / 8 ? (uint8_t)(0xff00 >> bits % 8) : 0;

		ip.bytes[i] = (uint8_t)((ip.bytes[i] & mask) | (fill & ~mask));
	}
	return ip;
}

struct ip prefix_nth(const struct ip_prefix *prefix, uint32_t n)
{
	struct ip ip = with_host_bits(prefix, 0);

	for (unsigned i = 0; i < 4; i++)
		ip.bytes[15 - i] |= (uint8_t)(n >> (8 * i));
	return ip;
}

struct ip prefix_last(const struct ip_prefix *prefix)
{
	return with_host_bits(prefix, 0xff);
}

bool endpoint_parse(const char *text, struct endpoint *ret)
{
	char address[IP_TEXT_SIZE], *end;
	const char *colon = strrchr(text, ':');
	bool has_brackets = text[0] == '[';
	size_t len;
	struct endpoint endpoint;
	unsigned long port;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	if (has_brackets && (colon == text || colon[-1] != ']'))
		return false;
	len = (size_t)(colon - text) - (has_brackets ? 2 : 0);
	if (len >= sizeof(address))
		return false;
	memcpy(address, text + has_brackets, len);
	address[len] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535 || !ip_parse(address, &endpoint.ip))
		return false;
	if (ip_is_v4(endpoint.ip) == has_brackets)
		return false;
	endpoint.port = (uint16_t)port;
	*ret = endpoint;
	return true;
}

char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE])
{
	char address[IP_TEXT_SIZE];

	ip_format(endpoint->ip, address);
	snprintf(text, ENDPOINT_TEXT_SIZE, ip_is_v4(endpoint->ip) ? "%s:%u" : "[%s]:%u", address,
		endpoint->port);
	return text;
}
