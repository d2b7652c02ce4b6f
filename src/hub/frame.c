/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/frame.h"

#include "base/attr.h"
#include "wire/tcp.h"
#include "wire/udp.h"

unsigned frame_slice(const struct frame *frame, uint32_t offset, uint32_t len,
	struct iovec parts[FRAME_BODY_MAX + 1])
{
	struct iovec part = {(void *)frame->head, frame->head_len};
	unsigned count = 0;

	if (offset > frame->len || len > frame->len - offset)
		return 0;
	for (unsigned i = 0; len; part = frame->body[i++]) {
		size_t skip = MIN(offset, part.iov_len), take = MIN(part.iov_len - skip, len);

		if (take)
			parts[count++] = (struct iovec){(uint8_t *)part.iov_base + skip, take};
		offset -= (uint32_t)skip;
		len -= (uint32_t)take;
		if (i == frame->body_count)
			break;
	}
	return count;
}

uint32_t frame_copy(const struct frame *frame, uint32_t offset, void *out, uint32_t len)
{
	struct iovec parts[FRAME_BODY_MAX + 1];
	uint32_t copied = 0;
	unsigned count;

	if (offset >= frame->len)
		return 0;
	count = frame_slice(frame, offset, MIN(len, frame->len - offset), parts);
	for (unsigned i = 0; i < count; i++) {
		memcpy((uint8_t *)out + copied, parts[i].iov_base, parts[i].iov_len);
		copied += (uint32_t)parts[i].iov_len;
	}
	return copied;
}

/* Of the headers that come again with each segment. */
static uint32_t header_len(const struct frame *frame)
{
	uint32_t l4 = frame->offload.checksum_start;

	if (frame->offload.kind == SEGMENT_UDP)
		return l4 + UDP_HEADER_LEN;
	return l4 + tcp_header_len(frame->head + l4);
}

bool frame_offload_is_sound(const struct frame *frame)
{
	const struct offload *offload = &frame->offload;
	uint32_t l4 = offload->checksum_start;

	if (offload->kind == SEGMENT_NONE)
		return !offload->needs_checksum ||
		       l4 + offload->checksum_offset + 2 <= frame->head_len;
	if (offload->kind > SEGMENT_UDP || !offload->needs_checksum || !offload->segment_size)
		return false;
	if (offload->kind == SEGMENT_UDP)
		return offload->checksum_offset == UDP_CHECKSUM_OFFSET &&
		       l4 + UDP_HEADER_LEN <= frame->head_len;
	return offload->checksum_offset == TCP_CHECKSUM_OFFSET &&
	       l4 + TCP_HEADER_LEN <= frame->head_len && header_len(frame) <= frame->head_len;
}

uint32_t frame_segment_count(const struct frame *frame)
{
	uint32_t payload, size = frame->offload.segment_size;

	if (!frame_offload_is_sound(frame))
		return 1;
	payload = frame->len - header_len(frame);
	return MAX((payload + size - 1) / size, 1);
}

uint32_t frame_segment_len(const struct frame *frame)
{
	if (!frame_offload_is_sound(frame))
		return frame->len;
	return MIN(frame->len, header_len(frame) + frame->offload.segment_size);
}
