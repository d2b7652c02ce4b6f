/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/control.h"

#include "base/bytes.h"
#include "port/link/header.h"

#define HEADER_LEN 4

enum tag {
	TAG_CAPABILITIES = 1,
	TAG_ANSWER,
	TAG_STAMP,
	TAG_KEY,
	TAG_ROLE,
	TAG_MTU,
	TAG_SUBNET,
	TAG_NAME,
	TAG_SEGMENT,
	TAG_TEXT,
	TAG_PRESHARED,
};

static const char *const roles[ROLE_COUNT] = {"host", "bridge", "router", "relay"};

const char *link_role_name(enum link_role role)
{
	return roles[role];
}

bool link_role_parse(const char *text, enum link_role *ret)
{
	for (enum link_role role = 0; role < ROLE_COUNT; role++) {
		if (strcmp(text, roles[role]) != 0)
			continue;
		*ret = role;
		return true;
	}
	return false;
}

static void write_value(struct writer *w, enum tag tag, const void *value, size_t len)
{
	write_u8(w, (uint8_t)tag);
	write_u8(w, (uint8_t)len);
	write_bytes(w, value, len);
}

static void write_key(struct writer *w, enum tag tag, const struct wg_key *key)
{
	if (!wg_key_is_zero(key))
		write_value(w, tag, key, sizeof(*key));
}

static void write_number(struct writer *w, enum tag tag, uint32_t number)
{
	uint8_t bytes[4];

	store_be32(bytes, number);
	if (number)
		write_value(w, tag, bytes, sizeof(bytes));
}

static void write_text(struct writer *w, enum tag tag, const char *text)
{
	if (text[0])
		write_value(w, tag, text, strlen(text));
}

static void write_subnet(struct writer *w, const struct ip_prefix *subnet)
{
	uint8_t bytes[sizeof(subnet->address) + 1];

	memcpy(bytes, subnet->address.bytes, sizeof(subnet->address));
	bytes[sizeof(subnet->address)] = (uint8_t)subnet->len;
	if (subnet->len)
		write_value(w, TAG_SUBNET, bytes, sizeof(bytes));
}

size_t control_write(const struct control *control, uint8_t out[CONTROL_MAX])
{
	struct writer w = writer_on(out, CONTROL_MAX);
	uint8_t stamp[8];

	write_u8(&w, LINK_CONTROL << 4 | CONTROL_VERSION);
	write_u8(&w, (uint8_t)control->type);
	write_be16(&w, 0);
	write_number(&w, TAG_CAPABILITIES, control->capabilities);
	write_number(&w, TAG_ANSWER, control->is_answer);
	store_be64(stamp, control->stamp);
	if (control->stamp)
		write_value(&w, TAG_STAMP, stamp, sizeof(stamp));
	write_key(&w, TAG_KEY, &control->key);
	write_number(&w, TAG_ROLE, control->role);
	write_number(&w, TAG_MTU, control->mtu);
	write_subnet(&w, &control->subnet);
	write_text(&w, TAG_NAME, control->name);
	write_text(&w, TAG_SEGMENT, control->segment);
	write_text(&w, TAG_TEXT, control->text);
	write_key(&w, TAG_PRESHARED, &control->preshared);
	store_be16(out + 2, (uint16_t)(writer_len(&w) - HEADER_LEN));
	return writer_len(&w);
}

/* It may end up on somebody's terminal. */
static void read_text(struct reader value, char *ret, size_t size)
{
	size_t len = MIN(reader_left(&value), size - 1);

	for (size_t i = 0; i < len; i++) {
		uint8_t c = read_u8(&value);

		ret[i] = (char)(c >= ' ' && c <= '~' ? c : '?');
	}
	ret[len] = '\0';
}

static void read_role(struct reader value, struct control *ret)
{
	uint32_t role = read_be32(&value);

	if (role < ROLE_COUNT)
		ret->role = (enum link_role)role;
}

static void read_subnet(struct reader value, struct control *ret)
{
	struct ip_prefix subnet = {0};

	read_copy(&value, subnet.address.bytes, sizeof(subnet.address));
	subnet.len = read_u8(&value);
	if (!value.failed && subnet.len <= 32 && ip_is_v4(subnet.address))
		ret->subnet = subnet;
}

static uint64_t read_stamp(struct reader value)
{
	uint64_t high = read_be32(&value);

	return high << 32 | read_be32(&value);
}

static void read_value(enum tag tag, struct reader value, struct control *ret)
{
	switch (tag) {
	case TAG_CAPABILITIES:
		ret->capabilities = read_be32(&value);
		return;
	case TAG_ANSWER:
		ret->is_answer = read_be32(&value);
		return;
	case TAG_STAMP:
		ret->stamp = read_stamp(value);
		return;
	case TAG_KEY:
		read_copy(&value, ret->key.bytes, sizeof(ret->key));
		return;
	case TAG_ROLE:
		read_role(value, ret);
		return;
	case TAG_MTU:
		ret->mtu = read_be32(&value);
		return;
	case TAG_SUBNET:
		read_subnet(value, ret);
		return;
	case TAG_NAME:
		read_text(value, ret->name, sizeof(ret->name));
		return;
	case TAG_SEGMENT:
		read_text(value, ret->segment, sizeof(ret->segment));
		return;
	case TAG_PRESHARED:
		read_copy(&value, ret->preshared.bytes, sizeof(ret->preshared));
		return;
	case TAG_TEXT:
		read_text(value, ret->text, sizeof(ret->text));
		return;
	}
}

bool control_read(const uint8_t *packet, size_t len, struct control *ret)
{
	struct reader r = reader_on(packet, len), values;
	uint8_t first = read_u8(&r), type = read_u8(&r);

	values = read_part(&r, read_be16(&r));
	if (r.failed || first != (LINK_CONTROL << 4 | CONTROL_VERSION))
		return false;
	*ret = (struct control){.type = type};
	while (reader_left(&values)) {
		uint8_t tag = read_u8(&values);
		struct reader value = read_part(&values, read_u8(&values));

		if (!value.failed)
			read_value(tag, value, ret);
	}
	return !values.failed && type >= CONTROL_HELLO && type <= CONTROL_PROBED;
}
