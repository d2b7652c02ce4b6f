/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Joining and leaving multicast groups: IGMP (RFC 1112, 2236, 3376) and, with the types of
 * wire/icmp.h, MLD (RFC 2710, 3810), whose second version's records are alike.
 */
#pragma once

enum igmp_type {
	IGMP_REPORT = 0x12,
	IGMP2_REPORT = 0x16,
	IGMP2_LEAVE = 0x17,
	IGMP3_REPORT = 0x22,
};

#define IGMP_HEADER_LEN 8 /* type, a time, checksum, group; of a third version: what MLD has */
#define MLD_HEADER_LEN	8 /* type, code, checksum, 2 bytes, count of records or 2 more bytes */

/* RFC 3376 4.2.12, RFC 3810 5.2.12. A record: type, length of what is behind the sources in 32-bit
 * words, count of sources, the group, sources. */
enum group_record {
	GROUP_IS_INCLUDE = 1,
	GROUP_IS_EXCLUDE = 2,
	GROUP_TO_INCLUDE = 3,
	GROUP_TO_EXCLUDE = 4,
	GROUP_ALLOW_SOURCES = 5,
	GROUP_BLOCK_SOURCES = 6,
};
