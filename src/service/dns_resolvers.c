/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dns_resolvers.h"

#include "wire/dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define RESOLV_CONF   "/etc/resolv.conf"
#define FILE_SIZE_MAX 16384 /* bytes that are looked at */
#define BLANKS	      " \t\r"

static bool read_line(char *line, struct endpoint *ret)
{
	char *rest, *key = strtok_r(line, BLANKS, &rest);
	char *value = key ? strtok_r(NULL, BLANKS, &rest) : NULL;

	ret->port = DNS_PORT;
	return value && !strcmp(key, "nameserver") && ip_parse(value, &ret->ip);
}

size_t dns_resolvers_parse(const char *text, struct endpoint ret[DNS_RESOLVERS_MAX])
{
	char *copy = strdup(text), *rest, *line;
	size_t count = 0;

	line = copy ? strtok_r(copy, "\n", &rest) : NULL;
	for (; line && count < DNS_RESOLVERS_MAX; line = strtok_r(NULL, "\n", &rest))
		count += read_line(line, &ret[count]);
	free(copy);
	if (!count)
		ret[count++] = (struct endpoint){ip_from_bytes4("\x7f\0\0\1"), DNS_PORT};
	return count;
}

int dns_resolvers_init(struct dns_resolvers *resolvers, const struct dns_settings *settings)
{
	*resolvers = (struct dns_resolvers){.count = settings->resolver_count};
	memcpy(resolvers->list, settings->resolvers, sizeof(resolvers->list));
	if (resolvers->count)
		return 0;
	resolvers->path = strdup(settings->resolv_conf ? settings->resolv_conf : RESOLV_CONF);
	return resolvers->path ? 0 : -ENOMEM;
}

void dns_resolvers_done(struct dns_resolvers *resolvers)
{
	free(resolvers->path);
	resolvers->path = NULL;
}

static bool has_changed(const struct dns_resolvers *resolvers, const struct stat *now)
{
	return !resolvers->count || now->st_ino != resolvers->inode ||
	       now->st_size != resolvers->size ||
	       now->st_mtim.tv_sec != resolvers->changed_at.tv_sec ||
	       now->st_mtim.tv_nsec != resolvers->changed_at.tv_nsec;
}

static void read_file(struct dns_resolvers *resolvers)
{
	char *text = calloc(1, FILE_SIZE_MAX);
	FILE *file = fopen(resolvers->path, "re");

	if (text && file) {
		(void)!fread(text, 1, FILE_SIZE_MAX - 1, file);
		resolvers->count = dns_resolvers_parse(text, resolvers->list);
	}
	if (file)
		fclose(file);
	free(text);
}

/* A file that is gone is being replaced: what it said last still holds. */
void dns_resolvers_refresh(struct dns_resolvers *resolvers)
{
	struct stat file;

	if (!resolvers->path)
		return;
	if (!stat(resolvers->path, &file) && has_changed(resolvers, &file)) {
		read_file(resolvers);
		resolvers->changed_at = file.st_mtim;
		resolvers->inode = file.st_ino;
		resolvers->size = file.st_size;
	}
	if (!resolvers->count)
		resolvers->count = dns_resolvers_parse("", resolvers->list);
}
