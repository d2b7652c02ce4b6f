/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP segments (RFC 9293): numbers, sequence arithmetic, options. */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_HEADER_LEN	     20
#define TCP_HEADER_MAX	     60
#define TCP_CHECKSUM_OFFSET  16
#define TCP_WINDOW_SCALE_MAX 14	 /* RFC 7323 2.3 */
#define TCP_MSS_DEFAULT4     536 /* RFC 9293 3.7.1: what a peer takes that did not say */
#define TCP_MSS_DEFAULT6     1220
#define TCP_SACK_BLOCKS_MAX  4

enum tcp_flags {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};

enum tcp_option {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_MSS = 2,
	TCP_OPTION_WINDOW_SCALE = 3,
	TCP_OPTION_SACK_PERMITTED = 4,
	TCP_OPTION_SACK = 5,
	TCP_OPTION_TIMESTAMPS = 8,
};

/* Sequence numbers go around: RFC 9293 3.4. */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
	return seq_before(b, a);
}

static inline bool seq_at_most(uint32_t a, uint32_t b)
{
	return !seq_before(b, a);
}

static inline bool seq_at_least(uint32_t a, uint32_t b)
{
	return !seq_before(a, b);
}

/* Of the header that starts at bytes, with its options; below TCP_HEADER_LEN: no good. */
static inline uint32_t tcp_header_len(const uint8_t *bytes)
{
	return (bytes[12] >> 4) * 4u;
}

struct tcp_sack_block {
	uint32_t start, end; /* the first byte that is there, the first that is not */
};

struct tcp_options {
	uint16_t mss; /* 0: not said */
	bool has_window_scale, has_sack_permitted, has_timestamps;
	uint8_t window_scale; /* at most TCP_WINDOW_SCALE_MAX */
	uint8_t sack_count;
	struct tcp_sack_block sack[TCP_SACK_BLOCKS_MAX];
	uint32_t timestamp, timestamp_echo;
};

/* bytes, len: what lies between the fixed header and the payload. Unknown options and those of a
 * wrong length are skipped; parsing ends at one that reaches past the end (RFC 9293 3.1: MUST-7).
 */
void tcp_options_parse(const uint8_t *bytes, size_t len, struct tcp_options *ret);
