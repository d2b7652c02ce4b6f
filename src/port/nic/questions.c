/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/questions.h"

#include "base/bytes.h"

struct question_key question_about_ip(struct ip ip)
{
	struct question_key key;

	memcpy(&key, &ip, sizeof(key));
	return key;
}

struct question_key question_about_mac(struct mac mac)
{
	struct question_key key = {0};

	memcpy(&key, &mac, sizeof(mac));
	return key;
}

struct question_key question_about_dhcp(uint32_t xid, struct mac chaddr)
{
	struct question_key key = question_about_mac(chaddr);

	store_be32(key.bytes + 8, xid);
	return key;
}

static struct question *find(
	struct questions *questions, enum question_kind kind, const struct question_key *key)
{
	struct question *asked = questions->kinds[kind].asked;

	for (unsigned i = 0; i < QUESTIONS_EACH; i++) {
		if (asked[i].until && !memcmp(&asked[i].key, key, sizeof(*key)))
			return &asked[i];
	}
	return NULL;
}

void questions_note(
	struct questions *questions, enum question_kind kind, const struct question *question)
{
	struct question *place = find(questions, kind, &question->key);

	if (!place) {
		unsigned *next = &questions->kinds[kind].next;

		place = &questions->kinds[kind].asked[*next];
		*next = (*next + 1) % QUESTIONS_EACH;
	}
	*place = *question;
}

const struct question *questions_find(const struct questions *questions, enum question_kind kind,
	const struct question_key *key, nsec now)
{
	const struct question *question = find((struct questions *)questions, kind, key);

	return question && question->until > now ? question : NULL;
}
