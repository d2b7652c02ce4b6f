/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of the vhost-user protocol: what a front end says and we answer over the Unix
 * socket, with descriptors beside them. Numbers are in the machine's own byte order.
 */
#pragma once

#include "port/vhost/memory.h"

#include <linux/vhost_types.h>

enum vhost_request {
	VHOST_GET_FEATURES = 1,
	VHOST_SET_FEATURES = 2,
	VHOST_SET_OWNER = 3,
	VHOST_RESET_OWNER = 4,
	VHOST_SET_MEM_TABLE = 5,
	VHOST_SET_LOG_BASE = 6,
	VHOST_SET_LOG_FD = 7,
	VHOST_SET_VRING_NUM = 8,
	VHOST_SET_VRING_ADDR = 9,
	VHOST_SET_VRING_BASE = 10,
	VHOST_GET_VRING_BASE = 11,
	VHOST_SET_VRING_KICK = 12,
	VHOST_SET_VRING_CALL = 13,
	VHOST_SET_VRING_ERR = 14,
	VHOST_GET_PROTOCOL_FEATURES = 15,
	VHOST_SET_PROTOCOL_FEATURES = 16,
	VHOST_GET_QUEUE_NUM = 17,
	VHOST_SET_VRING_ENABLE = 18,
	VHOST_SEND_RARP = 19,
	VHOST_NET_SET_MTU = 20,
	VHOST_GET_INFLIGHT_FD = 31,
	VHOST_SET_INFLIGHT_FD = 32,
	VHOST_RESET_DEVICE = 34,
	VHOST_GET_MAX_MEM_SLOTS = 36,
	VHOST_ADD_MEM_REG = 37,
	VHOST_REM_MEM_REG = 38,
	VHOST_SET_STATUS = 39,
	VHOST_GET_STATUS = 40,
	VHOST_REQUEST_COUNT,
};

/* Numbers of bits. */
enum vhost_protocol_feature {
	VHOST_PROTOCOL_MQ = 0,
	VHOST_PROTOCOL_LOG_SHMFD = 1,
	VHOST_PROTOCOL_RARP = 2,
	VHOST_PROTOCOL_REPLY_ACK = 3,
	VHOST_PROTOCOL_MTU = 4,
	VHOST_PROTOCOL_INFLIGHT_SHMFD = 12,
	VHOST_PROTOCOL_RESET_DEVICE = 13,
	VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS = 15,
	VHOST_PROTOCOL_STATUS = 16,
};

/* The bit of the virtio features that says "we speak of protocol features". */
#define VHOST_FEATURE_PROTOCOL 30

enum vhost_flag {
	VHOST_FLAG_VERSION = 1, /* of the lower two bits: the version there is */
	VHOST_FLAG_VERSION_MASK = 3,
	VHOST_FLAG_REPLY = 4,
	VHOST_FLAG_NEEDS_REPLY = 8,
};

#define VHOST_TABLE_MAX 8	  /* regions in one SET_MEM_TABLE */
#define VHOST_NO_FD	(1u << 8) /* beside a queue's index: no descriptor came along */

struct vhost_header {
	uint32_t request, flags, size; /* size: of the payload, bytes */
};

struct vhost_inflight {
	uint64_t size, offset;
	uint16_t queue_count, queue_size;
};

struct vhost_log {
	uint64_t size, offset;
};

union vhost_payload {
	uint64_t value;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct {
		uint32_t count, padding;
		struct guest_range ranges[VHOST_TABLE_MAX];
	} table;
	struct {
		uint64_t padding;
		struct guest_range range;
	} slot;
	struct vhost_inflight inflight;
	struct vhost_log log;
};

#define VHOST_FDS_MAX 8

/* A message, or as much of it as has come. All zero: nothing yet. */
struct vhost_message {
	struct vhost_header header;
	union vhost_payload payload;
	int fds[VHOST_FDS_MAX]; /* -1: taken */
	unsigned fd_count;
	uint32_t got; /* bytes, of header and payload */
};

/* Reads until the message is whole: 1. 0: the rest is still to come. Below 0: the front end is gone
 * or says what cannot be; error has the words. fd does not block. */
int vhost_message_read(int fd, struct vhost_message *message, struct error *error) MUST_USE;
/* Closes the descriptors that nobody took; the struct is then as new. */
void vhost_message_done(struct vhost_message *message);
/* The caller's from now on; -1: there is no such one. */
int vhost_message_take_fd(struct vhost_message *message, unsigned number);
/* Answers with the first payload_len bytes of the payload, and fd (-1: none), which stays the
 * caller's. */
int vhost_message_reply(int socket, const struct vhost_message *message, uint32_t payload_len,
	int fd, struct error *error) MUST_USE;
/* "SET_MEM_TABLE"; NULL: we do not know it. */
const char *vhost_request_name(uint32_t request);
