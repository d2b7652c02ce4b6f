/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom to ask: what the settings say, or the host's resolv.conf(5) as it is at the time. */
#pragma once

#include "service/dns.h"

#include <sys/types.h>
#include <time.h>

struct dns_resolvers {
	struct endpoint list[DNS_RESOLVERS_MAX];
	size_t count;
	char *path;		    /* NULL: the list is fixed */
	struct timespec changed_at; /* of the file that was read */
	ino_t inode;
	off_t size;
};

/* -ENOMEM. */
int dns_resolvers_init(
	struct dns_resolvers *resolvers, const struct dns_settings *settings) MUST_USE;
void dns_resolvers_done(struct dns_resolvers *resolvers);
/* Reads the file when it is another one. A look is cheap beside a question, so there is one for
 * each, and nothing to do while nobody asks. */
void dns_resolvers_refresh(struct dns_resolvers *resolvers);
/* The nameservers of a resolv.conf; none there: the machine's own, as resolv.conf(5) says. */
size_t dns_resolvers_parse(const char *text, struct endpoint ret[DNS_RESOLVERS_MAX]);
