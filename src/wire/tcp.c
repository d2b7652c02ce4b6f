/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/tcp.h"

#include "base/bytes.h"

static void parse_sack(struct reader value, struct tcp_options *ret)
{
	while (reader_left(&value) >= 8 && ret->sack_count < TCP_SACK_BLOCKS_MAX) {
		struct tcp_sack_block *block = &ret->sack[ret->sack_count++];

		block->start = read_be32(&value);
		block->end = read_be32(&value);
	}
}

static void parse_option(uint8_t kind, struct reader value, struct tcp_options *ret)
{
	size_t len = reader_left(&value);

	if (kind == TCP_OPTION_MSS && len == 2) {
		ret->mss = read_be16(&value);
	} else if (kind == TCP_OPTION_WINDOW_SCALE && len == 1) {
		ret->has_window_scale = true;
		ret->window_scale = MIN(*value.at, TCP_WINDOW_SCALE_MAX);
	} else if (kind == TCP_OPTION_SACK_PERMITTED && len == 0) {
		ret->has_sack_permitted = true;
	} else if (kind == TCP_OPTION_SACK && len % 8 == 0) {
		parse_sack(value, ret);
	} else if (kind == TCP_OPTION_TIMESTAMPS && len == 8) {
		ret->has_timestamps = true;
		ret->timestamp = read_be32(&value);
		ret->timestamp_echo = read_be32(&value);
	}
}

void tcp_options_parse(const uint8_t *bytes, size_t len, struct tcp_options *ret)
{
	struct reader r = reader_on(bytes, len);

	*ret = (struct tcp_options){0};
	while (reader_left(&r)) {
		uint8_t kind = read_u8(&r), option_len;
		struct reader value;

		if (kind == TCP_OPTION_END)
			return;
		if (kind == TCP_OPTION_NOP)
			continue;
		option_len = read_u8(&r);
		if (option_len < 2)
			return;
		value = read_part(&r, option_len - 2u);
		if (r.failed)
			return;
		parse_option(kind, value, ret);
	}
}
