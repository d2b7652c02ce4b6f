/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a LAN lets a NIC send from foreign MAC addresses, found out by asking a neighbour
 * something twice: from the NIC's own address, and from one that is nobody's. The questions are ARP
 * probes (RFC 5227), which change nobody's cache. A machine.
 */
#pragma once

#include "base/machine.h"
#include "hub/frame.h"

enum nic_trial_result {
	NIC_TRIAL_RUNNING,
	NIC_TRIAL_PASSED,  /* the answer to the foreign address came */
	NIC_TRIAL_BLOCKED, /* only the one to the NIC's own did */
	NIC_TRIAL_SILENT,  /* none came */
};

struct nic_trial {
	struct machine machine;
	struct mac own, foreign;
	struct ip neighbour;
	unsigned rounds; /* of questions that were sent */
	nsec next_at;
	bool has_own_answer; /* and the neighbour is there */
	enum nic_trial_result result;
	bool is_told;
	void (*emit)(void *owner, const struct frame *frame);
	void (*on_result)(void *owner, enum nic_trial_result result); /* once, from run() */
	void *owner;
};

/* emit, on_result and owner are set. neighbour: IPv4. foreign: a MAC address nobody has. */
void nic_trial_start(
	struct nic_trial *trial, struct mac own, struct mac foreign, struct ip neighbour);
/* Every frame that arrives meanwhile. */
void nic_trial_hear(struct nic_trial *trial, const struct frame *frame);
