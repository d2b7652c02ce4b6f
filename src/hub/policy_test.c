/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ports may do, and where frames are while they are on a port's wire. */
#include "hub/fake_port.h"
#include "hub/policy.h"
#include "wire/checksum.h"
#include "wire/golden.h"

#define MSEC NSEC_PER_MSEC

/* Three ports that know each other, each with a policy. */
struct net {
	struct hub *hub;
	struct fake *f[3];
	struct port_policy policies[3];
};

static unsigned links_set;
static bool link_is_up;

static void set_link(struct port *, bool is_up)
{
	links_set++;
	link_is_up = is_up;
}

static const struct port_ops linked_ops = {
	.kind = "fake", .send = fake_send, .free = fake_free, .set_link = set_link};

static struct net open_net(void)
{
	struct net net = {.hub = open_hub()};

	for (unsigned i = 0; i < 3; i++)
		net.f[i] = plug(net.hub, "");
	introduce(net.f, 3);
	links_set = 0;
	return net;
}

/* The policies lie in *net from here on. */
static void rule(struct net *net, unsigned i, struct policy_settings settings)
{
	if (!net->f[i]->port.policy)
		policy_init(&net->policies[i], &net->f[i]->port, i);
	policy_change(&net->policies[i], &settings, NOW);
}

static void close_net(struct net *net)
{
	for (unsigned i = 0; i < 3; i++) {
		if (net->f[i]->port.policy)
			policy_done(&net->policies[i]);
	}
	hub_free(net->hub);
}

static void run(struct impair *wire, nsec now)
{
	wire->machine.run(&wire->machine, now);
}

static void test_allows_everything_at_first(void **)
{
	struct net net = open_net();

	for (unsigned i = 0; i < 3; i++)
		rule(&net, i, (struct policy_settings){0});
	receive(net.f[0], frame_of(2, 1), NOW);
	receive(net.f[0], frame_of(0xff, 1), NOW);
	receive(net.f[0], frame_of(3, 77), NOW);
	assert_int_equal(net.f[1]->frames, 2);
	assert_int_equal(net.f[2]->frames, 2);
	assert_int_equal(net.f[0]->port.in.frames, 3);
	close_net(&net);
}

/* 0 and 1 do not see each other; 2 sees both. */
static void test_isolated(void **)
{
	struct net net = open_net();

	rule(&net, 0, (struct policy_settings){.is_isolated = true});
	rule(&net, 1, (struct policy_settings){.is_isolated = true});
	receive(net.f[0], frame_of(2, 1), NOW);
	receive(net.f[0], frame_of(0xff, 1), NOW);
	receive(net.f[0], frame_of(3, 1), NOW);
	assert_int_equal(net.f[1]->frames, 0);
	assert_int_equal(net.f[1]->port.out.frames, 2);
	assert_int_equal(net.f[1]->port.out.drops[DROP_POLICY], 2);
	assert_int_equal(net.f[2]->frames, 2);
	receive(net.f[2], frame_of(1, 3), NOW);
	receive(net.f[2], frame_of(0xff, 3), NOW);
	assert_int_equal(net.f[0]->frames, 2);
	assert_int_equal(net.f[1]->frames, 1);
	rule(&net, 1, (struct policy_settings){0});
	receive(net.f[0], frame_of(2, 1), NOW);
	assert_int_equal(net.f[1]->frames, 2);
	close_net(&net);
}

static void test_spoofed(void **)
{
	struct net net = open_net();
	struct frame frames[5] = {
		frame_of(2, 1), frame_of(2, 9), frame_of(2, 1), frame_of(2, 3), frame_of(0xff, 1)};

	rule(&net, 0, (struct policy_settings){.mac = mac_of(1)});
	hub_receive(&net.f[0]->port, frames, 5, NOW);
	assert_int_equal(net.f[1]->frames, 3);
	assert_int_equal(net.f[0]->port.in.drops[DROP_SOURCE_SPOOFED], 2);
	assert_int_equal(net.f[0]->port.in.frames, 3);
	assert_ptr_equal(hub_lookup(net.hub, mac_of(3), NOW), &net.f[2]->port); /* not stolen */
	frames[0].head_len = frames[0].len = 13;
	hub_receive(&net.f[0]->port, frames, 1, NOW);
	assert_int_equal(net.f[0]->port.in.drops[DROP_RUNT], 1);
	close_net(&net);
}

static void test_link(void **)
{
	struct net net = open_net();

	net.f[1]->port.ops = &linked_ops;
	rule(&net, 1, (struct policy_settings){.is_down = true});
	assert_true(links_set == 1 && !link_is_up && !port_is_up(&net.f[1]->port));
	rule(&net, 1, (struct policy_settings){.is_down = true});
	assert_int_equal(links_set, 1); /* nothing new */
	receive(net.f[0], frame_of(2, 1), NOW);
	receive(net.f[0], frame_of(0xff, 1), NOW);
	receive(net.f[1], frame_of(1, 2), NOW);
	assert_int_equal(net.f[1]->port.out.drops[DROP_LINK_DOWN], 2);
	assert_int_equal(net.f[1]->port.in.drops[DROP_LINK_DOWN], 1);
	assert_int_equal(net.f[0]->frames + net.f[1]->frames, 0);
	rule(&net, 1, (struct policy_settings){0});
	assert_true(links_set == 2 && link_is_up && port_is_up(&net.f[1]->port));
	receive(net.f[0], frame_of(2, 1), NOW);
	assert_int_equal(net.f[1]->frames, 1);
	rule(&net, 0, (struct policy_settings){.is_down = true}); /* has no words for it */
	net.f[1]->port.is_down = true;
	assert_false(port_is_up(&net.f[1]->port));
	close_net(&net);
}

/* What is under way when the link goes is lost, and counted once. */
static void test_link_down_empties_wires(void **)
{
	struct net net = open_net();
	struct impair_settings slow = {.delay = 10 * MSEC};

	rule(&net, 1, (struct policy_settings){.in = slow, .out = slow});
	receive(net.f[0], frame_of(2, 1), NOW);
	receive(net.f[1], frame_of(1, 2), NOW);
	rule(&net, 1, (struct policy_settings){.in = slow, .out = slow, .is_down = true});
	rule(&net, 1, (struct policy_settings){.in = slow, .out = slow});
	run(&net.policies[1].in, NOW + 10 * MSEC);
	run(&net.policies[1].out, NOW + 10 * MSEC);
	assert_int_equal(net.f[0]->frames + net.f[1]->frames, 0);
	assert_int_equal(net.f[1]->port.out.frames, 1);
	assert_int_equal(net.f[1]->port.out.drops[DROP_LINK_DOWN], 1);
	assert_int_equal(net.f[1]->port.in.frames, 0);
	assert_int_equal(net.f[1]->port.in.drops[DROP_LINK_DOWN], 1);
	close_net(&net);
}

struct seen {
	struct capture capture;
	char text[256];
};

static void on_frame(struct capture *capture, const struct port *port, enum capture_point point,
	enum drop reason, const struct frame *, nsec now)
{
	struct seen *seen = CONTAINER_OF(capture, struct seen, capture);
	size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%s %s%s %d; ", port->name,
		point == CAPTURE_IN    ? "in"
		: point == CAPTURE_OUT ? "out"
				       : "drop ",
		point == CAPTURE_DROP ? drop_name(reason) : "", (int)((now - NOW) / MSEC));
}

/* It enters the hub when it comes out of the wire in, and leaves it before the wire out. */
static void test_where_frames_are(void **)
{
	struct net net = open_net();
	struct seen seen = {.capture.on_frame = on_frame};

	hub_capture_start(net.hub, &seen.capture);
	rule(&net, 0, (struct policy_settings){.in.delay = 10 * MSEC, .mac = mac_of(1)});
	rule(&net, 1, (struct policy_settings){.out.delay = 30 * MSEC});
	receive(net.f[0], frame_of(2, 1), NOW);
	receive(net.f[0], frame_of(2, 9), NOW + MSEC);
	assert_int_equal(net.f[0]->port.in.frames, 0);
	run(&net.policies[0].in, NOW + 10 * MSEC);
	assert_int_equal(net.f[0]->port.in.frames, 1);
	assert_int_equal(net.f[1]->port.out.frames, 1);
	assert_int_equal(net.f[1]->frames, 0);
	net.f[1]->drops = DROP_QUEUE_FULL;
	run(&net.policies[1].out, NOW + 40 * MSEC);
	assert_int_equal(net.f[1]->frames, 1);
	assert_int_equal(net.f[1]->port.out.frames, 1);
	assert_string_equal(seen.text, "fake0 drop source_spoofed 1; fake0 in 10; fake1 out 10; "
				       "fake1 drop queue_full 40; ");
	hub_capture_stop(&seen.capture);
	close_net(&net);
}

/* Whatever wires do: what entered elsewhere = what left here, lost or not, + what was not for it.
 */
static void test_sums_come_out(void **)
{
	struct impair_settings bad = {.loss = 200000, .duplicate = 300000};
	struct net net = open_net();
	uint64_t frames = hub_frames(net.hub), mismatch = port_mismatch(&net.f[1]->port);

	rule(&net, 0, (struct policy_settings){.in = bad});
	rule(&net, 1, (struct policy_settings){.out = bad});
	for (unsigned i = 0; i < 1000; i++) {
		receive(net.f[0], frame_of(i % 3 ? 2 : 3, 1), NOW);
		run(&net.policies[0].in, NOW);
		run(&net.policies[1].out, NOW);
		net.f[1]->sends += net.f[1]->frames;
		net.f[1]->frames = net.f[2]->frames = 0;
	}
	frames = hub_frames(net.hub) - frames;
	mismatch = port_mismatch(&net.f[1]->port) - mismatch;
	assert_int_equal(net.f[0]->port.in.frames, frames);
	assert_true(net.f[0]->port.in.drops[DROP_IMPAIRED] > 100);
	assert_true(net.f[1]->port.out.drops[DROP_IMPAIRED] > 100);
	assert_int_equal(net.f[1]->port.out.frames + mismatch, frames);
	close_net(&net);
}

/* Behind the wire a port gets what it takes, as without one. */
static void test_super_frame_through_a_wire(void **)
{
	static uint8_t big[66 + 4344];
	struct net net = open_net();
	struct eth_header eth = {MAC_BROADCAST, mac_of(1), 0x0008};
	struct frame frame = frame_linear(big, sizeof(big));
	uint16_t checksum = 0;

	memcpy(big, golden_tcp4, sizeof(golden_tcp4));
	memcpy(big, &eth, sizeof(eth));
	store_be16(big + 16, sizeof(big) - 14);
	memcpy(big + 24, &checksum, 2);
	checksum = checksum_fold(checksum_add(0, big + 14, 20));
	memcpy(big + 24, &checksum, 2);
	frame.offload = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_TCP4,
		.segment_size = 1448,
		.checksum_start = 34,
		.checksum_offset = 16};
	net.f[2]->port.takes = TAKES_ALL;
	net.f[1]->port.mtu = net.f[2]->port.mtu = 1500;
	rule(&net, 1, (struct policy_settings){.out.delay = MSEC});
	rule(&net, 2, (struct policy_settings){.out.delay = MSEC});
	receive(net.f[0], frame, NOW);
	assert_int_equal(net.f[1]->frames + net.f[2]->frames, 0);
	run(&net.policies[1].out, NOW + MSEC);
	run(&net.policies[2].out, NOW + MSEC);
	assert_int_equal(net.f[1]->frames, 3);
	assert_int_equal(net.f[1]->got[0].len, 1514);
	assert_false(net.f[1]->got[0].offload.needs_checksum);
	assert_int_equal(net.f[1]->port.out.frames, 3);
	assert_int_equal(net.f[2]->frames, 1);
	rule(&net, 1, (struct policy_settings){.out.loss = 1});
	net.f[1]->port.mtu = 1000;
	receive(net.f[0], frame, NOW);
	run(&net.policies[1].out, NOW + MSEC);
	assert_int_equal(net.f[1]->frames, 3);
	assert_int_equal(net.f[1]->port.out.drops[DROP_GIANT], 3);
	close_net(&net);
}

static void test_port_goes_with_frames_under_way(void **)
{
	struct net net = open_net();

	rule(&net, 1, (struct policy_settings){.in.delay = MSEC, .out.delay = MSEC});
	receive(net.f[0], frame_of(2, 1), NOW);
	receive(net.f[1], frame_of(1, 2), NOW);
	hub_detach(&net.f[1]->port);
	run(&net.policies[1].in, NOW + MSEC);
	run(&net.policies[1].out, NOW + MSEC);
	assert_int_equal(net.f[0]->frames + net.f[1]->frames, 0);
	policy_done(&net.policies[1]);
	assert_null(net.f[1]->port.policy);
	fake_free(&net.f[1]->port);
	hub_free(net.hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allows_everything_at_first),
		cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_spoofed),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_link_down_empties_wires),
		cmocka_unit_test(test_where_frames_are),
		cmocka_unit_test(test_sums_come_out),
		cmocka_unit_test(test_super_frame_through_a_wire),
		cmocka_unit_test(test_port_goes_with_frames_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
