/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/loop_probe.h"

#include "base/bytes.h"

#define PROBE_MAGIC 0x4c4e594c /* "LNYL" */

/* A group of nobody's: switches and access points carry it everywhere. */
static const struct mac everybody = {{0x03, 'L', 'a', 'n', 'y', 'd'}};

void loop_probe_write(const struct loop_probe *probe, uint8_t bytes[LOOP_PROBE_LEN])
{
	const uint64_t id = probe->id;
	const struct mac from = {{0x02, (uint8_t)(id >> 32), (uint8_t)(id >> 24),
		(uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id}};
	struct writer w = writer_on(bytes, LOOP_PROBE_LEN);

	write_bytes(&w, &everybody, sizeof(everybody));
	write_bytes(&w, &from, sizeof(from));
	write_be16(&w, LOOP_ETHERTYPE);
	write_be32(&w, PROBE_MAGIC);
	write_be32(&w, (uint32_t)(id >> 32));
	write_be32(&w, (uint32_t)id);
	write_be32(&w, probe->slot);
	write_be32(&w, probe->sequence);
	write_be32(&w, probe->age);
	write_u8(&w, probe->flags);
	write_u8(&w, probe->rank);
	write_bytes(&w, probe->name, sizeof(probe->name));
	write_zeros(&w, LOOP_PROBE_LEN - writer_len(&w));
}

/* It may end up on somebody's terminal. */
static void read_name(struct reader *r, char ret[LOOP_NAME_SIZE])
{
	for (unsigned i = 0; i < LOOP_NAME_SIZE; i++) {
		uint8_t c = read_u8(r);

		ret[i] = (char)(!c || (c >= ' ' && c <= '~') ? c : '?');
	}
	ret[LOOP_NAME_SIZE - 1] = '\0';
}

bool loop_probe_read(const struct frame *frame, struct loop_probe *ret)
{
	struct reader r = reader_on(frame->head, frame->head_len);
	uint64_t high;

	read_bytes(&r, 2 * sizeof(struct mac));
	if (read_be16(&r) != LOOP_ETHERTYPE || read_be32(&r) != PROBE_MAGIC)
		return false;
	high = read_be32(&r);
	ret->id = high << 32 | read_be32(&r);
	ret->slot = read_be32(&r);
	ret->sequence = read_be32(&r);
	ret->age = read_be32(&r);
	ret->flags = read_u8(&r);
	ret->rank = read_u8(&r);
	read_name(&r, ret->name);
	return !r.failed;
}
