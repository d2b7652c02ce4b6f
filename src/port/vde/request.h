/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VDE plug and a VDE switch say to each other over the control connection (vde-2,
 * datasock.c and libvdeplug): the plug sends a request with the address of its data socket, the
 * switch answers with the address of its own. Numbers are those of the host.
 *
 *   3:  magic (4), version 3 (4), type (4), sockaddr_un (110), a description of up to 128 bytes
 *   1:  magic (4), type (4), MAC address (6), sockaddr_un (110), a description
 *
 * The description has no end but that of what is read, and nobody needs it.
 */
#pragma once

#include "base/error.h"
#include "port/peer_path.h"

#include <stddef.h>
#include <stdint.h>

#define VDE_DESCRIPTION_MAX 128
#define VDE_REQUEST_MAX	    (3 * 4 + sizeof(struct sockaddr_un) + VDE_DESCRIPTION_MAX)
#define VDE_ANSWER_LEN	    sizeof(struct sockaddr_un)

/* 0; -EAGAIN: more bytes are to come; -EPROTO: in words, why this is no request. */
int vde_request_parse(const uint8_t *bytes, size_t len, struct peer_address *ret_data,
	struct error *error) MUST_USE;
/* Of version 3; returns its length. */
size_t vde_request_write(
	uint8_t out[VDE_REQUEST_MAX], const struct peer_address *data, const char *description);

/* 0; -EAGAIN: more bytes are to come. */
int vde_answer_parse(const uint8_t *bytes, size_t len, struct peer_address *ret_data) MUST_USE;
void vde_answer_write(uint8_t out[VDE_ANSWER_LEN], const struct peer_address *data);
