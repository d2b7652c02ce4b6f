/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/vnet.h"

#include <string.h>

/* struct virtio_net_hdr, virtio 1.2 5.1.6. */
enum {
	FLAGS = 0,
	GSO_TYPE = 1,
	HEADER_LEN = 2,
	GSO_SIZE = 4,
	CHECKSUM_START = 6,
	CHECKSUM_OFFSET = 8,
};

enum {
	FLAG_NEEDS_CHECKSUM = 1,
	FLAG_DATA_VALID = 2,
};

enum {
	GSO_NONE = 0,
	GSO_TCP4 = 1,
	GSO_TCP6 = 4,
	GSO_UDP_L4 = 5,
	GSO_ECN = 0x80, /* with TCP: the first segment carries CWR; cutting looks at the header
			   itself */
};

static const uint8_t gso_of_kind[] = {
	[SEGMENT_NONE] = GSO_NONE,
	[SEGMENT_TCP4] = GSO_TCP4,
	[SEGMENT_TCP6] = GSO_TCP6,
	[SEGMENT_UDP] = GSO_UDP_L4,
};

static void store_le16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static uint16_t load_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

void vnet_write(uint8_t out[VNET_HEADER_LEN], const struct offload *offload)
{
	out[FLAGS] = (offload->needs_checksum ? FLAG_NEEDS_CHECKSUM : 0) |
		     (offload->is_checked ? FLAG_DATA_VALID : 0);
	out[GSO_TYPE] = gso_of_kind[offload->kind];
	store_le16(out + HEADER_LEN, offload->header_len);
	store_le16(out + GSO_SIZE, offload->segment_size);
	store_le16(out + CHECKSUM_START, offload->checksum_start);
	store_le16(out + CHECKSUM_OFFSET, offload->checksum_offset);
}

static bool kind_of_gso(uint8_t gso, uint8_t *ret_kind)
{
	for (uint8_t kind = 0; kind < sizeof(gso_of_kind); kind++) {
		if (gso_of_kind[kind] == gso) {
			*ret_kind = kind;
			return true;
		}
	}
	return false;
}

bool vnet_read(const uint8_t in[VNET_HEADER_LEN], uint32_t frame_len, struct offload *ret)
{
	struct offload offload = {
		.needs_checksum = in[FLAGS] & FLAG_NEEDS_CHECKSUM,
		.is_checked = in[FLAGS] & FLAG_DATA_VALID,
	};

	if (!kind_of_gso(in[GSO_TYPE] & ~GSO_ECN, &offload.kind))
		return false;
	if (offload.needs_checksum) {
		offload.checksum_start = load_le16(in + CHECKSUM_START);
		offload.checksum_offset = load_le16(in + CHECKSUM_OFFSET);
		if ((uint32_t)offload.checksum_start + offload.checksum_offset + 2 > frame_len)
			return false;
	}
	if (offload.kind != SEGMENT_NONE) {
		offload.header_len = load_le16(in + HEADER_LEN);
		offload.segment_size = load_le16(in + GSO_SIZE);
		/* virtio 1.2 5.1.6.2: who leaves the cutting leaves the checksums too */
		if (!offload.segment_size || !offload.needs_checksum)
			return false;
	}
	*ret = offload;
	return true;
}
