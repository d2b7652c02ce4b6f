/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bytes.h"

const uint8_t *read_bytes(struct reader *r, size_t len)
{
	const uint8_t *p = r->at;

	if (r->failed || (size_t)(r->end - r->at) < len) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return p;
}

void read_copy(struct reader *r, void *out, size_t len)
{
	const uint8_t *p = read_bytes(r, len);

	if (p)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

uint8_t read_u8(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 1);

	return p ? *p : 0;
}

uint16_t read_be16(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 2);

	return p ? load_be16(p) : 0;
}

uint32_t read_be32(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 4);

	return p ? load_be32(p) : 0;
}

struct reader read_part(struct reader *r, size_t len)
{
	const uint8_t *p = read_bytes(r, len);

	return p ? reader_on(p, len) : (struct reader){.failed = true};
}

uint8_t *write_room(struct writer *w, size_t len)
{
	uint8_t *p = w->at;

	if (w->failed || (size_t)(w->end - w->at) < len) {
		w->failed = true;
		return NULL;
	}
	w->at += len;
	return p;
}

void write_bytes(struct writer *w, const void *bytes, size_t len)
{
	uint8_t *p = write_room(w, len);

	if (p && len)
		memcpy(p, bytes, len);
}

void write_zeros(struct writer *w, size_t len)
{
	uint8_t *p = write_room(w, len);

	if (p)
		memset(p, 0, len);
}

void write_u8(struct writer *w, uint8_t v)
{
	write_bytes(w, &v, 1);
}

void write_be16(struct writer *w, uint16_t v)
{
	uint8_t *p = write_room(w, 2);

	if (p)
		store_be16(p, v);
}

void write_be32(struct writer *w, uint32_t v)
{
	uint8_t *p = write_room(w, 4);

	if (p)
		store_be32(p, v);
}
