/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/header.h"

#define LAST 0x8000

size_t link_header_write(const struct link_header *header, uint8_t *out)
{
	out[0] = (uint8_t)(LINK_FRAME << 4 | header->flags);
	out[1] = header->hops;
	store_be16(out + 2, header->len);
	store_be16(out + 4, header->segment);
	if (!(header->flags & LINK_FRAGMENT))
		return LINK_HEADER_LEN;
	store_be16(out + 6, header->number);
	store_be16(out + 8, (uint16_t)((header->is_last ? LAST : 0) | header->offset / 2));
	return LINK_HEADER_LEN + LINK_FRAGMENT_LEN;
}

const uint8_t *link_header_read(const uint8_t *packet, size_t len, struct link_header *ret_header)
{
	struct reader r = reader_on(packet, len);
	const uint8_t *bytes;
	uint16_t place;

	*ret_header = (struct link_header){.flags = read_u8(&r) & 0xf};
	ret_header->hops = read_u8(&r);
	ret_header->len = read_be16(&r);
	ret_header->segment = read_be16(&r);
	if (ret_header->flags & LINK_FRAGMENT) {
		ret_header->number = read_be16(&r);
		place = read_be16(&r);
		ret_header->is_last = place & LAST;
		ret_header->offset = (place & ~LAST) * 2u;
	}
	bytes = read_bytes(&r, ret_header->len);
	return bytes && ret_header->len ? bytes : NULL;
}
