/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/source_limit.h"

#include <stdlib.h>

#define PER_SECOND 20
#define BURST	   5
#define TOKEN	   (NSEC_PER_SEC / PER_SECOND)
#define SETS	   1024
#define WAYS	   4
/* Longer than a session: who is silent for that has to wait his turn like anybody. */
#define KNOWN_FOR (200 * NSEC_PER_SEC)

/* A bucket is the time when it will be full again; one that is full is as good as none. */
struct bucket {
	uint64_t source;
	nsec full_at;
	nsec known_until, known_full_at;
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

static struct bucket *set_of(struct source_limit *limit, uint64_t source)
{
	return limit->buckets[hash_u64(&limit->key, source) % SETS];
}

/* NULL: it has none. */
static struct bucket *find(struct source_limit *limit, uint64_t source)
{
	struct bucket *set = set_of(limit, source);

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].source == source)
			return &set[i];
	}
	return NULL;
}

/* Peers stay as long as they are heard of. */
static bool is_worth_less(const struct bucket *a, const struct bucket *b)
{
	return a->known_until != b->known_until ? a->known_until < b->known_until
						: a->full_at < b->full_at;
}

/* His, or the fullest one: who loses it gets a full one when he comes again, which is what anybody
 * with as many addresses has anyway. */
static struct bucket *bucket_for(struct source_limit *limit, uint64_t source)
{
	struct bucket *set = set_of(limit, source), *least = set, *bucket = find(limit, source);

	if (bucket)
		return bucket;
	for (unsigned i = 1; i < WAYS; i++) {
		if (is_worth_less(&set[i], least))
			least = &set[i];
	}
	*least = (struct bucket){.source = source};
	return least;
}

static bool take(nsec *full_at, nsec now)
{
	nsec after = MAX(*full_at, now) + TOKEN;

	if (after > now + BURST * TOKEN)
		return false;
	*full_at = after;
	return true;
}

bool source_limit_take(struct source_limit *limit, struct ip from, nsec now)
{
	return take(&bucket_for(limit, source_of(from))->full_at, now);
}

void source_limit_know(struct source_limit *limit, struct ip from, nsec now)
{
	bucket_for(limit, source_of(from))->known_until = now + KNOWN_FOR;
}

bool source_limit_take_known(struct source_limit *limit, struct ip from, nsec now)
{
	struct bucket *bucket = find(limit, source_of(from));

	return bucket && now < bucket->known_until && take(&bucket->known_full_at, now);
}
