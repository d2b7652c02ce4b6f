/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcapng (draft-ietf-opsawg-pcapng): the blocks of a capture file, in the byte order of this
 * machine. Interfaces are numbered from 0 in the order in which they are written.
 */
#pragma once

#include "base/bytes.h"

/* Bytes that any block of each kind fits in, beyond the texts it holds. */
#define PCAPNG_SECTION_ROOM    64
#define PCAPNG_INTERFACE_ROOM  80
#define PCAPNG_PACKET_ROOM     80 /* and the captured bytes */
#define PCAPNG_STATISTICS_ROOM 64

/* As seen from the interface. */
enum pcapng_direction {
	PCAPNG_DIRECTION_UNKNOWN,
	PCAPNG_INBOUND,
	PCAPNG_OUTBOUND,
};

/* An Ethernet interface with timestamps in nanoseconds. Texts may be NULL, but for the name. */
struct pcapng_interface {
	const char *name, *description;
	const char *filter; /* in libpcap's language */
};

struct pcapng_packet {
	uint32_t interface;
	uint64_t time;		    /* nanoseconds since 1970 */
	uint32_t captured_len, len; /* bytes here, and on the wire */
	enum pcapng_direction direction;
	uint64_t lost;	     /* packets of the interface between the one before and this */
	const char *comment; /* may be NULL */
};

/* Since the capture began. */
struct pcapng_statistics {
	uint32_t interface;
	uint64_t time; /* nanoseconds since 1970 */
	uint64_t received, dropped;
};

/* Starts a file. application: what writes it. */
void pcapng_write_section(struct writer *w, const char *application);
void pcapng_write_interface(struct writer *w, const struct pcapng_interface *interface);
/* Returns where the caller is to put the captured bytes; NULL (and failed): no room. */
uint8_t *pcapng_write_packet(struct writer *w, const struct pcapng_packet *packet);
void pcapng_write_statistics(struct writer *w, const struct pcapng_statistics *statistics);
