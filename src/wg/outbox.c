/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/outbox.h"

#include "wg/device_state.h"

void outbox_flush(struct wg_device *device)
{
	struct outbox *outbox = &device->outbox;

	if (!outbox->count)
		return;
	device->ops->transmit(device->owner, &outbox->to, outbox->bytes, outbox->len,
		outbox->segment_len, outbox->is_whole);
	outbox->len = 0;
	outbox->count = 0;
	outbox->is_closed = false;
}

static bool may_join(
	const struct outbox *outbox, const struct endpoint *to, size_t len, bool is_whole)
{
	return !outbox->is_closed && outbox->is_whole == is_whole && len <= outbox->segment_len &&
	       outbox->len + len <= WG_DATAGRAM_MAX && outbox->count < WG_PACKETS_MAX &&
	       endpoint_equal(&outbox->to, to);
}

uint8_t *outbox_room(struct wg_device *device, const struct endpoint *to, size_t len, bool is_whole)
{
	struct outbox *outbox = &device->outbox;

	if (outbox->count && !may_join(outbox, to, len, is_whole))
		outbox_flush(device);
	if (!outbox->count) {
		outbox->to = *to;
		outbox->segment_len = len;
		outbox->is_whole = is_whole;
	}
	return outbox->bytes + outbox->len;
}

void outbox_add(struct wg_device *device, size_t len)
{
	struct outbox *outbox = &device->outbox;

	if (!outbox->count++)
		machine_wake(&device->machine);
	outbox->len += len;
	outbox->is_closed = len < outbox->segment_len;
}
