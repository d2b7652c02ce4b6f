/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the nic port share; nobody else includes it. */
#pragma once

#include "hub/hub.h"
#include "io/driver.h"
#include "port/nic/nic.h"
#include "port/nic/nic_trial.h"

struct nic_port {
	struct port port;
	struct loop *loop;
	struct watch watch;
	struct nic nic;
	struct nic_port_settings settings;

	enum nic_mode mode; /* NIC_AUTO: still to be decided, translating meanwhile */
	const char *why;
	bool has_company;
	/* What the interface was asked for. */
	bool is_promiscuous, hears_all_groups;
	struct mac also; /* an address that it takes for its own; zero: none */

	struct mac_translate *translate;
	struct driver translating, trying;
	struct nic_trial trial;

	/* Frames on their way to the wire. */
	struct outgoing outgoing[PACKET_BATCH_MAX];
	struct translated translated[PACKET_BATCH_MAX];
	unsigned outgoing_count;
};

static inline struct nic_port *nic_port_of(struct port *port)
{
	return CONTAINER_OF(port, struct nic_port, port);
}

static inline bool reaches_host(const struct nic_port *self)
{
	return self->nic.reach.tap.fd >= 0;
}

static inline bool is_transparent(const struct nic_port *self)
{
	return self->mode == NIC_TRANSPARENT;
}

/* nic_frames.c */
void nic_port_send(struct port *port, const struct frame *frames, unsigned count);
void nic_port_receive(struct nic_port *self);
/* Those that the kernel had no room for become drops of the port. */
void nic_port_count_lost(struct nic_port *self);
void nic_port_emit(void *self, enum translate_side to, const struct frame *frame);

/* nic_mode.c: starts to find out, where that is to be done. */
void nic_port_choose_mode(struct nic_port *self);
/* nic.c: has the kernel give us what the mode wants. */
void nic_port_tune(struct nic_port *self);
void nic_port_tell_change(struct nic_port *self);
