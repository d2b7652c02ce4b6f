/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/features.h"

static const char *const names[64] = {
	[VIRTIO_NET_F_CSUM] = "csum",
	[VIRTIO_NET_F_GUEST_CSUM] = "guest-csum",
	[VIRTIO_NET_F_MTU] = "mtu",
	[VIRTIO_NET_F_GUEST_TSO4] = "guest-tso4",
	[VIRTIO_NET_F_GUEST_TSO6] = "guest-tso6",
	[VIRTIO_NET_F_GUEST_ECN] = "guest-ecn",
	[VIRTIO_NET_F_HOST_TSO4] = "host-tso4",
	[VIRTIO_NET_F_HOST_TSO6] = "host-tso6",
	[VIRTIO_NET_F_HOST_ECN] = "host-ecn",
	[VIRTIO_NET_F_MRG_RXBUF] = "mrg-rxbuf",
	[VIRTIO_NET_F_GUEST_ANNOUNCE] = "guest-announce",
	[VIRTIO_NET_F_MQ] = "mq",
	[VHOST_F_LOG_ALL] = "log-all",
	[VIRTIO_F_ANY_LAYOUT] = "any-layout",
	[VIRTIO_RING_F_INDIRECT_DESC] = "indirect-desc",
	[VIRTIO_RING_F_EVENT_IDX] = "event-idx",
	[VHOST_FEATURE_PROTOCOL] = "protocol-features",
	[VIRTIO_F_VERSION_1] = "version-1",
	[VIRTIO_F_RING_PACKED] = "ring-packed",
	[VIRTIO_F_IN_ORDER] = "in-order",
	[NET_GUEST_USO4] = "guest-uso4",
	[NET_GUEST_USO6] = "guest-uso6",
	[NET_HOST_USO] = "host-uso",
};

static const char *const protocol_names[64] = {
	[VHOST_PROTOCOL_MQ] = "mq",
	[VHOST_PROTOCOL_LOG_SHMFD] = "log-shmfd",
	[VHOST_PROTOCOL_RARP] = "rarp",
	[VHOST_PROTOCOL_REPLY_ACK] = "reply-ack",
	[VHOST_PROTOCOL_MTU] = "mtu",
	[VHOST_PROTOCOL_INFLIGHT_SHMFD] = "inflight-shmfd",
	[VHOST_PROTOCOL_RESET_DEVICE] = "reset-device",
	[VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS] = "configure-mem-slots",
	[VHOST_PROTOCOL_STATUS] = "status",
};

const char *vhost_feature_name(unsigned bit)
{
	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}

const char *vhost_protocol_feature_name(unsigned bit)
{
	return bit < ARRAY_SIZE(protocol_names) ? protocol_names[bit] : NULL;
}
