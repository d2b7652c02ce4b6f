/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the other end of a link says within its session. Input: the first byte chooses; then packets
 * of a length (2 bytes) and so many bytes. Control messages that are read are written and read the
 * same; fragments make frames that lie within what was given, under the limits; frames that were
 * joined are cut into what they were.
 */
#include "base/bytes.h"
#include "hub/coalesce.h"
#include "hub/segment.h"
#include "port/link/control.h"
#include "port/link/invite.h"
#include "port/link/reassembly.h"
#include "wire/checksum.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

/* The next packet, in memory of exactly its size. */
static uint8_t *next(struct reader *r, size_t *ret_len)
{
	size_t len = MIN(read_be16(r), reader_left(r));
	const uint8_t *bytes = read_bytes(r, len);
	uint8_t *copy = malloc(len ? len : 1);

	if (bytes && len)
		memcpy(copy, bytes, len);
	*ret_len = len;
	return copy;
}

static void try_control(struct reader r)
{
	uint8_t again[CONTROL_MAX], third[CONTROL_MAX];
	struct control control, same;

	while (reader_left(&r)) {
		size_t len;
		uint8_t *packet = next(&r, &len);

		if (control_read(packet, len, &control)) {
			size_t again_len = control_write(&control, again);

			check(control_read(again, again_len, &same));
			check(control_write(&same, third) == again_len);
			check(!memcmp(third, again, again_len));
		}
		free(packet);
	}
}

static void try_fragments(struct reader r)
{
	struct reassembly reassembly;
	nsec now = 0;

	reassembly_init(&reassembly);
	while (reader_left(&r)) {
		size_t len;
		uint8_t *packet = next(&r, &len);
		struct link_header header;
		const uint8_t *bytes = link_header_read(packet, len, &header), *whole;
		uint32_t whole_len;

		now += len * NSEC_PER_MSEC;
		if (bytes) {
			check(bytes >= packet && bytes + header.len <= packet + len);
			whole = reassembly_add(&reassembly, &header, bytes, now, &whole_len);
			check(!whole || (whole_len && whole_len <= ETH_FRAME_MAX &&
						whole[whole_len - 1] <= 255));
		}
		check(reassembly.count <= REASSEMBLY_FRAMES_MAX);
		check(reassembly.bytes <= REASSEMBLY_BYTES_MAX);
		free(packet);
	}
	reassembly_done(&reassembly);
	check(!reassembly.bytes && !reassembly.count);
}

static void try_invite(struct reader r)
{
	size_t len = reader_left(&r);
	char *text = malloc(len + 1), again[INVITE_TEXT_SIZE];
	struct error error = {0};
	struct invite invite, same;

	read_copy(&r, text, len);
	text[len] = '\0';
	if (!invite_parse(text, &invite, &error)) {
		check(!invite_parse(invite_format(&invite, again), &same, NULL));
		check(wg_key_equal(&invite.relay, &same.relay));
	} else {
		check(error.text[0]);
	}
	free(text);
}

struct cut {
	struct segment_sink sink;
	uint8_t *const *bytes;
	const size_t *lens;
	unsigned count;
};

static void compare(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct cut *cut = CONTAINER_OF(sink, struct cut, sink);

	for (unsigned i = 0; i < count; i++, cut->count++) {
		uint8_t *bytes = malloc(frames[i].len);

		check(frames[i].len == cut->lens[cut->count]);
		frame_copy(&frames[i], 0, bytes, frames[i].len);
		check(!memcmp(bytes, cut->bytes[cut->count], frames[i].len));
		free(bytes);
	}
}

/* So that not only what happens to have the right checksums is looked at. */
static void fix_checksums(uint8_t *bytes, uint32_t len)
{
	uint16_t sum = 0;
	struct packet packet;
	uint32_t at;

	if (len >= 34 && bytes[12] == 8 && !bytes[13] && bytes[14] == 0x45) {
		memcpy(bytes + 24, &sum, 2);
		sum = checksum_fold(checksum_add(0, bytes + 14, 20));
		memcpy(bytes + 24, &sum, 2);
	}
	if (packet_parse(bytes, len, len, &packet) != PACKET_OK || packet.is_fragment ||
		(packet.protocol != IP_PROTOCOL_TCP && packet.protocol != IP_PROTOCOL_UDP))
		return;
	at = packet.l4 +
	     (packet.protocol == IP_PROTOCOL_TCP ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET);
	sum = 0;
	memcpy(bytes + at, &sum, 2);
	sum = checksum_fold(checksum_add(
		checksum_pseudo(packet.from, packet.to, packet.protocol, packet.end - packet.l4),
		bytes + packet.l4, packet.end - packet.l4));
	if (!sum)
		sum = 0xffff;
	memcpy(bytes + at, &sum, 2);
}

static void try_frames(struct reader r)
{
	static const struct offload nothing;
	uint8_t *bytes[COALESCE_MAX], *copies[COALESCE_MAX];
	struct cut cut = {.sink.take = compare, .bytes = copies};
	size_t lens[COALESCE_MAX];
	struct coalescer coalescer;
	unsigned count = 0;

	cut.lens = lens;
	coalesce_begin(&coalescer);
	while (reader_left(&r) && count < COALESCE_MAX) {
		bytes[count] = next(&r, &lens[count]);
		if (lens[count] < ETH_HEADER_LEN) {
			free(bytes[count]);
			continue;
		}
		fix_checksums(bytes[count], (uint32_t)lens[count]);
		copies[count] = malloc(lens[count]);
		memcpy(copies[count], bytes[count], lens[count]);
		coalesce_add(&coalescer, bytes[count], (uint32_t)lens[count], &nothing);
		count++;
	}
	coalesce_end(&coalescer);
	for (unsigned i = 0; i < coalescer.count; i++)
		check(segment_lower(&coalescer.frames[i], 0, &cut.sink));
	check(cut.count == count);
	while (count--) {
		free(bytes[count]);
		free(copies[count]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct reader r) = {
		try_control, try_fragments, try_invite, try_frames};
	struct reader r = reader_on(data, size);
	uint8_t choice = read_u8(&r);

	tries[choice % ARRAY_SIZE(tries)](r);
	return 0;
}
