/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link-load SECONDS RATE < INVITATIONS: as many members of one relay as there are lines, each with
 * a socket and a key of its own. Says "enrolled N seconds" when all are up; then, together, sends
 * RATE broadcasts a second for so long, and says how many it sent and how many came back.
 *
 *      members, one hub each === N sockets --- relay
 */
#include "io/driver.h"
#include "port/link/invite.h"
#include "port/link/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MEMBERS_MAX 4000
#define ASK_AGAIN   (2 * NSEC_PER_SEC)
#define FRAME_LEN   64

struct member {
	struct load *load;
	struct invite invite;
	struct endpoint relay;
	struct wg_key private;
	struct link *link;
	struct hub *hub;
	struct port guest, *port;
	bool is_accepted, is_up;
	struct task step; /* from the invitation's session to ours */
};

struct load {
	struct loop *loop;
	struct timer timer;
	unsigned count, up, asking;
	nsec begun_at, sending_since, last_at;
	double seconds, rate;
	uint64_t sent, got;
	struct member members[MEMBERS_MAX];
};

static struct load load;

static void die(const char *what)
{
	fprintf(stderr, "link-load: %s\n", what);
	exit(1);
}

static void guest_send(struct port *, const struct frame *, unsigned count)
{
	load.got += count;
}

static void guest_free(struct port *)
{
}

static const struct port_ops guest_ops = {.kind = "load", .send = guest_send, .free = guest_free};

static void on_news(void *owner, const struct link_news *news)
{
	struct member *member = owner;

	if (news->event == LINK_ASKED && news->control->type == CONTROL_ACCEPTED &&
		!member->is_accepted) {
		member->is_accepted = true;
		loop_defer(load.loop, &member->step);
	} else if (news->event == LINK_ASKED && news->control->type == CONTROL_REFUSED) {
		die(news->control->text);
	} else if (news->event == LINK_UP && !member->is_up) {
		member->is_up = true;
		load.up++;
	}
}

/* An address for each: under load the relay hears so much from one, and no more. */
static struct endpoint own_place(const struct member *member)
{
	const unsigned number = (unsigned)(member - load.members) + 1;
	const uint8_t bytes[] = {127, 1, (uint8_t)(number >> 8), (uint8_t)number};

	return (struct endpoint){.ip = ip_from_bytes4(bytes)};
}

static void open_link(struct member *member, const struct wg_key *key)
{
	const struct endpoint place = own_place(member);
	struct link_settings settings = {.private = key, .on_news = on_news, .owner = member};
	struct error error = {0};

	if (udp_open(&settings.udp, &place, &error))
		die(error.text);
	member->link = link_new(load.loop, &settings);
	if (!member->link)
		die("out of memory");
}

static void ask(struct member *member)
{
	const struct control enrol = {
		.type = CONTROL_ENROL, .key = wg_key_public(&member->private)};

	if (!member->link) {
		open_link(member, &member->invite.enrolment);
		if (link_caller_add(member->link, &member->invite.relay, &member->relay))
			die("the relay's key");
	}
	link_say(member->link, &member->invite.relay, &enrol);
}

static void be_member(struct task *task)
{
	struct member *member = CONTAINER_OF(task, struct member, step);
	const struct hash_key key = {1, 2};
	struct link_member_settings settings = {.name = "link",
		.key = member->invite.relay,
		.endpoint = member->relay,
		.is_dialled = true};

	link_free(member->link);
	open_link(member, &member->private);
	member->port = link_member_new(member->link, &settings);
	member->hub = hub_new("hub1", &key);
	member->guest.ops = &guest_ops;
	if (!member->port || !member->hub ||
		hub_attach(member->hub, member->port, loop_now(load.loop)) ||
		hub_attach(member->hub, &member->guest, loop_now(load.loop)))
		die("out of memory");
}

static void broadcast(unsigned number, nsec now)
{
	struct member *member = &load.members[number % load.count];
	uint8_t bytes[FRAME_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0,
		(uint8_t)(number % load.count >> 8), (uint8_t)(number % load.count), 0x88, 0xb6};
	const struct frame frame = frame_linear(bytes, sizeof(bytes));

	hub_receive(&member->guest, &frame, 1, now);
	load.sent++;
}

static void on_timer(struct timer *timer, nsec now)
{
	timer_set(load.loop, timer, now + NSEC_PER_MSEC);
	if (load.up < load.count) {
		/* Those who have no answer yet ask again, a few at a time. */
		for (unsigned i = 0; i < 4 && now - load.last_at > ASK_AGAIN / load.count * 4;
			i++) {
			struct member *member = &load.members[load.asking++ % load.count];

			if (!member->is_accepted)
				ask(member);
		}
		load.last_at = now - load.last_at > ASK_AGAIN / load.count * 4 ? now : load.last_at;
		return;
	}
	if (!load.sending_since) {
		printf("enrolled %u %.2f\n", load.count,
			(double)(now - load.begun_at) / NSEC_PER_SEC);
		fflush(stdout);
		load.sending_since = now;
		load.got = 0;
	}
	while (load.rate > 0 &&
		(double)load.sent < load.rate * (double)(now - load.sending_since) / NSEC_PER_SEC)
		broadcast((unsigned)load.sent, now);
	if ((double)(now - load.sending_since) / NSEC_PER_SEC > load.seconds)
		loop_stop(load.loop);
}

static void read_invitations(void)
{
	char line[INVITE_TEXT_SIZE + 1];
	struct error error = {0};

	while (load.count < MEMBERS_MAX && fgets(line, sizeof(line), stdin)) {
		struct member *member = &load.members[load.count++];
		char place[INVITE_HOST_SIZE + 8];

		line[strcspn(line, "\n")] = '\0';
		if (invite_parse(line, &member->invite, &error))
			die(error.text);
		snprintf(place, sizeof(place), "%s:%u", member->invite.host, member->invite.port);
		if (!endpoint_parse(place, &member->relay))
			die(place);
		wg_key_make_private(&member->private);
		member->step.run = be_member;
	}
	if (!load.count)
		die("no invitations");
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("SECONDS RATE");
	load.seconds = strtod(argv[1], NULL);
	load.rate = strtod(argv[2], NULL);
	read_invitations();
	load.loop = loop_new();
	load.timer.on_expire = on_timer;
	load.begun_at = loop_now(load.loop);
	timer_set(load.loop, &load.timer, load.begun_at + NSEC_PER_MSEC);
	loop_run(load.loop);
	printf("sent %llu got %llu\n", (unsigned long long)load.sent, (unsigned long long)load.got);
	return 0;
}
