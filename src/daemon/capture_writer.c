/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture_writer.h"

#include "daemon/capture_ring.h"
#include "wire/pcapng.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_SIZE 128 /* bytes, of a port's name, a comment */

/* A port that was seen. A slot that gets another port is another interface. */
struct interface {
	nsec attached_at;
	uint64_t frames, lost; /* that passed the filter; of them, that the ring had no room for */
	uint64_t untold;       /* lost since the last one that had room */
};

struct capture_writer {
	struct capture capture;
	struct capture_ring *ring;
	struct loop *loop;
	struct task *wake;
	struct bpf_program filter; /* no instructions: none */
	char *filter_text;	   /* NULL: none */
	unsigned slot;
	uint32_t interface_count, interface_size;
	struct interface *interfaces;
	uint32_t *by_slot; /* the slot's latest interface + 1; 0: none */
	uint8_t *linear;   /* room for the longest frame */
	uint64_t homeless; /* lost before their interface had room; the next one counts them */
	atomic_ullong lost;
};

static uint64_t wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static bool is_wanted(
	const struct capture_writer *self, const struct port *port, enum capture_point point)
{
	return self->slot == HUB_PORTS_MAX ? point != CAPTURE_OUT : self->slot == port->slot;
}

/* The frame's bytes in one piece. */
static const uint8_t *linear_bytes(
	struct capture_writer *self, const struct frame *frame, uint32_t len)
{
	if (frame->head_len >= len)
		return frame->head;
	frame_copy(frame, 0, self->linear, len);
	return self->linear;
}

static void commit(struct capture_writer *self, const struct writer *w)
{
	if (capture_ring_commit(self->ring, writer_len(w)))
		loop_post(self->loop, self->wake);
}

static bool has_room(struct capture_writer *self, struct writer *w, size_t size)
{
	uint8_t *room = capture_ring_room(self->ring, size);

	*w = writer_on(room, room ? size : 0);
	return room;
}

static bool grow_interfaces(struct capture_writer *self)
{
	uint32_t size = self->interface_size ? 2 * self->interface_size : 8;
	struct interface *interfaces;

	if (self->interface_count < self->interface_size)
		return true;
	interfaces = realloc(self->interfaces, size * sizeof(*interfaces));
	if (!interfaces)
		return false;
	self->interfaces = interfaces;
	self->interface_size = size;
	return true;
}

/* NULL: no room for its block, or no memory. */
static struct interface *add_interface(struct capture_writer *self, const struct port *port)
{
	char name[TEXT_SIZE], description[TEXT_SIZE];
	size_t filter_len = self->filter_text ? strlen(self->filter_text) : 0;
	struct writer w;

	if (!grow_interfaces(self) ||
		!has_room(self, &w, PCAPNG_INTERFACE_ROOM + 2 * TEXT_SIZE + filter_len))
		return NULL;
	snprintf(name, sizeof(name), "%s.%u", hub_name(port->hub), port->slot);
	snprintf(description, sizeof(description), "%s (%s)", port->name, port->ops->kind);
	pcapng_write_interface(
		&w, &(struct pcapng_interface){name, description, self->filter_text});
	commit(self, &w);
	self->interfaces[self->interface_count] = (struct interface){
		port->attached_at, self->homeless, self->homeless, self->homeless};
	self->homeless = 0;
	self->by_slot[port->slot] = ++self->interface_count;
	return &self->interfaces[self->interface_count - 1];
}

static struct interface *find_interface(struct capture_writer *self, const struct port *port)
{
	uint32_t number = self->by_slot[port->slot];

	if (number && self->interfaces[number - 1].attached_at == port->attached_at)
		return &self->interfaces[number - 1];
	return add_interface(self, port);
}

/* A frame that is to be written. */
struct sight {
	enum capture_point point;
	enum drop reason;
	const uint8_t *bytes;
	uint32_t captured_len, len;
};

static enum pcapng_direction direction_of(enum capture_point point)
{
	switch (point) {
	case CAPTURE_IN:
		return PCAPNG_INBOUND;
	case CAPTURE_OUT:
		return PCAPNG_OUTBOUND;
	case CAPTURE_DROP:
		break;
	}
	return PCAPNG_DIRECTION_UNKNOWN;
}

/* False: the ring is full. */
static bool record(
	struct capture_writer *self, const struct interface *interface, const struct sight *sight)
{
	char comment[TEXT_SIZE];
	struct pcapng_packet packet = {
		.interface = (uint32_t)(interface - self->interfaces),
		.time = wall_clock(),
		.captured_len = sight->captured_len,
		.len = sight->len,
		.direction = direction_of(sight->point),
		.lost = interface->untold,
	};
	struct writer w;

	if (!has_room(self, &w, PCAPNG_PACKET_ROOM + TEXT_SIZE + sight->captured_len))
		return false;
	if (sight->point == CAPTURE_DROP) {
		snprintf(comment, sizeof(comment), "dropped: %s", drop_name(sight->reason));
		packet.comment = comment;
	}
	memcpy(pcapng_write_packet(&w, &packet), sight->bytes, sight->captured_len);
	commit(self, &w);
	return true;
}

static void count_lost(struct capture_writer *self, struct interface *interface)
{
	if (interface) {
		interface->lost++;
		interface->untold++;
	} else {
		self->homeless++;
	}
	atomic_fetch_add_explicit(&self->lost, 1, memory_order_relaxed);
}

static void on_frame(struct capture *capture, const struct port *port, enum capture_point point,
	enum drop reason, const struct frame *frame, nsec)
{
	struct capture_writer *self = CONTAINER_OF(capture, struct capture_writer, capture);
	struct sight sight = {point, reason, NULL, MIN(frame->len, ETH_FRAME_MAX), frame->len};
	struct interface *interface;

	if (!is_wanted(self, port, point))
		return;
	sight.bytes = linear_bytes(self, frame, sight.captured_len);
	if (self->filter.bf_insns &&
		!bpf_filter(self->filter.bf_insns, sight.bytes, sight.len, sight.captured_len))
		return;
	interface = find_interface(self, port);
	if (interface)
		interface->frames++;
	if (interface && record(self, interface, &sight))
		interface->untold = 0;
	else
		count_lost(self, interface);
}

void capture_writer_tell(struct capture_writer *self)
{
	uint64_t now = wall_clock();
	struct writer w;

	for (uint32_t i = 0; i < self->interface_count; i++) {
		if (!has_room(self, &w, PCAPNG_STATISTICS_ROOM))
			return;
		pcapng_write_statistics(
			&w, &(struct pcapng_statistics){
				    i, now, self->interfaces[i].frames, self->interfaces[i].lost});
		commit(self, &w);
	}
}

void capture_writer_start(struct capture_writer *self, struct hub *hub)
{
	struct writer w;

	if (has_room(self, &w, PCAPNG_SECTION_ROOM + TEXT_SIZE)) {
		pcapng_write_section(&w, "lanyardd " LANYARD_VERSION);
		commit(self, &w);
	}
	hub_capture_start(hub, &self->capture);
}

void capture_writer_stop(struct capture_writer *self)
{
	hub_capture_stop(&self->capture);
	capture_writer_tell(self);
}

uint64_t capture_writer_lost(const struct capture_writer *self)
{
	return atomic_load_explicit(&self->lost, memory_order_relaxed);
}

struct capture_ring *capture_writer_ring(struct capture_writer *self)
{
	return self->ring;
}

static int compile(const char *text, struct bpf_program *ret_filter, struct error *error)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, ETH_FRAME_MAX);
	int err = 0;

	if (!pcap)
		return error_set(error, ENOMEM, "out of memory");
	if (pcap_compile(pcap, ret_filter, text, 1, PCAP_NETMASK_UNKNOWN) < 0)
		err = error_set(error, EINVAL, "filter '%.120s': %s", text, pcap_geterr(pcap));
	pcap_close(pcap);
	return err;
}

static int set_filter(struct capture_writer *self, const char *text, struct error *error)
{
	if (!text || !text[strspn(text, " ")])
		return 0;
	self->filter_text = strdup(text);
	if (!self->filter_text)
		return error_set(error, ENOMEM, "out of memory");
	return compile(text, &self->filter, error);
}

static int take_memory(struct capture_writer *self, size_t ring_size, struct error *error)
{
	self->ring = capture_ring_new(ring_size);
	if (!self->ring)
		return error_set(error, errno, "a ring of %zu bytes: %m", ring_size);
	self->by_slot = calloc(HUB_PORTS_MAX, sizeof(*self->by_slot));
	self->linear = malloc(ETH_FRAME_MAX);
	if (!self->by_slot || !self->linear)
		return error_set(error, ENOMEM, "out of memory");
	return 0;
}

int capture_writer_new(const struct capture_settings *settings, struct capture_writer **ret_writer,
	struct error *error)
{
	struct capture_writer *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return error_set(error, ENOMEM, "out of memory");
	list_init(&self->capture.node);
	self->capture.on_frame = on_frame;
	self->slot = settings->slot;
	self->loop = settings->loop;
	self->wake = settings->wake;
	err = set_filter(self, settings->filter, error);
	if (!err)
		err = take_memory(self, settings->ring_size, error);
	if (err)
		capture_writer_free(self);
	else
		*ret_writer = self;
	return err;
}

void capture_writer_free(struct capture_writer *self)
{
	if (!self)
		return;
	capture_ring_free(self->ring);
	pcap_freecode(&self->filter);
	free(self->filter_text);
	free(self->interfaces);
	free(self->by_slot);
	free(self->linear);
	free(self);
}
