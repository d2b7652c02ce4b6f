/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wg(8) is told of a link and may change of it (wg/uapi.h). */
#include "port/link/link_state.h"
#include "wg/uapi.h"

#include <errno.h>

#define REMOVALS_MAX 32 /* in one request: they are news, which have so much room */

struct asking {
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

static void call_for(const struct link_address *address,
	void (*call)(void *argument, const struct ip_prefix *prefix), void *argument)
{
	struct ip_prefix prefix = address->prefix;

	if (!prefix.len)
		return;
	prefix.len = ip_is_v4(prefix.address) ? 32 : 128;
	call(argument, &prefix);
}

/* Those that speak IP have addresses; on others' there is no limit that wg(8) knows of. */
static void each_prefix(void *, const struct wg_peer *wg,
	void (*call)(void *argument, const struct ip_prefix *prefix), void *argument)
{
	const struct routed *routed = member_of_peer(wg_peer_owner(wg))->routed;

	if (!routed)
		return;
	call_for(&routed->v4, call, argument);
	call_for(&routed->v6, call, argument);
}

char *link_answer_wg(struct link *link, const char *request, size_t len, size_t *ret_len)
{
	struct asking asking = {0};
	struct uapi uapi = {
		.device = link->device,
		.port = udp_port(&link->udp),
		.is_ruled = true,
		.owner = &asking,
		.is_shown = is_shown,
		.each_prefix = each_prefix,
		.remove_peer = remove_peer,
	};

	return uapi_answer(&uapi, request, len, loop_now(link->loop), ret_len);
}
