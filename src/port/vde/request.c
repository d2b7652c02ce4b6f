/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vde/request.h"

#include <errno.h>

#define MAGIC	0xfeedface
#define VERSION 3

/* The types of a request: a port, port 0, as vde-2 numbers them; the number of a port that is
 * wished for is above. All get the same from us. */
#define TYPE_MASK 0xff
#define TYPE_MAX  1

/* Where the address lies. */
#define DATA_AT	   12
#define DATA_AT_V1 14

static uint32_t number_at(const uint8_t *bytes, size_t offset)
{
	uint32_t number;

	memcpy(&number, bytes + offset, sizeof(number));
	return number;
}

static struct peer_address address_at(const uint8_t *bytes)
{
	struct peer_address address = {.len = sizeof(address.name)};

	memcpy(&address.name, bytes, sizeof(address.name));
	return address;
}

int vde_request_parse(
	const uint8_t *bytes, size_t len, struct peer_address *ret_data, struct error *error)
{
	uint32_t version, type;
	size_t at;

	if (len < 4)
		return -EAGAIN;
	if (number_at(bytes, 0) != MAGIC)
		return error_set(error, EPROTO, "what it sent is no request of VDE");
	if (len < DATA_AT)
		return -EAGAIN;
	/* Version 1 has no version: its type is there. */
	version = number_at(bytes, 4);
	type = version <= TYPE_MAX ? version : number_at(bytes, 8);
	at = version <= TYPE_MAX ? DATA_AT_V1 : DATA_AT;
	if (version > TYPE_MAX && version != VERSION)
		return error_set(error, EPROTO,
			"its request is of version %u; 1 and 3 are understood", version);
	if ((type & TYPE_MASK) > TYPE_MAX)
		return error_set(error, EPROTO, "its request is of the unknown type %u", type);
	if (len < at + sizeof(struct sockaddr_un))
		return -EAGAIN;
	*ret_data = address_at(bytes + at);
	return 0;
}

size_t vde_request_write(
	uint8_t out[VDE_REQUEST_MAX], const struct peer_address *data, const char *description)
{
	const uint32_t head[3] = {MAGIC, VERSION, 0};
	size_t len = MIN(strlen(description), VDE_DESCRIPTION_MAX);

	memcpy(out, head, sizeof(head));
	memcpy(out + DATA_AT, &data->name, sizeof(data->name));
	memcpy(out + DATA_AT + sizeof(data->name), description, len);
	return DATA_AT + sizeof(data->name) + len;
}

int vde_answer_parse(const uint8_t *bytes, size_t len, struct peer_address *ret_data)
{
	if (len < VDE_ANSWER_LEN)
		return -EAGAIN;
	*ret_data = address_at(bytes);
	return 0;
}

void vde_answer_write(uint8_t out[VDE_ANSWER_LEN], const struct peer_address *data)
{
	memcpy(out, &data->name, VDE_ANSWER_LEN);
}
