/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a relay remembers of a member and of an invitation, as JSON. */
#pragma once

#include "daemon/link_store.h"

#include <jansson.h>

/* NULL: no memory. */
json_t *link_member_json(const struct link_member_record *member);
json_t *link_invite_json(const struct link_invite_record *invite);
/* Into one that is zero. False: it is none. */
bool link_member_read(struct link_member_record *member, const json_t *object) MUST_USE;
bool link_invite_read(struct link_invite_record *invite, const json_t *object) MUST_USE;
