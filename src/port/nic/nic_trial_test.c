/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/frame_fixture.h"
#include "port/nic/nic_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct mac OWN = {{0x02, 0, 0, 0, 0, 0xaa}};
static const struct mac FOREIGN = {{0x02, 0, 0, 0, 0, 0xbb}};
static const struct mac ROUTER = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac ZERO;

static struct stage {
	struct nic_trial trial;
	struct built asked[16];
	unsigned asked_count, results;
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
	nic_trial_start(&stage.trial, OWN, FOREIGN, ip_from("10.0.0.1"));
	return 0;
}

/* Runs it whenever it wants; returns when it ended. */
static nsec run_to_end(nsec now)
{
	for (;;) {
		nsec next = stage.trial.machine.run(&stage.trial.machine, now);

		if (next == NSEC_NEVER)
			return now;
		assert_true(next > now);
		now = next;
	}
}

static void hear_reply(struct mac to, const char *from)
{
	struct built built = build_arp(
		ETHERTYPE_ARP, to, ROUTER, ARP_REPLY, ROUTER, from, to, "0.0.0.0");
	struct frame frame = frame_of_built(&built);

	nic_trial_hear(&stage.trial, &frame);
}

static void test_the_questions_change_no_cache(void **)
{
	struct built wanted[2] = {build_arp(ETHERTYPE_ARP, MAC_BROADCAST, OWN, ARP_REQUEST, OWN,
					  "0.0.0.0", ZERO, "10.0.0.1"),
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, FOREIGN, ARP_REQUEST, FOREIGN, "0.0.0.0",
			ZERO, "10.0.0.1")};

	stage.trial.machine.run(&stage.trial.machine, 1);
	assert_int_equal(stage.asked_count, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_memory_equal(stage.asked[i].bytes, wanted[i].bytes, 60);
}

static void test_foreign_passes(void **)
{
	stage.trial.machine.run(&stage.trial.machine, 1);
	hear_reply(FOREIGN, "10.0.0.9"); /* somebody else */
	assert_int_equal(stage.trial.result, NIC_TRIAL_RUNNING);
	hear_reply(FOREIGN, "10.0.0.1");
	assert_int_equal(run_to_end(2), 2);
	assert_int_equal(stage.result, NIC_TRIAL_PASSED);
	run_to_end(3);
	assert_int_equal(stage.results, 1);
}

static void test_foreign_is_blocked(void **)
{
	stage.trial.machine.run(&stage.trial.machine, 1);
	hear_reply(OWN, "10.0.0.1");
	assert_int_equal(run_to_end(2), 1 + 4 * 300 * NSEC_PER_MSEC);
	assert_int_equal(stage.result, NIC_TRIAL_BLOCKED);
	assert_int_equal(stage.asked_count, 8);
}

static void test_nobody_answers(void **)
{
	run_to_end(1);
	assert_int_equal(stage.result, NIC_TRIAL_SILENT);
	assert_int_equal(stage.results, 1);
	nic_trial_start(&stage.trial, OWN, FOREIGN, ip_from("10.0.0.1"));
	stage.trial.machine.run(&stage.trial.machine, 5 * NSEC_PER_SEC);
	hear_reply(FOREIGN, "10.0.0.1");
	run_to_end(6 * NSEC_PER_SEC);
	assert_int_equal(stage.result, NIC_TRIAL_PASSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_questions_change_no_cache, set_up),
		cmocka_unit_test_setup(test_foreign_passes, set_up),
		cmocka_unit_test_setup(test_foreign_is_blocked, set_up),
		cmocka_unit_test_setup(test_nobody_answers, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
