/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/frame_fixture.h"
#include "port/nic/nic_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct mac OWN = {{0x02, 0, 0, 0, 0, 0xaa}};
static const struct mac FOREIGN = {{0x02, 0, 0, 0, 0, 0xbb}};
static const struct mac ROUTER = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac ZERO;

static struct stage {
	struct nic_trial trial;
	struct built asked[16];
	unsigned asked_count;
	unsigned results; /* that were told */
	enum nic_trial_result result;
} stage;

static void emit(void *, const struct frame *frame)
{
	struct built *built = &stage.asked[stage.asked_count++];

	built->len = frame_copy(frame, 0, built->bytes, sizeof(built->bytes));
}

static void on_result(void *, enum nic_trial_result result)
{
	stage.result = result;
	stage.results++;
}

static int set_up(void **)
{
	stage = (struct stage){.trial = {.emit = emit, .on_result = on_result}};
	nic_trial_start(&stage.trial, OWN, FOREIGN);
	nic_trial_add(&stage.trial, ip_from("10.0.0.1"));
	return 0;
}

static nsec run(nsec now)
{
	return stage.trial.machine.run(&stage.trial.machine, now);
}

/* Runs it whenever it wants, until it has a result; returns when that was. */
static nsec run_to_result(nsec now)
{
	for (unsigned before = stage.results;;) {
		nsec next = run(now);

		if (stage.results != before && stage.result != NIC_TRIAL_RUNNING)
			return now;
		before = stage.results;
		assert_true(next > now);
		now = next;
	}
}

static bool hear(struct mac to, uint16_t operation, const char *from)
{
	struct built built = build_arp(
		ETHERTYPE_ARP, to, ROUTER, operation, ROUTER, from, to, "0.0.0.0");
	struct frame frame = frame_of_built(&built);

	return nic_trial_hear(&stage.trial, &frame);
}

static void hear_reply(struct mac to, const char *from)
{
	assert_int_equal(hear(to, ARP_REPLY, from), mac_equal(to, FOREIGN));
}

static void test_the_questions_change_no_cache(void **)
{
	struct built wanted[2] = {build_arp(ETHERTYPE_ARP, MAC_BROADCAST, OWN, ARP_REQUEST, OWN,
					  "0.0.0.0", ZERO, "10.0.0.1"),
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, FOREIGN, ARP_REQUEST, FOREIGN, "0.0.0.0",
			ZERO, "10.0.0.1")};

	run(1);
	assert_int_equal(stage.asked_count, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_memory_equal(stage.asked[i].bytes, wanted[i].bytes, 60);
}

static void test_foreign_passes(void **)
{
	run(1);
	hear_reply(FOREIGN, "10.0.0.9"); /* nobody who was asked */
	assert_int_equal(stage.trial.result, NIC_TRIAL_RUNNING);
	hear_reply(FOREIGN, "10.0.0.1");
	assert_int_equal(run_to_result(2), 2);
	assert_int_equal(stage.result, NIC_TRIAL_PASSED);
	assert_int_equal(run(3), NSEC_NEVER);
	assert_int_equal(stage.results, 1);
}

static void test_foreign_is_blocked(void **)
{
	run(1);
	hear_reply(OWN, "10.0.0.1");
	assert_int_equal(run_to_result(2), 1 + 4 * 300 * NSEC_PER_MSEC);
	assert_int_equal(stage.result, NIC_TRIAL_BLOCKED);
	assert_int_equal(stage.asked_count, 8);
	assert_int_equal(run(NSEC_PER_SEC * 100), NSEC_NEVER);
}

static void test_what_others_are_told_is_no_answer(void **)
{
	run(1);
	hear_reply(OWN, "10.0.0.9");
	run_to_result(2);
	assert_int_equal(stage.result, NIC_TRIAL_SILENT);
}

static void test_nobody_answers_yet(void **)
{
	nsec now = run_to_result(1), next;

	assert_int_equal(stage.result, NIC_TRIAL_SILENT);
	assert_int_equal(stage.asked_count, 8);
	next = run(now);
	assert_int_equal(next - now, 2 * NSEC_PER_SEC);
	run(next);
	assert_int_equal(stage.result, NIC_TRIAL_RUNNING);
	assert_int_equal(stage.asked_count, 10);
	hear_reply(FOREIGN, "10.0.0.1");
	run(next + 1);
	assert_int_equal(stage.result, NIC_TRIAL_PASSED);
}

static void test_it_asks_less_and_less_often(void **)
{
	nsec now = 1, pauses[8];

	for (unsigned i = 0; i < ARRAY_SIZE(pauses); i++) {
		now = run_to_result(now);
		assert_int_equal(stage.result, NIC_TRIAL_SILENT);
		pauses[i] = run(now) - now;
		now += pauses[i];
		stage.asked_count = 0;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pauses); i++)
		assert_int_equal(pauses[i], (i < 6 ? 2 << i : 64) * NSEC_PER_SEC);
}

static void test_who_is_heard_is_asked(void **)
{
	nsec now;

	nic_trial_start(&stage.trial, OWN, FOREIGN);
	now = run_to_result(1);
	assert_int_equal(stage.result, NIC_TRIAL_SILENT);
	assert_int_equal(stage.asked_count, 0);
	assert_false(hear(MAC_BROADCAST, ARP_REQUEST, "0.0.0.0")); /* a probe: of nobody yet */
	assert_true(run(now + 1) > now + 1);
	assert_int_equal(stage.asked_count, 0);
	assert_false(hear(MAC_BROADCAST, ARP_REQUEST, "10.0.0.7"));
	run(now + 2);
	assert_int_equal(stage.asked_count, 2);
	hear_reply(FOREIGN, "10.0.0.7");
	run(now + 3);
	assert_int_equal(stage.result, NIC_TRIAL_PASSED);
}

static void test_a_crowd_is_not_asked(void **)
{
	char ip[16];

	for (unsigned i = 1; i < 100; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%u", i);
		nic_trial_add(&stage.trial, ip_from(ip));
		nic_trial_add(&stage.trial, ip_from(ip));
	}
	assert_int_equal(stage.trial.neighbour_count, NIC_TRIAL_NEIGHBOURS);
	run(1);
	assert_int_equal(stage.asked_count, 2 * NIC_TRIAL_NEIGHBOURS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_questions_change_no_cache, set_up),
		cmocka_unit_test_setup(test_foreign_passes, set_up),
		cmocka_unit_test_setup(test_foreign_is_blocked, set_up),
		cmocka_unit_test_setup(test_what_others_are_told_is_no_answer, set_up),
		cmocka_unit_test_setup(test_nobody_answers_yet, set_up),
		cmocka_unit_test_setup(test_it_asks_less_and_less_often, set_up),
		cmocka_unit_test_setup(test_who_is_heard_is_asked, set_up),
		cmocka_unit_test_setup(test_a_crowd_is_not_asked, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
