/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/invite.h"

#include "wg/crypto.h"
#include "wire/address.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME	   "lanyard://"
#define VERSION	   1
#define DIGEST_LEN 4

struct token {
	uint8_t version;
	struct wg_key relay, enrolment;
	uint8_t digest[DIGEST_LEN]; /* of all that is before it */
};

#define TOKEN_TEXT_LEN ((sizeof(struct token) * 8 + 5) / 6)

/* RFC 4648 5, without padding. */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void digest_token(const struct token *token, uint8_t ret[DIGEST_LEN])
{
	struct digest digest = blake2s(
		SCHEME, strlen(SCHEME), token, offsetof(struct token, digest));

	memcpy(ret, digest.bytes, DIGEST_LEN);
}

static void encode(const void *bytes, size_t len, char *out)
{
	const uint8_t *in = bytes;
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (count += 8; count >= 6; count -= 6)
			*out++ = digits[bits >> (count - 6) & 63];
	}
	if (count)
		*out++ = digits[bits << (6 - count) & 63];
	*out = '\0';
}

/* False: a character that is none of ours. */
static bool decode(const char *text, size_t len, void *out, size_t out_len)
{
	uint8_t *to = out, *const end = to + out_len;
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < len; i++) {
		const char *digit = memchr(digits, text[i], sizeof(digits) - 1);

		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		if (to == end)
			return false;
		*to++ = (uint8_t)(bits >> count);
	}
	return to == end;
}

static bool is_ip6(const char *host)
{
	return strchr(host, ':');
}

char *invite_format_place(const char *host, uint16_t port, char text[INVITE_PLACE_SIZE])
{
	snprintf(text, INVITE_PLACE_SIZE, is_ip6(host) ? "[%s]:%u" : "%s:%u", host, port);
	return text;
}

char *invite_format(const struct invite *invite, char text[INVITE_TEXT_SIZE])
{
	struct token token = {VERSION, invite->relay, invite->enrolment, {0}};
	char encoded[TOKEN_TEXT_LEN + 1], place[INVITE_PLACE_SIZE];

	digest_token(&token, token.digest);
	encode(&token, sizeof(token), encoded);
	snprintf(text, INVITE_TEXT_SIZE, SCHEME "%s/#%s",
		invite_format_place(invite->host, invite->port, place), encoded);
	explicit_bzero(&token, sizeof(token));
	explicit_bzero(encoded, sizeof(encoded));
	return text;
}

static bool is_host(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.:", text[i]))
			return false;
	return len && len < INVITE_HOST_SIZE;
}

static int refuse_place(const char *text, struct error *error)
{
	return error_set(error, EINVAL,
		"'%.60s' is no place of a relay, such as relay.example:4000 or [2001:db8::1]:4000",
		text);
}

int invite_parse_place(const char *text, uint16_t port_standard, char ret_host[INVITE_HOST_SIZE],
	uint16_t *ret_port, struct error *error)
{
	const char *host = text[0] == '[' ? text + 1 : text, *colon, *host_end;
	unsigned long port = port_standard;
	char *end = NULL;

	host_end = text[0] == '[' ? strchr(text, ']') : strchrnul(text, ':');
	if (!host_end || !is_host(host, (size_t)(host_end - host)))
		return refuse_place(text, error);
	colon = *host_end == ']' ? host_end + 1 : host_end;
	if (*colon == ':' && isdigit((unsigned char)colon[1]))
		port = strtoul(colon + 1, &end, 10);
	if ((*colon && (!end || *end)) || !port || port > UINT16_MAX)
		return refuse_place(text, error);
	snprintf(ret_host, INVITE_HOST_SIZE, "%.*s", (int)(host_end - host), host);
	*ret_port = (uint16_t)port;
	return 0;
}

static int refuse(struct error *error, const char *why)
{
	return error_set(error, EINVAL,
		"this is no invitation: %s; 'lanyard link invite' prints a whole one, "
		"lanyard://HOST:PORT/#TOKEN",
		why);
}

static int parse_token(const char *text, struct invite *ret, struct error *error)
{
	uint8_t digest[DIGEST_LEN];
	struct token token;
	int err = 0;

	if (strlen(text) != TOKEN_TEXT_LEN)
		return refuse(error, strlen(text) < TOKEN_TEXT_LEN ? "its end is missing"
								   : "something is behind its end");
	if (!decode(text, TOKEN_TEXT_LEN, &token, sizeof(token)))
		return refuse(error, "its token has a character that none has");
	digest_token(&token, digest);
	if (memcmp(digest, token.digest, sizeof(digest)) != 0)
		err = refuse(error, "a character of its token is wrong");
	else if (token.version != VERSION)
		err = refuse(error, "it is of a newer version of lanyard");
	ret->relay = token.relay;
	ret->enrolment = token.enrolment;
	explicit_bzero(&token, sizeof(token));
	return err;
}

int invite_parse(const char *text, struct invite *ret, struct error *error)
{
	char place[INVITE_HOST_SIZE + 16];
	struct invite invite;
	const char *slash;
	int err;

	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return refuse(error, "it does not begin with " SCHEME);
	text += strlen(SCHEME);
	slash = strchr(text, '/');
	if (!slash || slash[1] != '#' || (size_t)(slash - text) >= sizeof(place))
		return refuse(error, "its token is missing");
	snprintf(place, sizeof(place), "%.*s", (int)(slash - text), text);
	err = invite_parse_place(place, 0, invite.host, &invite.port, error);
	if (!err)
		err = parse_token(slash + 2, &invite, error);
	if (!err)
		*ret = invite;
	explicit_bzero(&invite, sizeof(invite));
	return err;
}
