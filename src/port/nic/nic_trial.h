/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a LAN lets a NIC send from foreign MAC addresses, found out by asking neighbours
 * something twice: from the NIC's own address, and from one that is nobody's. The questions are ARP
 * probes (RFC 5227), which change nobody's cache. A machine.
 */
#pragma once

#include "base/machine.h"
#include "hub/frame.h"

#define NIC_TRIAL_NEIGHBOURS 8

enum nic_trial_result {
	NIC_TRIAL_RUNNING, /* it listens for answers */
	NIC_TRIAL_SILENT,  /* none came: it asks again, ever less often, and who is new at once */
	NIC_TRIAL_PASSED,  /* an answer to the foreign address came */
	NIC_TRIAL_BLOCKED, /* only answers to the NIC's own did */
};

struct nic_trial {
	struct machine machine;
	struct mac own, foreign;
	struct ip neighbours[NIC_TRIAL_NEIGHBOURS];
	unsigned neighbour_count;
	unsigned rounds; /* of questions that were sent, one after the other */
	nsec next_at, pause;
	bool has_own_answer; /* and so somebody is there */
	enum nic_trial_result result, told;
	void (*emit)(void *owner, const struct frame *frame);
	/* The result is another than before; from run(). */
	void (*on_result)(void *owner, enum nic_trial_result result);
	void *owner;
};

/* emit, on_result and owner are set. foreign: a MAC address nobody has. */
void nic_trial_start(struct nic_trial *trial, struct mac own, struct mac foreign);
/* Somebody to be asked, by his IPv4 address; more than there is room for are left out. */
void nic_trial_add(struct nic_trial *trial, struct ip neighbour);
/* Every frame that arrives meanwhile: an answer, or word of a neighbour. True: it was for the
 * foreign address, and is for nobody else. */
bool nic_trial_hear(struct nic_trial *trial, const struct frame *frame);
