/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/nic_trial.h"

#include "base/attr.h"
#include "base/bytes.h"
#include "wire/arp.h"

#define ROUNDS_MAX 4
#define INTERVAL   (300 * NSEC_PER_MSEC)
#define PAUSE_MIN  (2 * NSEC_PER_SEC)
#define PAUSE_MAX  (64 * NSEC_PER_SEC)

static void ask(struct nic_trial *trial, struct mac from, struct ip neighbour)
{
	const struct arp arp = {
		.operation = ARP_REQUEST, .from_mac = from, .to = ip_to_v4(neighbour)};
	uint8_t bytes[ETH_FRAME_MIN];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct frame frame;

	write_eth(&w, MAC_BROADCAST, from, ETHERTYPE_ARP);
	write_arp(&w, &arp);
	write_zeros(&w, sizeof(bytes) - writer_len(&w));
	frame = frame_linear(bytes, sizeof(bytes));
	trial->emit(trial->owner, &frame);
}

static void ask_all(struct nic_trial *trial)
{
	for (unsigned i = 0; i < trial->neighbour_count; i++) {
		ask(trial, trial->own, trial->neighbours[i]);
		ask(trial, trial->foreign, trial->neighbours[i]);
	}
}

static bool is_over(const struct nic_trial *trial)
{
	return trial->result == NIC_TRIAL_PASSED || trial->result == NIC_TRIAL_BLOCKED;
}

static void tell(struct nic_trial *trial)
{
	if (trial->told == trial->result)
		return;
	trial->told = trial->result;
	trial->on_result(trial->owner, trial->result);
}

/* The answers to the last round are here, or will not come. */
static void conclude(struct nic_trial *trial, nsec now)
{
	trial->result = trial->has_own_answer ? NIC_TRIAL_BLOCKED : NIC_TRIAL_SILENT;
	trial->rounds = 0;
	trial->next_at = now + trial->pause;
	trial->pause = MIN(2 * trial->pause, PAUSE_MAX);
}

static nsec run(struct machine *machine, nsec now)
{
	struct nic_trial *trial = CONTAINER_OF(machine, struct nic_trial, machine);

	if (is_over(trial) || now < trial->next_at) {
		tell(trial);
	} else if (trial->rounds == ROUNDS_MAX || !trial->neighbour_count) {
		conclude(trial, now);
		tell(trial);
	} else {
		trial->result = NIC_TRIAL_RUNNING;
		tell(trial); /* before there can be an answer */
		ask_all(trial);
		trial->rounds++;
		trial->next_at = now + INTERVAL;
	}
	return is_over(trial) ? NSEC_NEVER : trial->next_at;
}

void nic_trial_start(struct nic_trial *trial, struct mac own, struct mac foreign)
{
	trial->machine.run = run;
	trial->own = own;
	trial->foreign = foreign;
	trial->neighbour_count = trial->rounds = 0;
	trial->next_at = 0;
	trial->pause = PAUSE_MIN;
	trial->has_own_answer = false;
	trial->result = trial->told = NIC_TRIAL_RUNNING;
	machine_wake(&trial->machine);
}

static bool was_asked(const struct nic_trial *trial, struct ip ip)
{
	for (unsigned i = 0; i < trial->neighbour_count; i++) {
		if (ip_equal(trial->neighbours[i], ip))
			return true;
	}
	return false;
}

void nic_trial_add(struct nic_trial *trial, struct ip neighbour)
{
	if (was_asked(trial, neighbour) || trial->neighbour_count == NIC_TRIAL_NEIGHBOURS)
		return;
	trial->neighbours[trial->neighbour_count++] = neighbour;
	if (trial->rounds)
		return; /* with the others, in the next round */
	trial->next_at = 0;
	machine_wake(&trial->machine);
}

static void note_answer(struct nic_trial *trial, struct mac to)
{
	trial->has_own_answer |= mac_equal(to, trial->own);
	if (!mac_equal(to, trial->foreign))
		return;
	trial->result = NIC_TRIAL_PASSED;
	machine_wake(&trial->machine);
}

bool nic_trial_hear(struct nic_trial *trial, const struct frame *frame)
{
	struct mac to;
	struct arp arp;

	if (is_over(trial) || frame->head_len < ETH_HEADER_LEN)
		return false;
	memcpy(&to, frame->head, sizeof(to));
	if (load_be16(frame->head + ETH_HEADER_LEN - 2) == ETHERTYPE_ARP &&
		arp_parse(frame->head + ETH_HEADER_LEN, frame->head_len - ETH_HEADER_LEN, &arp) &&
		arp.from.be) {
		if (arp.operation == ARP_REQUEST)
			nic_trial_add(trial, ip_from_v4(arp.from));
		else if (was_asked(trial, ip_from_v4(arp.from)))
			note_answer(trial, to);
	}
	return mac_equal(to, trial->foreign);
}
