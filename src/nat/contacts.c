/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/contacts.h"

#include <stdlib.h>

#define SIZE_FIRST 8

static bool grow(struct contacts *contacts)
{
	size_t size = contacts->size ? contacts->size * 2 : SIZE_FIRST;
	struct ip *ips;

	if (contacts->size >= CONTACTS_MAX)
		return false;
	ips = realloc(contacts->ips, size * sizeof(*ips));
	if (!ips)
		return false;
	if (!contacts->size)
		ips[0] = contacts->first;
	contacts->ips = ips;
	contacts->size = size;
	return true;
}

/* Those before `place` move up by one, and ip is the first. */
static void put_first(struct contacts *contacts, size_t place, struct ip ip)
{
	if (contacts->size) {
		memmove(contacts->ips + 1, contacts->ips, place * sizeof(*contacts->ips));
		contacts->ips[0] = ip;
	}
	contacts->first = ip;
}

bool contacts_has(struct contacts *contacts, struct ip ip)
{
	if (contacts->count && ip_equal(contacts->first, ip))
		return true;
	for (size_t i = 1; i < contacts->count; i++) {
		if (ip_equal(contacts->ips[i], ip)) {
			put_first(contacts, i, ip);
			return true;
		}
	}
	return false;
}

void contacts_add(struct contacts *contacts, struct ip ip)
{
	if (contacts_has(contacts, ip))
		return;
	if (!contacts->count || contacts->count < contacts->size || grow(contacts))
		contacts->count++;
	put_first(contacts, contacts->count - 1, ip);
}

void contacts_done(struct contacts *contacts)
{
	free(contacts->ips);
	*contacts = (struct contacts){0};
}
