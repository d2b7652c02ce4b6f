/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wg/ is WireGuard (J. Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", revision of
 * 2020-06-01, "the paper") as a machine: datagrams, packets and the time in; datagrams, packets and
 * a deadline out. It opens no descriptor, reads no clock, and does not look into the packets it
 * carries: which addresses a peer may use (allowed_ips.h), and what an inner packet is, is for
 * those who use it.
 *
 * Nothing is accepted twice, nothing forged is accepted, and what is not authenticated leaves no
 * trace but a number. A device and its peers belong to one thread.
 */
#pragma once

#include "base/machine.h"
#include "wg/key.h"
#include "wg/timing.h"
#include "wire/address.h"

#include <sys/uio.h>

struct wg_device;
struct wg_peer;

/* Why something was lost. What no peer can be charged with is counted by the device. */
enum wg_drop {
	WG_DROP_MALFORMED, /* no message of WireGuard's, or of a wrong length */
	WG_DROP_FORGED,	   /* a MAC or tag is wrong */
	WG_DROP_UNKNOWN,   /* names an index or a key that nobody has */
	WG_DROP_REPLAYED,  /* was here before, or something newer was */
	WG_DROP_TOO_MANY, /* more handshakes than one may ask for, or under load without a cookie */
	WG_DROP_EXPIRED,  /* the session is too old for it */
	WG_DROP_NO_ENDPOINT, /* nobody knows where the peer is */
	WG_DROP_GIANT,	     /* longer than a datagram can be */
	WG_DROP_QUEUE_FULL,  /* too much waits for a session, or has waited in vain */
	WG_DROP_NO_MEMORY,
	WG_DROP_COUNT,
};

const char *wg_drop_name(enum wg_drop drop);

enum wg_event {
	WG_HANDSHAKE,	/* a session was agreed on */
	WG_ROAMED,	/* the peer is at another endpoint */
	WG_UNREACHABLE, /* it has not answered for timing.rekey_attempts; once, until it does */
	WG_EXPIRED,	/* nothing is left of its keys */
};

/*
 * Called from the functions below. None of these may call back into the device but wg_peer_send();
 * who wants more does it later (loop_defer).
 */
struct wg_ops {
	/* Datagrams for one endpoint: len bytes, cut every segment_len, of which the last may be
	 * shorter: what UDP_SEGMENT takes. is_whole: see wg_peer_set_whole(). Lent. */
	void (*transmit)(void *owner, const struct endpoint *to, const uint8_t *bytes, size_t len,
		size_t segment_len, bool is_whole);
	/* What a peer said, in the order in which it came, without what is empty; each with up to
	 * 15 zeros behind it, or more. Lent, where they were received; may be changed, with the 16
	 * bytes before each. */
	void (*deliver)(void *owner, struct wg_peer *peer, const struct iovec *packets,
		unsigned count, nsec now);
	/* May be NULL. */
	void (*on_event)(void *owner, struct wg_peer *peer, enum wg_event event, nsec now);
	/* Nanoseconds since 1970: what initiations are stamped with, so that old ones are told
	 * from new ones by peers that remember. */
	nsec (*wall_clock)(void *owner);
};

#define WG_PACKETS_MAX	 64 /* that transmit() or deliver() is given at a time */
#define WG_DATAGRAM_MAX	 65507
#define WG_OVERHEAD	 32 /* bytes that a packet grows by, beside the padding */
#define WG_LOAD_STANDARD 500

struct wg_settings {
	const struct wg_ops *ops;
	void *owner;
	struct wg_timing timing; /* WG_TIMING, but for tests */
	/* Handshake messages a second above which their senders must show with a cookie that they
	 * are where they say; 0: always. */
	unsigned load;
};

/* NULL: out of memory. It has no key yet, and answers nobody. */
struct wg_device *wg_device_new(const struct wg_settings *settings);
/* Wipes it, with all peers. NULL is fine. */
void wg_device_free(struct wg_device *device);
struct machine *wg_device_machine(struct wg_device *device);

/* All sessions end. NULL: none, and silence. A peer with the same key is mute. */
void wg_device_set_key(struct wg_device *device, const struct wg_key *private);
/* NULL: it has none. */
const struct wg_key *wg_device_public(const struct wg_device *device);
/* False: it has none. The caller wipes it. */
bool wg_device_private(const struct wg_device *device, struct wg_key *ret) MUST_USE;
/* Handshakes need a cookie until then: for who sees a queue that we do not. */
void wg_device_say_loaded(struct wg_device *device, nsec until);
const uint64_t *wg_device_drops(const struct wg_device *device); /* WG_DROP_COUNT of them */

/* One or more datagrams from one place: len bytes, cut every segment_len, of which the last may be
 * shorter: what UDP_GRO gives. They are opened where they lie. */
struct wg_arrival {
	uint8_t *bytes;
	size_t len, segment_len;
	struct endpoint from;
};
void wg_device_receive(
	struct wg_device *device, const struct wg_arrival *arrivals, unsigned count, nsec now);

/* NULL: errno is EEXIST; EINVAL for our own key, or one that nothing can be agreed with; ENOMEM. */
struct wg_peer *wg_peer_new(struct wg_device *device, const struct wg_key *public, void *owner);
void wg_peer_free(struct wg_peer *peer);
struct wg_peer *wg_peer_find(const struct wg_device *device, const struct wg_key *public);
/* In the order in which they were made; NULL before the first and after the last. */
struct wg_peer *wg_peer_after(const struct wg_device *device, const struct wg_peer *peer);
void *wg_peer_owner(const struct wg_peer *peer);
const struct endpoint *wg_peer_endpoint(const struct wg_peer *peer);

/* NULL: none. Holds from the next handshake on. */
void wg_peer_set_preshared(struct wg_peer *peer, const struct wg_key *preshared);
void wg_peer_set_endpoint(struct wg_peer *peer, const struct endpoint *endpoint);
/* Something is sent at least that often, so that NATs on the way do not forget; 0: only when
 * needed. */
void wg_peer_set_keepalive(struct wg_peer *peer, nsec interval, nsec now);
/* The longest packet that padding may make; 0: any. */
void wg_peer_set_mtu(struct wg_peer *peer, uint32_t mtu);
/* What is sent to it is not to be cut on the way: who uses it knows how much that carries. */
void wg_peer_set_whole(struct wg_peer *peer, bool is_whole);

struct wg_packet {
	const struct iovec *parts;
	unsigned part_count;
	uint32_t len; /* of all parts */
};

/* They are copied and sealed before this returns, and leave at the end of the turn at the latest;
 * without a session they wait for one, within limits. */
void wg_peer_send(struct wg_peer *peer, const struct wg_packet *packets, unsigned count, nsec now);
/* Asks for a session, when there is none. */
void wg_peer_connect(struct wg_peer *peer, nsec now);
/* Asks for another, for who has reason to think that the other side has none any more. */
void wg_peer_renew(struct wg_peer *peer, nsec now);
/* Since when packets have been sent without a word in answer; NSEC_NEVER: none have. */
nsec wg_peer_unheard_since(const struct wg_peer *peer);

struct wg_peer_state {
	struct wg_key public;
	struct wg_key preshared;  /* secret */
	struct endpoint endpoint; /* of none: ip_is_none() */
	nsec keepalive;
	uint64_t received_bytes, sent_bytes; /* of datagrams */
	nsec handshake_at;		     /* the last one; -NSEC_NEVER: there was none */
	nsec received_at;		     /* anything authentic */
	bool has_session;		     /* in which it could be sent now */
	uint64_t drops[WG_DROP_COUNT];
};
void wg_peer_look(const struct wg_peer *peer, nsec now, struct wg_peer_state *ret);
