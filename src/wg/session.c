/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/session.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct session *session_new(struct noise_keys *keys, bool is_initiator, nsec now)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session) {
		session->is_initiator = is_initiator;
		session->born = now;
		session->index.session = session;
		session->sealer = aead_sealer(is_initiator ? &keys->first : &keys->second);
		session->opener = aead_opener(is_initiator ? &keys->second : &keys->first);
	}
	OPENSSL_cleanse(keys, sizeof(*keys));
	if (session && session->sealer && session->opener)
		return session;
	session_free(session, NULL);
	return NULL;
}

/* libcrypto wipes what its contexts hold. */
void session_free(struct session *session, struct index_table *indices)
{
	if (!session)
		return;
	index_table_remove(indices, &session->index);
	EVP_CIPHER_CTX_free(session->sealer);
	EVP_CIPHER_CTX_free(session->opener);
	free(session);
}

static void replace(struct session **place, struct session *session, struct index_table *indices)
{
	session_free(*place, indices);
	*place = session;
}

/*
 * The initiator may use it at once: the responder has shown that he has the keys. The responder
 * must not before he hears it used. A next one that is still unconfirmed when our own initiation is
 * answered was begun at the same time by the other side, who may be sending in it.
 */
void sessions_begin(struct sessions *sessions, struct session *session, struct index_table *indices)
{
	if (!session->is_initiator) {
		replace(&sessions->next, session, indices);
		replace(&sessions->previous, NULL, indices);
		return;
	}
	if (sessions->next) {
		replace(&sessions->previous, sessions->next, indices);
		sessions->next = NULL;
		replace(&sessions->current, session, indices);
		return;
	}
	replace(&sessions->previous, sessions->current, indices);
	sessions->current = session;
}

bool sessions_confirm(
	struct sessions *sessions, struct session *session, struct index_table *indices)
{
	if (session != sessions->next)
		return false;
	replace(&sessions->previous, sessions->current, indices);
	sessions->current = sessions->next;
	sessions->next = NULL;
	return true;
}

void sessions_end(struct sessions *sessions, struct index_table *indices)
{
	replace(&sessions->current, NULL, indices);
	replace(&sessions->previous, NULL, indices);
	replace(&sessions->next, NULL, indices);
}
