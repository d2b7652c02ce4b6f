/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sockets of a query: a port of its own by UDP, or a connection by TCP, as the guest asked. */
#pragma once

#include "io/loop.h"
#include "service/dns_proxy.h"

/* dns_proxy_ops.send. What comes is told to the query. -EMFILE, ... */
int dns_route_send(struct loop *loop, struct dns_query *query, const struct endpoint *resolver);
/* dns_proxy_ops.close. */
void dns_route_close(struct dns_query *query);
