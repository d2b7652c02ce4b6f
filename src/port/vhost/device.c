/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/device.h"

#include "port/vhost/features.h"
#include "port/vhost/inflight.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Ethernet over anything shorter carries no IPv4 (RFC 791): no guest wants that. */
#define MTU_MIN 68

enum {
	NOT_DONE = 1
}; /* what a handler returns when the front end may hear "no" and go on */

int vhost_device_refuse(struct vhost_device *device, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return error_set(&device->error, EPROTO, "%s", what);
}

void vhost_device_init(
	struct vhost_device *device, const struct vhost_device_ops *ops, uint32_t mtu_max)
{
	*device = (struct vhost_device){.ops = ops, .mtu_max = mtu_max};
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		device->queues[i].kick_fd = device->queues[i].call_fd = -1;
		device->queues[i].ring = (struct virtqueue){.index = i,
			.memory = &device->memory,
			.error = &device->error,
			.is_written = i % 2 == 0};
	}
}

/* Not a clean stop: the records of what is in flight stay as they are. */
void vhost_device_done(struct vhost_device *device)
{
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		inflight_leave(&device->queues[i].ring);
	vhost_queues_stop(device);
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		if (device->queues[i].call_fd >= 0)
			close(device->queues[i].call_fd);
		device->queues[i].call_fd = -1;
	}
	guest_memory_clear(&device->inflight);
	guest_memory_clear(&device->log);
	guest_memory_clear(&device->memory);
}

uint32_t vhost_device_header_len(const struct vhost_device *device)
{
	return vhost_device_has(device, VIRTIO_F_VERSION_1) ||
			       vhost_device_has(device, VIRTIO_NET_F_MRG_RXBUF)
		       ? sizeof(struct virtio_net_hdr_mrg_rxbuf)
		       : sizeof(struct virtio_net_hdr);
}

bool vhost_device_is_running(const struct vhost_device *device)
{
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		if (device->queues[i].is_running)
			return true;
	}
	return false;
}

static int answer_value(struct vhost_message *message, struct vhost_answer *answer, uint64_t value)
{
	message->payload.value = value;
	answer->len = sizeof(value);
	return 0;
}

static int get_features(
	struct vhost_device *, struct vhost_message *message, struct vhost_answer *answer)
{
	return answer_value(message, answer, FEATURES_OFFERED);
}

static int set_features(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	const uint64_t features = message->payload.value;

	if (features & ~FEATURES_OFFERED)
		return vhost_device_refuse(device, "features 0x%llx were not offered",
			(unsigned long long)(features & ~FEATURES_OFFERED));
	if ((features ^ device->features) & FEATURES_OF_RINGS && vhost_device_is_running(device))
		return vhost_device_refuse(device, "features change while a queue runs");
	device->features = features;
	return 0;
}

static int get_protocol_features(
	struct vhost_device *, struct vhost_message *message, struct vhost_answer *answer)
{
	return answer_value(message, answer, PROTOCOL_FEATURES_OFFERED);
}

static int set_protocol_features(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	const uint64_t features = message->payload.value;

	if (features & ~PROTOCOL_FEATURES_OFFERED)
		return vhost_device_refuse(device, "protocol features 0x%llx were not offered",
			(unsigned long long)(features & ~PROTOCOL_FEATURES_OFFERED));
	device->protocol_features = features;
	return 0;
}

/* SET_OWNER; and what comes with descriptors that we have no use for, which are closed. */
static int nothing(struct vhost_device *, struct vhost_message *, struct vhost_answer *)
{
	return 0;
}

static int stop_all(struct vhost_device *device, struct vhost_message *, struct vhost_answer *)
{
	vhost_queues_stop(device);
	return 0;
}

static int reset_device(struct vhost_device *device, struct vhost_message *, struct vhost_answer *)
{
	vhost_queues_stop(device);
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		device->queues[i].is_enabled = device->queues[i].has_addr = false;
		device->queues[i].ring.size = 0;
		device->queues[i].base = 0;
	}
	guest_memory_clear(&device->inflight);
	guest_memory_clear(&device->log);
	guest_memory_clear(&device->memory);
	device->features = 0;
	device->status = 0;
	device->mtu = 0;
	return 0;
}

static int add_range(struct vhost_device *device, const struct vhost_message *message,
	unsigned number, const struct guest_range *range)
{
	return guest_memory_add(&device->memory, message->fds[number], range, &device->error);
}

static int set_mem_table(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	const uint32_t count = message->payload.table.count;
	int err = 0;

	if (count > VHOST_TABLE_MAX || count != message->fd_count ||
		message->header.size < 8 + count * sizeof(struct guest_range))
		return vhost_device_refuse(device,
			"SET_MEM_TABLE of %u regions in %u bytes, with %u descriptors", count,
			message->header.size, message->fd_count);
	guest_memory_clear(&device->memory);
	for (unsigned i = 0; i < count && !err; i++)
		err = add_range(device, message, i, &message->payload.table.ranges[i]);
	return err ? err : vhost_queues_find_rings(device);
}

static int get_max_mem_slots(
	struct vhost_device *, struct vhost_message *message, struct vhost_answer *answer)
{
	return answer_value(message, answer, GUEST_REGIONS_MAX);
}

static int add_mem_reg(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return add_range(device, message, 0, &message->payload.slot.range);
}

static int rem_mem_reg(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	int err = guest_memory_remove(
		&device->memory, &message->payload.slot.range, &device->error);

	return err ? err : vhost_queues_find_rings(device);
}

static int set_vring_num(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return vhost_queue_set_size(device, &message->payload.state);
}

static int set_vring_addr(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return vhost_queue_set_addr(device, &message->payload.addr);
}

static int set_vring_base(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return vhost_queue_set_base(device, &message->payload.state);
}

static int get_vring_base(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *answer)
{
	answer->len = sizeof(message->payload.state);
	return vhost_queue_get_base(device, &message->payload.state);
}

static int set_vring_kick(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return vhost_queue_set_kick(device, message);
}

static int set_vring_call(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return vhost_queue_set_call(device, message);
}

static int set_vring_enable(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return vhost_queue_enable(device, &message->payload.state);
}

/* For a network device it is pairs that are counted. */
static int get_queue_num(
	struct vhost_device *, struct vhost_message *message, struct vhost_answer *answer)
{
	return answer_value(message, answer, VHOST_PAIRS_MAX);
}

static int send_rarp(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	struct mac mac;

	memcpy(&mac, &message->payload.value, sizeof(mac));
	device->ops->on_announce(device, mac);
	return 0;
}

static int set_mtu(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	const uint64_t mtu = message->payload.value;

	if (mtu < MTU_MIN || mtu > UINT16_MAX || (device->mtu_max && mtu > device->mtu_max))
		return NOT_DONE;
	device->mtu = (uint32_t)mtu;
	return 0;
}

static int set_log_base(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *answer)
{
	int err = vhost_log_set(device, &message->payload.log, message->fds[0]);

	return err ? err : answer_value(message, answer, 0);
}

static int get_inflight(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *answer)
{
	answer->len = sizeof(message->payload.inflight);
	return vhost_inflight_get(device, &message->payload.inflight, &answer->fd);
}

static int set_inflight(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	return vhost_inflight_set(device, &message->payload.inflight, message->fds[0]);
}

/* Zero is a reset of the device: its driver is gone. */
static int set_status(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *)
{
	device->status = (uint8_t)message->payload.value;
	if (!device->status)
		vhost_queues_stop(device);
	return 0;
}

static int get_status(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *answer)
{
	return answer_value(message, answer, device->status);
}

typedef int handler(struct vhost_device *, struct vhost_message *, struct vhost_answer *);

static handler *const handlers[VHOST_REQUEST_COUNT] = {
	[VHOST_GET_FEATURES] = get_features,
	[VHOST_SET_FEATURES] = set_features,
	[VHOST_SET_OWNER] = nothing,
	[VHOST_RESET_OWNER] = stop_all,
	[VHOST_SET_MEM_TABLE] = set_mem_table,
	[VHOST_SET_LOG_BASE] = set_log_base,
	[VHOST_SET_LOG_FD] = nothing,
	[VHOST_SET_VRING_NUM] = set_vring_num,
	[VHOST_SET_VRING_ADDR] = set_vring_addr,
	[VHOST_SET_VRING_BASE] = set_vring_base,
	[VHOST_GET_VRING_BASE] = get_vring_base,
	[VHOST_SET_VRING_KICK] = set_vring_kick,
	[VHOST_SET_VRING_CALL] = set_vring_call,
	[VHOST_SET_VRING_ERR] = nothing,
	[VHOST_GET_PROTOCOL_FEATURES] = get_protocol_features,
	[VHOST_SET_PROTOCOL_FEATURES] = set_protocol_features,
	[VHOST_GET_QUEUE_NUM] = get_queue_num,
	[VHOST_SET_VRING_ENABLE] = set_vring_enable,
	[VHOST_SEND_RARP] = send_rarp,
	[VHOST_NET_SET_MTU] = set_mtu,
	[VHOST_GET_INFLIGHT_FD] = get_inflight,
	[VHOST_SET_INFLIGHT_FD] = set_inflight,
	[VHOST_RESET_DEVICE] = reset_device,
	[VHOST_GET_MAX_MEM_SLOTS] = get_max_mem_slots,
	[VHOST_ADD_MEM_REG] = add_mem_reg,
	[VHOST_REM_MEM_REG] = rem_mem_reg,
	[VHOST_SET_STATUS] = set_status,
	[VHOST_GET_STATUS] = get_status,
};

int vhost_device_handle(
	struct vhost_device *device, struct vhost_message *message, struct vhost_answer *ret_answer)
{
	const uint32_t request = message->header.request;
	const bool needs_reply = device->protocol_features >> VHOST_PROTOCOL_REPLY_ACK & 1 &&
				 message->header.flags & VHOST_FLAG_NEEDS_REPLY;
	struct vhost_answer answer = {.fd = -1};
	int result = NOT_DONE;

	if (request < VHOST_REQUEST_COUNT && handlers[request])
		result = handlers[request](device, message, &answer);
	if (result < 0)
		return result;
	if (needs_reply && !answer.len)
		answer_value(message, &answer, result == NOT_DONE);
	*ret_answer = answer;
	return 0;
}
