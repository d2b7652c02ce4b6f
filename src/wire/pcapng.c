/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/pcapng.h"

#include "base/attr.h"

#include <string.h>

enum block_type { /* 11.1 */
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

#define BYTE_ORDER_MAGIC       0x1a2b3c4d
#define VERSION_MAJOR	       1
#define VERSION_MINOR	       0
#define LINKTYPE_ETHERNET      1
#define TIME_RESOLUTION	       9 /* ten to the minus nine seconds */
#define FILTER_IS_LIBPCAP_TEXT 0
#define OPTION_LEN_MAX	       65535

enum option_code { /* 3.5, 4.1 to 4.6: each kind of block has its own */
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_TIME_RESOLUTION = 9,
	INTERFACE_FILTER = 11,
	PACKET_FLAGS = 2,
	PACKET_LOST = 4,
	STATISTICS_RECEIVED = 4,
	STATISTICS_DROPPED = 5,
};

static void put_u16(struct writer *w, uint16_t v)
{
	write_bytes(w, &v, sizeof(v));
}

static void put_u32(struct writer *w, uint32_t v)
{
	write_bytes(w, &v, sizeof(v));
}

/* The high half first, in either byte order. */
static void put_time(struct writer *w, uint64_t time)
{
	put_u32(w, (uint32_t)(time >> 32));
	put_u32(w, (uint32_t)time);
}

/* To the next multiple of 4 bytes. */
static void pad(struct writer *w, size_t len)
{
	write_zeros(w, -len & 3);
}

static void put_option(struct writer *w, uint16_t code, const void *value, size_t len)
{
	len = MIN(len, OPTION_LEN_MAX);
	put_u16(w, code);
	put_u16(w, (uint16_t)len);
	write_bytes(w, value, len);
	pad(w, len);
}

static void put_text(struct writer *w, uint16_t code, const char *text)
{
	if (text)
		put_option(w, code, text, strlen(text));
}

static uint8_t *begin_block(struct writer *w, enum block_type type)
{
	uint8_t *block = w->at;

	put_u32(w, type);
	put_u32(w, 0); /* the length, known at the end */
	return block;
}

static void end_block(struct writer *w, uint8_t *block)
{
	uint32_t len;

	put_option(w, OPTION_END, NULL, 0);
	len = (uint32_t)(w->at - block) + sizeof(len);
	put_u32(w, len);
	if (!w->failed)
		memcpy(block + 4, &len, sizeof(len));
}

void pcapng_write_section(struct writer *w, const char *application)
{
	uint8_t *block = begin_block(w, BLOCK_SECTION);

	put_u32(w, BYTE_ORDER_MAGIC);
	put_u16(w, VERSION_MAJOR);
	put_u16(w, VERSION_MINOR);
	put_u32(w, UINT32_MAX); /* the section's length, 64 bits: not known */
	put_u32(w, UINT32_MAX);
	put_text(w, SECTION_APPLICATION, application);
	end_block(w, block);
}

static void put_filter(struct writer *w, const char *filter)
{
	size_t len = MIN(strlen(filter), OPTION_LEN_MAX - 1);

	put_u16(w, INTERFACE_FILTER);
	put_u16(w, (uint16_t)(1 + len));
	write_u8(w, FILTER_IS_LIBPCAP_TEXT);
	write_bytes(w, filter, len);
	pad(w, 1 + len);
}

void pcapng_write_interface(struct writer *w, const struct pcapng_interface *interface)
{
	uint8_t *block = begin_block(w, BLOCK_INTERFACE);
	const uint8_t resolution = TIME_RESOLUTION;

	put_u16(w, LINKTYPE_ETHERNET);
	put_u16(w, 0);
	put_u32(w, 0); /* no limit to what is captured of a packet */
	put_text(w, INTERFACE_NAME, interface->name);
	put_text(w, INTERFACE_DESCRIPTION, interface->description);
	put_option(w, INTERFACE_TIME_RESOLUTION, &resolution, sizeof(resolution));
	if (interface->filter)
		put_filter(w, interface->filter);
	end_block(w, block);
}

uint8_t *pcapng_write_packet(struct writer *w, const struct pcapng_packet *packet)
{
	uint8_t *block = begin_block(w, BLOCK_PACKET), *bytes;
	uint32_t flags = packet->direction;

	put_u32(w, packet->interface);
	put_time(w, packet->time);
	put_u32(w, packet->captured_len);
	put_u32(w, packet->len);
	bytes = write_room(w, packet->captured_len);
	pad(w, packet->captured_len);
	put_text(w, OPTION_COMMENT, packet->comment);
	if (flags)
		put_option(w, PACKET_FLAGS, &flags, sizeof(flags));
	if (packet->lost)
		put_option(w, PACKET_LOST, &packet->lost, sizeof(packet->lost));
	end_block(w, block);
	return w->failed ? NULL : bytes;
}

void pcapng_write_statistics(struct writer *w, const struct pcapng_statistics *statistics)
{
	uint8_t *block = begin_block(w, BLOCK_STATISTICS);

	put_u32(w, statistics->interface);
	put_time(w, statistics->time);
	put_option(w, STATISTICS_RECEIVED, &statistics->received, sizeof(statistics->received));
	put_option(w, STATISTICS_DROPPED, &statistics->dropped, sizeof(statistics->dropped));
	end_block(w, block);
}
