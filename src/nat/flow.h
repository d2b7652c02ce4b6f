/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A conversation between a guest and somebody outside, whatever its protocol: found by its key, run
 * at the end of a turn in which it asked, or when its deadline comes. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/hash.h"
#include "base/machine.h"
#include "hub/hub.h"
#include "nat/gateway.h"
#include "wire/packet.h"

/* No padding: it is hashed as words. UDP and ICMP mappings leave remote and remote_port zero. */
struct flow_key {
	struct ip guest, remote;
	uint16_t guest_port, remote_port;
	uint32_t protocol; /* IP_PROTOCOL_TCP, ... */
};

struct flow;

struct flow_ops {
	/* Does what is to be done and is due; returns the next deadline. */
	nsec (*run)(struct flow *flow, nsec now);
	/* Lets go of the outside and frees the struct around the flow. */
	void (*free)(struct flow *flow);
	void (*describe)(const struct flow *flow, struct flow_info *ret);
};

struct flow {
	const struct flow_ops *ops;
	struct gateway *gateway;
	struct map_node node;
	struct flow_key key;
	struct heap_node deadline;
	struct list turn; /* in the table's due or ended list, or in none */
	struct list age;  /* in the table's list of its protocol, the longest quiet first */
	nsec opened_at, last_at;
	uint64_t up_bytes, down_bytes;
	bool is_inbound, is_ended;
};

struct flow_table {
	struct map map;
	struct hash_key key;
	struct heap deadlines;
	struct list due, ended;
	struct machine *machine; /* woken when a flow has something to do */
	uint32_t count_max;
};

void flow_table_init(struct flow_table *table, const struct hash_key *key, struct machine *machine,
	uint32_t count_max);
/* Ends and frees every flow. */
void flow_table_done(struct flow_table *table);

struct flow *flow_find(const struct flow_table *table, const struct flow_key *key);
/* -ENOSPC: the table is full; -ENOMEM. ops, gateway and key are filled by the caller. */
int flow_insert(struct flow_table *table, struct flow *flow, nsec now) MUST_USE;
/* Runs it at the end of this turn. */
void flow_wake(struct flow_table *table, struct flow *flow);
/* It is found no more, and freed once nothing of this turn can point into it. */
void flow_end(struct flow_table *table, struct flow *flow);

/* Runs the flows that asked and those that are due; the next deadline. */
nsec flow_table_run(struct flow_table *table, nsec now);
/* Frees what has ended: after the frames of this turn have left. */
void flow_table_bury(struct flow_table *table);
