/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is who we go to still there? WireGuard finds out 15 s after something was sent without an answer;
 * we can ask, and who is there says so at once.
 */
#include "port/link/link_state.h"

#define ASK_AFTER   (2 * NSEC_PER_SEC)
#define DOUBT_AFTER (5 * NSEC_PER_SEC) /* by then it has been asked three times */
#define DOUBT_AGAIN (5 * NSEC_PER_SEC) /* which is also how often a handshake is tried */

void member_doubt(struct link_member *member, nsec now)
{
	nsec since = wg_peer_unheard_since(member->peer.wg);

	if (since == NSEC_NEVER || now - since < ASK_AFTER)
		return;
	if (now - since < DOUBT_AFTER) {
		member_ping(member, now);
		return;
	}
	if (now - member->doubted_at < DOUBT_AGAIN)
		return;
	member->doubted_at = now;
	wg_peer_renew(member->peer.wg, now);
	tell_news(&member->peer, LINK_SILENT, NULL);
}
