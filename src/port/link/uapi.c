/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wg(8) is told of a link and may change of it (wg/uapi.h). */
#include "port/link/link_state.h"
#include "wg/uapi.h"

#include <errno.h>

#define REMOVALS_MAX 32 /* in one request: they are news, which have so much room */

struct asking {
	struct link *link;
	unsigned removals;
};

/* Who may only talk is no peer yet, or no more. */
static bool is_shown(void *, const struct wg_peer *wg)
{
	return ((const struct link_peer *)wg_peer_owner(wg))->is_member;
}

/* Who is a member is for our owner to say; nobody is one of a relay that does not want it. */
static int remove_peer(void *owner, struct wg_peer *wg)
{
	struct asking *asking = owner;
	struct link_peer *peer = wg_peer_owner(wg);

	if (member_of_peer(peer)->is_dialled)
		return -EPERM;
	if (asking->removals++ == REMOVALS_MAX)
		return -E2BIG;
	tell_news(peer, LINK_UNWANTED, NULL);
	return 0;
}

static int note_address(
	struct allowed_ips *allowed, const struct link_address *address, struct wg_peer *wg)
{
	struct ip_prefix prefix = address->prefix;

	if (!prefix.len)
		return 0;
	prefix.len = ip_is_v4(prefix.address) ? 32 : 128;
	return allowed_ips_add(allowed, &prefix, wg);
}

/* Those that speak IP have addresses; on others' there is no limit that wg(8) knows of. */
static int note_addresses(const struct link *link, struct allowed_ips *allowed)
{
	int err = 0;

	LIST_EACH(node, &link->members) {
		struct link_member *member = CONTAINER_OF(node, struct link_member, peer.node);

		if (!member->routed || err)
			continue;
		err = note_address(allowed, &member->routed->v4, member->peer.wg);
		err = err ?: note_address(allowed, &member->routed->v6, member->peer.wg);
	}
	return err;
}

char *link_answer_wg(struct link *link, const char *request, size_t len, size_t *ret_len)
{
	struct asking asking = {.link = link};
	struct allowed_ips allowed;
	struct uapi uapi = {
		.device = link->device,
		.allowed = &allowed,
		.port = udp_port(&link->udp),
		.is_ruled = true,
		.owner = &asking,
		.is_shown = is_shown,
		.remove_peer = remove_peer,
	};
	char *reply = NULL;

	allowed_ips_init(&allowed, SIZE_MAX);
	if (!note_addresses(link, &allowed))
		reply = uapi_answer(&uapi, request, len, loop_now(link->loop), ret_len);
	allowed_ips_done(&allowed);
	return reply;
}
