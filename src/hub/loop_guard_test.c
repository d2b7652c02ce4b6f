/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hubs joined by cables; each cable is a port at both ends, and carries what it holds when told. */
#include "hub/fake_port.h"
#include "hub/loop_guard.h"
#include "hub/policy.h"

#define HELD_MAX 64

struct cable_end {
	struct port port;
	struct cable_end *peer;
	uint8_t held[HELD_MAX][64];
	uint32_t lens[HELD_MAX];
	unsigned count, lost;
	struct port_policy policy;
	struct loop_port loop;
};

static void cable_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct cable_end *end = CONTAINER_OF(port, struct cable_end, port);

	for (unsigned i = 0; i < count; i++) {
		if (end->count == HELD_MAX) {
			end->lost++;
			continue;
		}
		frame_copy(&frames[i], 0, end->held[end->count], 64);
		end->lens[end->count++] = frames[i].len;
	}
}

static void cable_free(struct port *)
{
}

static const struct port_ops cable_ops = {.kind = "cable", .send = cable_send, .free = cable_free};

struct net {
	struct hub *hubs[5];
	struct loop_guard guards[5];
	struct cable_end ends[16];
	unsigned hub_count, end_count;
	nsec now;
};

static unsigned changes;

static void on_change(struct loop_guard *, const struct port *, const struct port *)
{
	changes++;
}

static struct hub *add_hub(struct net *net, uint64_t id)
{
	unsigned i = net->hub_count++;

	net->hubs[i] = open_hub();
	net->guards[i].on_change = on_change;
	loop_guard_init(&net->guards[i], net->hubs[i], id);
	return net->hubs[i];
}

static struct cable_end *add_end(struct net *net, struct hub *hub)
{
	struct cable_end *end = &net->ends[net->end_count++];

	end->port.ops = &cable_ops;
	assert_int_equal(hub_attach(hub, &end->port, net->now), 0);
	return end;
}

static struct cable_end *join(struct net *net, struct hub *a, struct hub *b)
{
	struct cable_end *one = add_end(net, a), *other = add_end(net, b);

	one->peer = other;
	other->peer = one;
	return one;
}

static void watch(struct cable_end *end, struct loop_guard *guard, unsigned rank)
{
	policy_init(&end->policy, &end->port, 1);
	loop_guard_watch(guard, &end->loop, &end->port, rank);
	end->policy.loop = &end->loop;
}

/* Every frame that is on a cable arrives, a few hops far: a storm does not end by itself. */
static unsigned carry(struct net *net, unsigned hops)
{
	unsigned carried = 0;

	while (hops--) {
		for (unsigned i = 0; i < net->end_count; i++) {
			struct cable_end *end = &net->ends[i];
			uint8_t held[HELD_MAX][64];
			unsigned count = end->count;

			memcpy(held, end->held, sizeof(held));
			end->count = 0;
			for (unsigned j = 0; j < count; j++) {
				struct frame frame = frame_linear(held[j], end->lens[j]);

				hub_receive(&end->peer->port, &frame, 1, net->now);
				carried++;
			}
		}
	}
	return carried;
}

static void pass_time(struct net *net, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		net->now += NSEC_PER_SEC;
		for (unsigned h = 0; h < net->hub_count; h++)
			net->guards[h].machine.run(&net->guards[h].machine, net->now);
		carry(net, 8);
	}
}

static void close_net(struct net *net)
{
	for (unsigned i = 0; i < net->end_count; i++) {
		if (net->ends[i].port.policy)
			policy_done(&net->ends[i].policy);
	}
	for (unsigned h = 0; h < net->hub_count; h++) {
		loop_guard_done(&net->guards[h]);
		hub_free(net->hubs[h]);
	}
}

/* How often a broadcast crosses a cable in many hops: few, where there is no loop. */
static unsigned broadcast(struct net *net, struct cable_end *from)
{
	struct frame frame = frame_of(0xff, 9);

	hub_receive(&from->port, &frame, 1, net->now);
	return carry(net, 40);
}

static void no_loop_nothing_blocked(void **)
{
	static struct net net;
	struct hub *here, *lan;
	struct cable_end *nic;

	net = (struct net){.now = NOW};
	here = add_hub(&net, 5);
	lan = add_hub(&net, 6);
	nic = join(&net, here, lan);
	watch(nic, &net.guards[0], 1);
	pass_time(&net, 10);
	assert_false(nic->loop.is_blocked);
	close_net(&net);
}

static void two_nics_on_one_lan(void **)
{
	static struct net net;
	struct hub *here, *lan;
	struct cable_end *first, *second;

	net = (struct net){.now = NOW};
	here = add_hub(&net, 5);
	lan = add_hub(&net, 6);
	first = join(&net, here, lan);
	second = join(&net, here, lan);
	watch(first, &net.guards[0], 1);
	watch(second, &net.guards[0], 1);
	changes = 0;
	pass_time(&net, 3);
	assert_false(first->loop.is_blocked);
	assert_true(second->loop.is_blocked);
	assert_int_equal(changes, 1);
	assert_in_range(broadcast(&net, first->peer), 0, 4);
	assert_true(second->port.in.drops[DROP_LOOP] + second->port.out.drops[DROP_LOOP] > 0);

	/* Still so after a while; and free once the other way is gone. */
	pass_time(&net, 20);
	assert_true(second->loop.is_blocked);
	first->port.is_down = true;
	pass_time(&net, 6);
	assert_false(second->loop.is_blocked);
	assert_int_equal(changes, 2);
	close_net(&net);
}

/* Two hubs, each with a NIC on the LAN, and a link between them: one goes on. */
static void two_bridges_one_lan(void **)
{
	static struct net net;
	struct hub *a, *b, *lan;
	struct cable_end *nic_a, *nic_b, *link;

	net = (struct net){.now = NOW};
	a = add_hub(&net, 50);
	b = add_hub(&net, 40);
	lan = add_hub(&net, 60);
	nic_a = join(&net, a, lan);
	nic_b = join(&net, b, lan);
	link = join(&net, a, b);
	watch(nic_a, &net.guards[0], 1);
	watch(nic_b, &net.guards[1], 1);
	watch(link, &net.guards[0], 0);
	watch(link->peer, &net.guards[1], 0);
	pass_time(&net, 5);
	assert_true(nic_a->loop.is_blocked);
	assert_false(nic_b->loop.is_blocked);
	assert_false(link->loop.is_blocked || link->peer->loop.is_blocked);
	assert_in_range(broadcast(&net, nic_b->peer), 0, 6);
	pass_time(&net, 30);
	assert_true(nic_a->loop.is_blocked);
	assert_false(nic_b->loop.is_blocked);

	/* The elected one dies: the other takes over. */
	nic_b->port.is_down = true;
	pass_time(&net, 10);
	assert_false(nic_a->loop.is_blocked);
	close_net(&net);
}

static unsigned blocked_count(const struct net *net)
{
	unsigned count = 0;

	for (unsigned i = 0; i < net->end_count; i++)
		count += net->ends[i].loop.is_blocked;
	return count;
}

/* A relay looks at its members' ports, too: of a ring of relays one port is blocked, and stays. */
static void relays_in_a_ring(void **)
{
	static const uint64_t ids[] = {30, 10, 40, 20};
	static struct net net;
	struct cable_end *links[4];

	net = (struct net){.now = NOW};
	for (unsigned i = 0; i < 4; i++)
		add_hub(&net, ids[i]);
	for (unsigned i = 0; i < 4; i++) {
		links[i] = join(&net, net.hubs[i], net.hubs[(i + 1) % 4]);
		watch(links[i], &net.guards[i], 0);
	}
	changes = 0;
	pass_time(&net, 6);
	assert_int_equal(blocked_count(&net), 1);
	assert_true(links[2]->loop.is_blocked); /* the highest id */
	assert_in_range(broadcast(&net, links[0]->peer), 0, 8);
	pass_time(&net, 40);
	assert_int_equal(changes, 1);
	/* The ring is cut elsewhere. */
	links[0]->port.is_down = links[0]->peer->port.is_down = true;
	pass_time(&net, 6);
	assert_int_equal(blocked_count(&net), 0);
	close_net(&net);
}

static struct {
	unsigned count;
	const struct port *port;
	char name[LOOP_NAME_SIZE];
} standby;

static void on_standby(struct loop_guard *, const struct port *port, const char *name)
{
	standby.count++;
	standby.port = port;
	memcpy(standby.name, name, sizeof(standby.name));
}

/* A relay whose members' ports are looked at as well, and two, then three members on one LAN. */
struct office {
	struct net net;
	struct hub *relay, *lan;
	struct cable_end *links[3], *nics[3]; /* the relay's ends; the members' */
};

static struct office office;

static void open_office(unsigned count)
{
	struct net *net = &office.net;

	office = (struct office){.net.now = NOW};
	memset(&standby, 0, sizeof(standby));
	office.relay = add_hub(net, 900);
	net->guards[0].on_standby = on_standby;
	office.lan = open_hub();
	for (unsigned i = 0; i < count; i++) {
		struct hub *hub = add_hub(net, 100 * (i + 1));

		snprintf(net->guards[i + 1].name, LOOP_NAME_SIZE, "member%u", i + 1);
		office.links[i] = join(net, office.relay, hub);
		watch(office.links[i], &net->guards[0], 0);
		office.nics[i] = join(net, hub, office.lan);
		watch(office.nics[i], &net->guards[i + 1], 1);
		/* Who comes looks at once, and finds those who were there. */
		net->guards[i + 1].machine.run(&net->guards[i + 1].machine, net->now);
		carry(net, 8);
	}
	changes = 0;
}

static void close_office(void)
{
	close_net(&office.net);
	hub_free(office.lan);
}

static void die(unsigned i)
{
	office.links[i]->port.is_down = office.links[i]->peer->port.is_down = true;
	office.nics[i]->port.is_down = office.nics[i]->peer->port.is_down = true;
}

static void one_of_two_members_stands_by(void **)
{
	struct net *net = &office.net;
	const struct frame behind = frame_of(0xff, 6);
	struct fake *machine, *guest;

	open_office(2);
	machine = plug(office.lan, "");
	guest = plug(office.relay, "");
	assert_true(office.nics[1]->loop.is_blocked);
	hub_receive(&office.links[1]->port, &behind, 1, net->now); /* as it seemed before */
	assert_non_null(hub_lookup(office.relay, mac_of(6), net->now));
	net->guards[2].machine.run(&net->guards[2].machine, net->now);
	carry(net, 8);
	assert_null(hub_lookup(office.relay, mac_of(6), net->now));
	pass_time(net, 8);
	assert_int_equal(blocked_count(net), 1);
	assert_string_equal(loop_port_stands_by_for(&office.nics[1]->loop, net->now), "member1");
	assert_int_equal(standby.count, 1);
	assert_ptr_equal(standby.port, &office.links[0]->port);
	assert_string_equal(standby.name, "member2");
	receive(machine, frame_of(0xff, 9), net->now);
	carry(net, 10);
	assert_ptr_equal(hub_lookup(office.relay, mac_of(9), net->now), &office.links[0]->port);

	/* The relay does not know yet that the first is gone, but that the second has taken over.
	 */
	office.links[0]->peer->port.is_down = true;
	office.nics[0]->port.is_down = office.nics[0]->peer->port.is_down = true;
	pass_time(net, 5);
	assert_int_equal(blocked_count(net), 0);
	assert_null(loop_port_stands_by_for(&office.nics[1]->loop, net->now));
	assert_null(hub_lookup(office.relay, mac_of(9), net->now));
	receive(guest, frame_of(9, 7), net->now);
	carry(net, 10);
	assert_ptr_equal(hub_lookup(office.lan, mac_of(7), net->now), &office.nics[1]->peer->port);
	close_office();
}

/* Both stand by for the third: one of them goes on, the other does not even try. */
static void one_of_two_takes_over(void **)
{
	struct net *net = &office.net;

	open_office(3);
	pass_time(net, 10);
	assert_int_equal(blocked_count(net), 2);
	assert_false(office.nics[0]->loop.is_blocked);
	changes = 0;
	die(0);
	pass_time(net, 12);
	assert_int_equal(blocked_count(net), 1);
	assert_true(office.nics[2]->loop.is_blocked);
	assert_int_equal(changes, 1);
	close_office();
}

static void note_wake(struct machine *machine)
{
	machine->driver = machine;
}

/* It is watched before it is on the hub, as the daemon does it. */
static void a_port_is_probed_when_it_comes(void **)
{
	static struct net net;
	struct hub *here, *lan;
	struct cable_end *first, *second = &net.ends[2];

	net = (struct net){.now = NOW};
	here = add_hub(&net, 5);
	lan = add_hub(&net, 6);
	first = join(&net, here, lan);
	watch(first, &net.guards[0], 1);
	pass_time(&net, 1);
	watch(second, &net.guards[0], 1);
	net.guards[0].machine.run(&net.guards[0].machine, net.now);
	net.guards[0].machine.wake = note_wake;
	assert_ptr_equal(join(&net, here, lan), second);
	assert_non_null(net.guards[0].machine.driver);
	net.guards[0].machine.run(&net.guards[0].machine, net.now);
	carry(&net, 3);
	assert_true(second->loop.is_blocked);
	close_net(&net);
}

/* Whatever comes may be another way, but a crowd is no reason to shout. */
static void any_port_that_comes_is_a_reason(void **)
{
	static struct net net;
	struct machine *machine = &net.guards[0].machine;
	struct hub *here, *lan;
	struct cable_end *nic;

	net = (struct net){.now = NOW};
	here = add_hub(&net, 5);
	lan = add_hub(&net, 6);
	nic = join(&net, here, lan);
	watch(nic, &net.guards[0], 1);
	assert_int_equal(machine->run(machine, net.now), net.now + LOOP_PROBE_INTERVAL);
	for (unsigned i = 0; i < 50; i++)
		plug(here, "");
	assert_int_equal(nic->count, 1);
	assert_int_equal(machine->run(machine, net.now), net.now + LOOP_PROBE_LEAST);
	net.now += LOOP_PROBE_LEAST;
	machine->run(machine, net.now);
	assert_int_equal(nic->count, 2);
	close_net(&net);
}

/* What was known of ways that are no more is forgotten by hubs that still have others. */
static void known_machines_are_found_the_other_way(void **)
{
	static struct net net;
	struct hub *a, *b, *lan;
	struct cable_end *nic_a, *nic_b;
	struct fake *guest, *machine;

	net = (struct net){.now = NOW};
	a = add_hub(&net, 50);
	b = add_hub(&net, 40);
	lan = add_hub(&net, 60);
	nic_a = join(&net, a, lan);
	nic_b = join(&net, b, lan);
	join(&net, a, b);
	guest = plug(b, "");
	machine = plug(lan, "");
	watch(nic_a, &net.guards[0], 1);
	watch(nic_b, &net.guards[1], 1);
	pass_time(&net, 5);
	assert_true(nic_a->loop.is_blocked);
	receive(machine, frame_of(0xff, 9), net.now);
	carry(&net, 10);
	assert_ptr_equal(hub_lookup(b, mac_of(9), net.now), &nic_b->port);
	assert_non_null(hub_lookup(a, mac_of(9), net.now));

	nic_b->port.is_down = true;
	hub_forget_addresses(&nic_b->port);
	pass_time(&net, 10);
	assert_false(nic_a->loop.is_blocked);
	receive(guest, frame_of(9, 7), net.now);
	carry(&net, 3);
	assert_ptr_equal(hub_lookup(lan, mac_of(7), net.now), &nic_a->peer->port);
	close_net(&net);
}

/* An access point sends back what it hears. */
static void an_echo_is_no_loop(void **)
{
	static struct net net;
	struct cable_end *nic;

	net = (struct net){.now = NOW};
	nic = add_end(&net, add_hub(&net, 5));
	nic->peer = nic;
	watch(nic, &net.guards[0], 1);
	pass_time(&net, 5);
	assert_false(nic->loop.is_blocked);
	close_net(&net);
}

static void idle_without_ports(void **)
{
	static struct net net;

	net = (struct net){.now = NOW};
	add_hub(&net, 5);
	assert_int_equal(net.guards[0].machine.run(&net.guards[0].machine, NOW), NSEC_NEVER);
	close_net(&net);
}

static void what_only_looks_like_a_probe_passes(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};
	struct loop_guard guard = {0};
	uint8_t bytes[64] = {0x03, 'L', 'a', 'n', 'y', 'd', 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
	struct frame frame = frame_linear(bytes, sizeof(bytes));

	loop_guard_init(&guard, hub, 5);
	for (uint32_t len = 14; len <= 64; len++) {
		frame = frame_linear(bytes, len);
		hub_receive(&f[0]->port, &frame, 1, NOW);
	}
	assert_int_equal(f[1]->frames, 51);
	loop_guard_done(&guard);
	hub_free(hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_loop_nothing_blocked),
		cmocka_unit_test(two_nics_on_one_lan),
		cmocka_unit_test(two_bridges_one_lan),
		cmocka_unit_test(relays_in_a_ring),
		cmocka_unit_test(one_of_two_members_stands_by),
		cmocka_unit_test(one_of_two_takes_over),
		cmocka_unit_test(a_port_is_probed_when_it_comes),
		cmocka_unit_test(any_port_that_comes_is_a_reason),
		cmocka_unit_test(known_machines_are_found_the_other_way),
		cmocka_unit_test(an_echo_is_no_loop),
		cmocka_unit_test(idle_without_ports),
		cmocka_unit_test(what_only_looks_like_a_probe_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
