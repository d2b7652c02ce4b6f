/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses as the kernel's sockets take and give them. */
#pragma once

#include "wire/address.h"

#include <sys/socket.h>

/* Fills *ret in the family of the endpoint; returns its length. */
socklen_t socket_address(const struct endpoint *endpoint, struct sockaddr_storage *ret);
/* Of another family: none, port 0. */
struct endpoint socket_endpoint(const struct sockaddr_storage *address);
