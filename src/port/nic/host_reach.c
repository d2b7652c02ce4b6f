/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/host_reach.h"

#include "io/redirect.h"

#include <errno.h>
#include <sys/uio.h>

static int redirect(struct host_reach *reach, int index, struct error *error)
{
	struct netlink *netlink;
	int err = netlink_open(&netlink, error);

	if (err)
		return err;
	err = redirect_ingress(netlink, reach->tap.name, index, error);
	netlink_close(netlink);
	reach->index = err ? 0 : index;
	return err;
}

int host_reach_open(const struct link_state *nic, struct host_reach *ret_reach, struct error *error)
{
	/* With the NIC's MAC address, or the kernel takes the frames for somebody else's. */
	const struct tap_settings settings = {
		.name = "lanyard%d", .mac = nic->mac, .is_plumbing = true};
	struct host_reach reach = {.index = 0};
	int err;

	err = tap_open(&settings, &reach.tap, error);
	if (err)
		return err;
	err = redirect(&reach, nic->index, error);
	if (err)
		host_reach_close(&reach);
	else
		*ret_reach = reach;
	return err;
}

void host_reach_close(struct host_reach *reach)
{
	tap_close(&reach->tap);
}

int host_reach_follow(struct host_reach *reach, const struct link_state *nic, struct error *error)
{
	int err = 0;

	if (reach->tap.fd < 0 || !nic->index)
		return 0;
	if (!mac_equal(reach->tap.mac, nic->mac))
		err = tap_set_mac(&reach->tap, nic->mac);
	if (err)
		return error_set(error, -err, "interface '%s': following the MAC address of '%s'",
			reach->tap.name, nic->name);
	return reach->index == nic->index ? 0 : redirect(reach, nic->index, error);
}

bool host_reach_send(struct host_reach *reach, const struct frame *frame, const uint8_t *head,
	uint32_t head_len, uint32_t replaces)
{
	struct iovec parts[FRAME_BODY_MAX + 3];
	uint8_t header[VNET_HEADER_LEN];
	unsigned count = 2;

	vnet_write(header, &frame->offload);
	parts[0] = (struct iovec){header, sizeof(header)};
	parts[1] = (struct iovec){(void *)head, head_len};
	count += frame_slice(frame, replaces, frame->len - replaces, parts + count);
	return writev(reach->tap.fd, parts, (int)count) >= 0;
}
