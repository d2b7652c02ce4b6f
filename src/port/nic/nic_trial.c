/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/nic_trial.h"

#include "base/attr.h"
#include "wire/arp.h"

#define ROUNDS_MAX 4
#define INTERVAL   (300 * NSEC_PER_MSEC)

static void ask(struct nic_trial *trial, struct mac from)
{
	const struct arp arp = {
		.operation = ARP_REQUEST, .from_mac = from, .to = ip_to_v4(trial->neighbour)};
	uint8_t bytes[ETH_FRAME_MIN];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct frame frame;

	write_eth(&w, MAC_BROADCAST, from, ETHERTYPE_ARP);
	write_arp(&w, &arp);
	write_zeros(&w, sizeof(bytes) - writer_len(&w));
	frame = frame_linear(bytes, sizeof(bytes));
	trial->emit(trial->owner, &frame);
}

static nsec finish(struct nic_trial *trial)
{
	if (!trial->is_told) {
		trial->is_told = true;
		trial->on_result(trial->owner, trial->result);
	}
	return NSEC_NEVER;
}

static nsec run(struct machine *machine, nsec now)
{
	struct nic_trial *trial = CONTAINER_OF(machine, struct nic_trial, machine);

	if (trial->result != NIC_TRIAL_RUNNING)
		return finish(trial);
	if (now < trial->next_at)
		return trial->next_at;
	if (trial->rounds == ROUNDS_MAX) {
		trial->result = trial->has_own_answer ? NIC_TRIAL_BLOCKED : NIC_TRIAL_SILENT;
		return finish(trial);
	}
	ask(trial, trial->own);
	ask(trial, trial->foreign);
	trial->rounds++;
	trial->next_at = now + INTERVAL;
	return trial->next_at;
}

void nic_trial_start(
	struct nic_trial *trial, struct mac own, struct mac foreign, struct ip neighbour)
{
	trial->machine.run = run;
	trial->own = own;
	trial->foreign = foreign;
	trial->neighbour = neighbour;
	trial->rounds = 0;
	trial->next_at = 0;
	trial->has_own_answer = trial->is_told = false;
	trial->result = NIC_TRIAL_RUNNING;
	machine_wake(&trial->machine);
}

void nic_trial_hear(struct nic_trial *trial, const struct frame *frame)
{
	struct eth_header eth;
	struct arp arp;

	if (trial->result != NIC_TRIAL_RUNNING || frame->head_len < sizeof(eth))
		return;
	memcpy(&eth, frame->head, sizeof(eth));
	if (eth.type_be != __builtin_bswap16(ETHERTYPE_ARP) ||
		!arp_parse(frame->head + sizeof(eth), frame->head_len - sizeof(eth), &arp))
		return;
	if (arp.operation != ARP_REPLY || !ip_equal(ip_from_v4(arp.from), trial->neighbour))
		return;
	trial->has_own_answer |= mac_equal(eth.to, trial->own);
	if (!mac_equal(eth.to, trial->foreign))
		return;
	trial->result = NIC_TRIAL_PASSED;
	machine_wake(&trial->machine);
}
