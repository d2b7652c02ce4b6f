/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three devices on a wire that loses, repeats, reorders, delays and garbles, under a clock that
 * jumps, each of them moving about and forgetting all it knew now and then. Whatever happens,
 * nothing comes twice, nothing comes that was not sent, and when the wire is good again everybody
 * hears everybody. Many seeds: LANYARD_SEED runs one, LANYARD_SEEDS says how many.
 */
#include "wg/fixture.h"

#define ENDS 3

static struct world world;

static unsigned chance(unsigned of)
{
	return dice(&world) % of == 0;
}

/* A copy with a bit that is wrong, from where it pleases, and then the true one. */
static bool garble(struct world *, struct flight *flight)
{
	struct end *to = end_at(&world, &flight->to);
	struct flight *bad;

	if (!to || !chance(8))
		return true;
	bad = malloc(sizeof(*bad) + flight->len);
	memcpy(bad, flight, sizeof(*bad) + flight->len);
	bad->bytes[dice(&world) % bad->len] ^= (uint8_t)(1u << dice(&world) % 8);
	if (chance(2))
		bad->len = 1 + dice(&world) % bad->len;
	bad->at = world.now + (nsec)(dice(&world) % 4) * world.delay;
	bad->from.port ^= chance(2);
	list_push_back(&world.flights, &bad->node);
	return true;
}

static void start(uint64_t seed, const struct wg_timing *timing)
{
	struct wg_key preshared;

	world_start(&world, seed);
	for (unsigned i = 0; i < ENDS; i++)
		end_start(&world, timing, chance(4) ? 0 : WG_LOAD_STANDARD);
	for (unsigned i = 0; i < ENDS * ENDS; i++) {
		if (i / ENDS != i % ENDS)
			introduce(&world, i / ENDS, i % ENDS);
	}
	wg_key_make_preshared(&preshared);
	wg_peer_set_preshared(world.ends[0].peers[1], &preshared);
	wg_peer_set_preshared(world.ends[1].peers[0], &preshared);
	world.on_datagram = garble;
}

static void change_wire(void)
{
	world.loss = chance(3) ? 0 : dice(&world) % 400;
	world.duplicate = chance(3) ? 0 : dice(&world) % 300;
	world.reorder = chance(3) ? 0 : dice(&world) % 500;
	world.delay = NSEC_PER_MSEC * (nsec)(1 + dice(&world) % 30);
}

static void move_end(struct end *end)
{
	end->at.port++;
	if (chance(2))
		end->at.ip.bytes[15] += ENDS;
}

/* The program was started anew: it knows keys and addresses, and nothing else. */
static void restart(unsigned number, const struct wg_timing *timing)
{
	struct end *end = &world.ends[number];
	const struct wg_settings settings = {
		.ops = &end_ops, .owner = end, .timing = *timing, .load = WG_LOAD_STANDARD};
	struct wg_peer_state states[ENDS];

	for (unsigned i = 0; i < ENDS; i++) {
		if (i != number)
			wg_peer_look(end->peers[i], world.now, &states[i]);
	}
	wg_device_free(end->device);
	end->device = wg_device_new(&settings);
	wg_device_set_key(end->device, &end->private);
	wg_device_machine(end->device)->wake = on_wake;
	wg_device_machine(end->device)->driver = end;
	end->deadline = NSEC_NEVER;
	for (unsigned i = 0; i < ENDS; i++) {
		if (i == number)
			continue;
		introduce(&world, number, i);
		wg_peer_set_preshared(end->peers[i], &states[i].preshared);
	}
}

static uint32_t numbers[ENDS][ENDS];

static void talk(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned from = dice(&world) % ENDS, to = (from + 1 + dice(&world) % 2) % ENDS;
		uint32_t len = 8 + (uint32_t)(dice(&world) % (PACKET_MAX - 8));

		if (numbers[from][to] < PACKETS_SENT)
			send_packet_of(&world, from, to, numbers[from][to]++, len);
	}
}

static void live(const struct wg_timing *timing)
{
	for (unsigned i = 0; i < 300; i++) {
		unsigned who = dice(&world) % ENDS;

		talk(dice(&world) % 20);
		if (chance(10))
			change_wire();
		if (chance(20))
			move_end(&world.ends[who]);
		if (chance(100))
			restart(who, timing);
		if (chance(30))
			wg_peer_set_keepalive(world.ends[who].peers[(who + 1) % ENDS],
				chance(2) ? 0 : timing->keepalive * 2, world.now);
		run_for(&world, (nsec)(dice(&world) % (uint64_t)(timing->rekey_after / 10)));
		if (chance(40)) {
			run_machines(&world);
			world.now += timing->reject_after * (nsec)(dice(&world) % 5);
		}
	}
}

static unsigned total(void)
{
	unsigned got = 0;

	for (unsigned i = 0; i < ENDS; i++)
		got += world.ends[i].got;
	return got;
}

/* With a good wire, and everybody where he is said to be, nothing is lost. */
static void check_peace(const struct wg_timing *timing)
{
	unsigned got;

	world.on_datagram = NULL;
	world.loss = world.duplicate = world.reorder = 0;
	world.delay = NSEC_PER_MSEC;
	run_for(&world, timing->reject_after * 4);
	for (unsigned from = 0; from < ENDS; from++) {
		for (unsigned to = 0; to < ENDS; to++) {
			if (from == to)
				continue;
			wg_peer_set_endpoint(world.ends[from].peers[to], &world.ends[to].at);
			send_packet_of(&world, from, to, numbers[from][to]++, 1000);
		}
	}
	got = total();
	run_for(&world, timing->rekey_timeout * 3);
	assert_int_equal(total(), got + ENDS * (ENDS - 1));
}

static void run_seed(uint64_t seed)
{
	struct wg_timing timing = WG_TIMING;

	timing.rekey_after /= 10;
	timing.reject_after /= 10;
	timing.rekey_timeout /= 10;
	timing.rekey_jitter /= 10;
	timing.rekey_attempts /= 10;
	timing.keepalive /= 10;
	timing.rekey_after_messages = seed % 3 ? 500 : timing.rekey_after_messages;
	timing.reject_after_messages = seed % 3 ? 700 : timing.reject_after_messages;
	memset(numbers, 0, sizeof(numbers));
	start(seed, &timing);
	live(&timing);
	assert_true(total() > 100);
	check_peace(&timing);
	world_end(&world);
}

static void test_many_seeds(void **)
{
	const char *one = getenv("LANYARD_SEED"), *many = getenv("LANYARD_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 0) : 1;
	uint64_t count = one ? 1 : many ? strtoull(many, NULL, 0) : 40;

	for (uint64_t seed = first; seed < first + count; seed++) {
		fprintf(stderr, "LANYARD_SEED=%llu\r", (unsigned long long)seed);
		run_seed(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
