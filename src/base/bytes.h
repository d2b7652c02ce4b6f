/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded cursors over bytes. The first read or write past the end makes the cursor `failed` and
 * everything after it harmless: read all the fields, ask once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *at, *end;
	bool failed;
};

struct writer {
	uint8_t *start, *at, *end;
	bool failed;
};

static inline uint16_t load_be16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t load_be32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline uint64_t load_be64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static inline void store_be16(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void store_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

/* Little endian, as WireGuard and virtio have it; so are our hosts. */
static inline uint32_t load_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store_le32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void store_le64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void store_be64(void *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static inline struct reader reader_on(const void *bytes, size_t len)
{
	return (struct reader){.at = bytes, .end = (const uint8_t *)bytes + len};
}

static inline size_t reader_left(const struct reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* The next len bytes where they lie, or NULL (and failed) when there are not as many. */
const uint8_t *read_bytes(struct reader *r, size_t len);
/* Copies the next len bytes to out; zeroes out when there are not as many. */
void read_copy(struct reader *r, void *out, size_t len);
uint8_t read_u8(struct reader *r);
uint16_t read_be16(struct reader *r);
uint32_t read_be32(struct reader *r);
/* A cursor over the next len bytes alone; the outer one moves past them. */
struct reader read_part(struct reader *r, size_t len);

static inline struct writer writer_on(void *bytes, size_t size)
{
	return (struct writer){.start = bytes, .at = bytes, .end = (uint8_t *)bytes + size};
}

static inline size_t writer_len(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

/* Room for len bytes, to be filled by the caller, or NULL (and failed). */
uint8_t *write_room(struct writer *w, size_t len);
void write_bytes(struct writer *w, const void *bytes, size_t len);
void write_zeros(struct writer *w, size_t len);
void write_u8(struct writer *w, uint8_t v);
void write_be16(struct writer *w, uint16_t v);
void write_be32(struct writer *w, uint32_t v);
