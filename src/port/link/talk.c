/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What members and their relay tell each other, and when. */
#include "port/link/link_state.h"

#define HELLO_AGAIN (1 * NSEC_PER_SEC)
#define TELL_EVERY  (1 * NSEC_PER_SEC)
#define PING_EVERY  LINK_KEEPALIVE

static void say_hello(struct link_member *member, bool is_answer, nsec now)
{
	const struct control hello = {
		.type = CONTROL_HELLO,
		.capabilities = CAN_FRAMES | CAN_ETHERIP | CAN_UNSUMMED | CAN_PROBED,
		.is_answer = is_answer,
		.subnet = member->peer.link->subnet,
		.mtu = member->mtu,
	};

	if (!is_answer)
		member->hello_at = now;
	peer_say(&member->peer, &hello, now);
}

void member_greet(struct link_member *member, nsec now)
{
	if (member->routed) {
		member->heard_at = now;
		member_set_up(member, true);
		routed_announce(member->routed);
	} else if (!(member->capabilities & CAN_FRAMES)) {
		say_hello(member, false, now);
	}
}

void member_ping(struct link_member *member, nsec now)
{
	const struct control ping = {.type = CONTROL_PING, .stamp = (uint64_t)now};

	member->ping_at = now;
	peer_say(&member->peer, &ping, now);
}

/* A member can make us tell of it once a second. */
static void tell_of(
	struct link_member *member, enum link_event event, const struct control *control, nsec now)
{
	if (now - member->told_at < TELL_EVERY)
		return;
	member->told_at = now;
	tell_news(&member->peer, event, control);
}

/* One segment is one subnet: whoever has another one behind him will not be heard by it. */
static void compare_subnets(struct link_member *member, const struct control *hello, nsec now)
{
	const struct ip_prefix *ours = &member->peer.link->subnet, *theirs = &hello->subnet;

	if (!member->is_dialled && ours->len && theirs->len &&
		(ours->len != theirs->len || !ip_equal(ours->address, theirs->address)))
		tell_of(member, LINK_SUBNETS, hello, now);
}

static void hear_hello(struct link_member *member, const struct control *hello, nsec now)
{
	bool was_open = member->capabilities & CAN_FRAMES;

	member->capabilities = hello->capabilities;
	if (!hello->is_answer)
		say_hello(member, true, now);
	if (!(hello->capabilities & CAN_FRAMES))
		return;
	member_set_up(member, true);
	if (!was_open) {
		member_ping(member, now);
		if (hello->capabilities & CAN_PROBED)
			path_begin(member, now);
		compare_subnets(member, hello, now);
	}
}

/* Before the first, it counts whole; later ones each for an eighth (RFC 6298 2.3). */
static void hear_pong(struct link_member *member, const struct control *pong, nsec now)
{
	nsec sample = now - (nsec)pong->stamp;

	if ((nsec)pong->stamp != member->ping_at || sample < 0)
		return;
	member->rtt = member->rtt ? member->rtt + (sample - member->rtt) / 8 : MAX(sample, 1);
}

void member_hear(struct link_member *member, const struct control *control, nsec now)
{
	struct control answer = {.type = CONTROL_PONG, .stamp = control->stamp};

	switch (control->type) {
	case CONTROL_HELLO:
		hear_hello(member, control, now);
		return;
	case CONTROL_PROBE:
		answer.type = CONTROL_PROBED;
		/* fall through */
	case CONTROL_PING:
		peer_say(&member->peer, &answer, now);
		return;
	case CONTROL_PROBED:
		path_hear(member, control->stamp, now);
		return;
	case CONTROL_PONG:
		hear_pong(member, control, now);
		return;
	case CONTROL_REFUSED:
		if (member->is_dialled)
			tell_of(member, LINK_REFUSED, control, now);
		return;
	case CONTROL_NOTICE:
		tell_of(member, LINK_NOTICED, control, now);
		return;
	case CONTROL_ENROL:
	case CONTROL_ACCEPTED:
	case CONTROL_WAITS:
		return; /* it is a member already */
	}
}

static nsec silence_of(const struct link_member *member)
{
	return member->routed ? LINK_SILENCE_STOCK : LINK_SILENCE;
}

void member_tick(struct link_member *member, nsec now)
{
	struct wg_peer_state state;

	if (member->routed)
		routed_tick(member->routed, now);
	if (!member->port.is_down) {
		if (now - member->heard_at > silence_of(member))
			member_set_up(member, false);
		else if (!member->routed && now - member->ping_at >= PING_EVERY)
			member_ping(member, now);
		if (member->is_dialled)
			member_doubt(member, now);
		path_tick(member, now);
		return;
	}
	if (member->routed || now - member->hello_at < HELLO_AGAIN)
		return;
	wg_peer_look(member->peer.wg, now, &state);
	wg_key_wipe(&state.preshared);
	if (state.has_session)
		say_hello(member, false, now);
	else if (member->is_dialled)
		wg_peer_connect(member->peer.wg, now);
}
