/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/source_limit.h"

#include <stdlib.h>

#define PER_SECOND 20
#define BURST	   5
#define TOKEN	   (NSEC_PER_SEC / PER_SECOND)
#define SETS	   1024
#define WAYS	   4

/* A bucket is the time when it will be full again; one that is full is as good as none. */
struct bucket {
	uint64_t source;
	nsec full_at;
};

struct source_limit {
	struct hash_key key;
	struct bucket buckets[SETS][WAYS];
};

struct source_limit *source_limit_new(const struct hash_key *key)
{
	struct source_limit *limit = calloc(1, sizeof(*limit));

	if (limit)
		limit->key = *key;
	return limit;
}

void source_limit_free(struct source_limit *limit)
{
	free(limit);
}

/* Whoever has an IPv6 address has a /64 of them. */
static uint64_t source_of(struct ip ip)
{
	uint64_t source;

	memcpy(&source, ip.bytes + (ip_is_v4(ip) ? 8 : 0), sizeof(source));
	return source;
}

/* His, or the fullest one: who loses it gets a full one when he comes again, which is what anybody
 * with as many addresses has anyway. */
static struct bucket *bucket_for(struct source_limit *limit, uint64_t source)
{
	struct bucket *set = limit->buckets[hash_u64(&limit->key, source) % SETS], *fullest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].source == source)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	*fullest = (struct bucket){.source = source};
	return fullest;
}

bool source_limit_take(struct source_limit *limit, struct ip from, nsec now)
{
	struct bucket *bucket = bucket_for(limit, source_of(from));
	nsec full_at = MAX(bucket->full_at, now) + TOKEN;

	if (full_at > now + BURST * TOKEN)
		return false;
	bucket->full_at = full_at;
	return true;
}
