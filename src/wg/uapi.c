/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/uapi.h"

#include "wg/device_state.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUE_SIZE 128
/* Bytes of a reply, at most: for the interface, for a peer, for a prefix. */
#define REPLY_INTERFACE 256
#define REPLY_PEER	640
#define REPLY_PREFIX	(PREFIX_TEXT_SIZE + 16)

struct reply {
	char *text;
	size_t len, size;
};

static void print(struct reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);

/* Its room was reckoned before, so that no secret is left behind in a piece that was outgrown. */
static void print(struct reply *reply, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(reply->text + reply->len, reply->size - reply->len, format, args);
	va_end(args);
	reply->len = MIN(reply->len + (size_t)len, reply->size - 1);
}

/* Without a table or a branch, which would take longer for some keys than for others. */
static char digit(unsigned value)
{
	return (char)('0' + value + ((9 - value) >> 8 & ('a' - '0' - 10)));
}

static void print_key(struct reply *reply, const char *name, const struct wg_key *key)
{
	char text[2 * WG_KEY_LEN];

	for (unsigned i = 0; i < WG_KEY_LEN; i++) {
		text[2 * i] = digit(key->bytes[i] >> 4);
		text[2 * i + 1] = digit(key->bytes[i] & 15);
	}
	print(reply, "%s=%.*s\n", name, (int)sizeof(text), text);
	OPENSSL_cleanse(text, sizeof(text));
}

static void each_prefix(const struct uapi *uapi, const struct wg_peer *peer,
	void (*call)(void *argument, const struct ip_prefix *prefix), void *argument)
{
	if (uapi->allowed)
		allowed_ips_each(uapi->allowed, peer, call, argument);
	else
		uapi->each_prefix(uapi->owner, peer, call, argument);
}

static void print_prefix(void *argument, const struct ip_prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	print(argument, "allowed_ip=%s\n", prefix_format(prefix, text));
}

static void print_handshake(
	struct reply *reply, const struct uapi *uapi, nsec handshake_at, nsec now)
{
	nsec at = 0;

	if (handshake_at != -NSEC_NEVER)
		at = uapi->device->ops->wall_clock(uapi->device->owner) - (now - handshake_at);
	print(reply, "last_handshake_time_sec=%lld\nlast_handshake_time_nsec=%lld\n",
		(long long)(at / NSEC_PER_SEC), (long long)(at % NSEC_PER_SEC));
}

static void print_peer(
	struct reply *reply, const struct uapi *uapi, const struct wg_peer *peer, nsec now)
{
	char endpoint[ENDPOINT_TEXT_SIZE];
	struct wg_peer_state state;

	wg_peer_look(peer, now, &state);
	print_key(reply, "public_key", &state.public);
	print_key(reply, "preshared_key", &state.preshared);
	print(reply, "protocol_version=1\n");
	if (!ip_is_none(state.endpoint.ip))
		print(reply, "endpoint=%s\n", endpoint_format(&state.endpoint, endpoint));
	print_handshake(reply, uapi, state.handshake_at, now);
	print(reply, "tx_bytes=%llu\nrx_bytes=%llu\npersistent_keepalive_interval=%lld\n",
		(unsigned long long)state.sent_bytes, (unsigned long long)state.received_bytes,
		(long long)(state.keepalive / NSEC_PER_SEC));
	each_prefix(uapi, peer, print_prefix, reply);
	wg_key_wipe(&state.preshared);
}

static bool is_shown(const struct uapi *uapi, const struct wg_peer *peer)
{
	return !uapi->is_shown || uapi->is_shown(uapi->owner, peer);
}

static void print_device(struct reply *reply, const struct uapi *uapi, nsec now)
{
	const struct wg_peer *peer = NULL;
	struct wg_key private;

	if (wg_device_private(uapi->device, &private))
		print_key(reply, "private_key", &private);
	wg_key_wipe(&private);
	if (uapi->port)
		print(reply, "listen_port=%u\n", uapi->port);
	if (uapi->mark)
		print(reply, "fwmark=%u\n", uapi->mark);
	while ((peer = wg_peer_after(uapi->device, peer))) {
		if (is_shown(uapi, peer))
			print_peer(reply, uapi, peer, now);
	}
}

/* A request that sets, on its way through its lines. */
struct setting {
	struct uapi *uapi;
	nsec now;
	struct wg_key public; /* of the peer that lines are about */
	struct wg_peer *peer; /* NULL: none, or one that is not to be */
	bool has_public, is_update_only;
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool parse_key(const char *text, struct wg_key *ret)
{
	if (strlen(text) != 2 * WG_KEY_LEN)
		return false;
	for (unsigned i = 0; i < WG_KEY_LEN; i++) {
		int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end && !errno && *ret <= max;
}

static int remove_peer(struct uapi *uapi, struct wg_peer *peer)
{
	if (uapi->allowed)
		allowed_ips_remove_all(uapi->allowed, peer);
	return uapi->remove_peer(uapi->owner, peer);
}

/* Ourselves among the peers is no mistake: people give all machines the same file. */
static bool is_self(const struct uapi *uapi, const struct wg_key *public)
{
	const struct wg_key *self = wg_device_public(uapi->device);

	return self && wg_key_equal(self, public);
}

static int remove_self(struct setting *setting)
{
	struct wg_device *device = setting->uapi->device;
	const struct wg_key *self = wg_device_public(device);
	struct wg_peer *peer = self ? wg_peer_find(device, self) : NULL;

	if (peer == setting->peer)
		setting->peer = NULL;
	return peer ? remove_peer(setting->uapi, peer) : 0;
}

static int set_private_key(struct setting *setting, const char *value)
{
	struct wg_key private;

	if (!parse_key(value, &private))
		return -EINVAL;
	wg_device_set_key(setting->uapi->device, wg_key_is_zero(&private) ? NULL : &private);
	wg_key_wipe(&private);
	return remove_self(setting);
}

static int set_port(struct setting *setting, const char *value)
{
	unsigned long port;

	if (!parse_number(value, UINT16_MAX, &port))
		return -EINVAL;
	return setting->uapi->set_port(setting->uapi->owner, (uint16_t)port);
}

static int set_mark(struct setting *setting, const char *value)
{
	unsigned long mark;

	if (!parse_number(value, UINT32_MAX, &mark))
		return -EINVAL;
	return setting->uapi->set_mark(setting->uapi->owner, (uint32_t)mark);
}

static int replace_peers(struct setting *setting, const char *)
{
	struct wg_peer *peer;
	int err = 0;

	setting->peer = NULL;
	while (!err && (peer = wg_peer_after(setting->uapi->device, NULL)))
		err = remove_peer(setting->uapi, peer);
	return err;
}

/* The lines that follow are about this one, who is made when the first of them needs him. */
static int set_public_key(struct setting *setting, const char *value)
{
	if (!parse_key(value, &setting->public))
		return -EINVAL;
	setting->has_public = true;
	setting->is_update_only = false;
	setting->peer = wg_peer_find(setting->uapi->device, &setting->public);
	if (setting->peer && !is_shown(setting->uapi, setting->peer))
		setting->peer = NULL;
	return 0;
}

static int set_update_only(struct setting *setting, const char *)
{
	setting->is_update_only = true;
	return 0;
}

static int need_peer(struct setting *setting)
{
	if (setting->peer || setting->is_update_only || !setting->has_public ||
		is_self(setting->uapi, &setting->public))
		return 0;
	if (setting->uapi->is_ruled)
		return -EPERM;
	return setting->uapi->add_peer(setting->uapi->owner, &setting->public, &setting->peer);
}

static int set_remove(struct setting *setting, const char *)
{
	struct wg_peer *peer = setting->peer;

	setting->peer = NULL;
	setting->is_update_only = true;
	return peer ? remove_peer(setting->uapi, peer) : 0;
}

static int set_preshared_key(struct setting *setting, const char *value)
{
	struct wg_key preshared;

	if (!parse_key(value, &preshared))
		return -EINVAL;
	wg_peer_set_preshared(setting->peer, &preshared);
	wg_key_wipe(&preshared);
	return 0;
}

static int set_endpoint(struct setting *setting, const char *value)
{
	struct endpoint endpoint;

	if (!endpoint_parse(value, &endpoint) || !endpoint.port)
		return -EINVAL;
	wg_peer_set_endpoint(setting->peer, &endpoint);
	return 0;
}

static int set_keepalive(struct setting *setting, const char *value)
{
	unsigned long seconds;

	if (!parse_number(value, UINT16_MAX, &seconds))
		return -EINVAL;
	wg_peer_set_keepalive(setting->peer, (nsec)seconds * NSEC_PER_SEC, setting->now);
	return 0;
}

static int replace_allowed_ips(struct setting *setting, const char *)
{
	allowed_ips_remove_all(setting->uapi->allowed, setting->peer);
	return 0;
}

static int set_allowed_ip(struct setting *setting, const char *value)
{
	struct ip_prefix prefix;

	if (!prefix_parse(value, &prefix))
		return -EINVAL;
	return allowed_ips_add(setting->uapi->allowed, &prefix, setting->peer);
}

static int set_version(struct setting *, const char *value)
{
	return strcmp(value, "1") ? -EPROTO : 0;
}

static const struct uapi_key {
	const char *name;
	int (*set)(struct setting *setting, const char *value);
	bool needs_peer, is_flag;
	bool is_free; /* where somebody else rules */
} keys[] = {
	{"private_key", set_private_key, false, false, false},
	{"listen_port", set_port, false, false, false},
	{"fwmark", set_mark, false, false, false},
	{"replace_peers", replace_peers, false, true, false},
	{"public_key", set_public_key, false, false, true},
	{"update_only", set_update_only, false, true, true},
	{"remove", set_remove, false, true, true},
	{"preshared_key", set_preshared_key, true, false, false},
	{"endpoint", set_endpoint, true, false, true},
	{"persistent_keepalive_interval", set_keepalive, true, false, true},
	{"replace_allowed_ips", replace_allowed_ips, true, true, false},
	{"allowed_ip", set_allowed_ip, true, false, false},
	{"protocol_version", set_version, true, false, true},
};

static const struct uapi_key *key_named(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].name) == len && !memcmp(keys[i].name, name, len))
			return &keys[i];
	}
	return NULL;
}

static int set_value(struct setting *setting, const struct uapi_key *key, const char *value)
{
	int err;

	if (key->is_flag && strcmp(value, "true"))
		return -EINVAL;
	if (setting->uapi->is_ruled && !key->is_free)
		return -EPERM;
	if (!key->needs_peer)
		return key->set(setting, value);
	if (!setting->has_public)
		return -EINVAL;
	err = need_peer(setting);
	if (err < 0 || !setting->peer)
		return err;
	return key->set(setting, value);
}

static int set_line(struct setting *setting, const char *line, size_t len)
{
	const char *equals = memchr(line, '=', len);
	const struct uapi_key *key = equals ? key_named(line, (size_t)(equals - line)) : NULL;
	size_t value_len = equals ? len - (size_t)(equals + 1 - line) : 0;
	char value[VALUE_SIZE];
	int err;

	if (!key || value_len >= sizeof(value) || memchr(equals + 1, '\0', value_len))
		return -EINVAL;
	memcpy(value, equals + 1, value_len);
	value[value_len] = '\0';
	err = set_value(setting, key, value);
	OPENSSL_cleanse(value, sizeof(value));
	return err;
}

static bool begins_with(const char *request, size_t len, const char *start)
{
	return len >= strlen(start) && !memcmp(request, start, strlen(start));
}

/* Whether the lines about a peer end here: one that nothing was said about is made all the same. */
static bool is_end_of_peer(const char *at, const char *end)
{
	return at == end || *at == '\n' || begins_with(at, (size_t)(end - at), "public_key=");
}

/* Line after line until an empty one, or one that is wrong. */
static int set(struct uapi *uapi, const char *at, const char *end, nsec now)
{
	struct setting setting = {.uapi = uapi, .now = now};
	int err = 0;

	while (!err && at < end && *at != '\n') {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		if (!line_end)
			return -EINVAL;
		err = set_line(&setting, at, (size_t)(line_end - at));
		at = line_end + 1;
		if (!err && is_end_of_peer(at, end))
			err = need_peer(&setting);
	}
	return err;
}

static void count_prefix(void *argument, const struct ip_prefix *)
{
	++*(size_t *)argument;
}

static size_t reply_size(const struct uapi *uapi)
{
	const struct wg_peer *peer = NULL;
	size_t prefixes = uapi->allowed ? uapi->allowed->count : 0, size = REPLY_INTERFACE;

	while ((peer = wg_peer_after(uapi->device, peer))) {
		size += REPLY_PEER;
		if (!uapi->allowed && is_shown(uapi, peer))
			uapi->each_prefix(uapi->owner, peer, count_prefix, &prefixes);
	}
	return size + prefixes * REPLY_PREFIX;
}

bool uapi_is_whole(const char *request, size_t len)
{
	return len >= 2 && !memcmp(request + len - 2, "\n\n", 2);
}

char *uapi_answer(struct uapi *uapi, const char *request, size_t len, nsec now, size_t *ret_len)
{
	static const char set_start[] = "set=1\n", get_start[] = "get=1\n";
	struct reply reply = {.size = reply_size(uapi)};
	int err = 0;

	reply.text = malloc(reply.size);
	if (!reply.text)
		return NULL;
	if (begins_with(request, len, get_start))
		print_device(&reply, uapi, now);
	else if (begins_with(request, len, set_start))
		err = set(uapi, request + strlen(set_start), request + len, now);
	else
		err = -EPROTO;
	/* Negative, as wg(8) reads it, and wireguard-go says it. */
	print(&reply, "errno=%d\n\n", err);
	*ret_len = reply.len;
	return reply.text;
}
