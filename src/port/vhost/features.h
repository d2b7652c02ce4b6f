/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device offers: virtio's features and the protocol's. */
#pragma once

#include "port/vhost/message.h"

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

/* virtio 1.2 has these; linux/virtio_net.h since 6.2. */
#define NET_GUEST_USO4 54
#define NET_GUEST_USO6 55
#define NET_HOST_USO   56

/*
 * The control queue, the MAC address, link status and the number of queue pairs in use are between
 * the driver and its front end (QEMU), which offers them itself; MQ and GUEST_ANNOUNCE it offers
 * only when we do.
 */
#define FEATURES_OFFERED                                                                           \
	(1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM | 1ull << VIRTIO_NET_F_MTU |  \
		1ull << VIRTIO_NET_F_GUEST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO6 |                \
		1ull << VIRTIO_NET_F_GUEST_ECN | 1ull << VIRTIO_NET_F_HOST_TSO4 |                  \
		1ull << VIRTIO_NET_F_HOST_TSO6 | 1ull << VIRTIO_NET_F_HOST_ECN |                   \
		1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_NET_F_GUEST_ANNOUNCE |             \
		1ull << VIRTIO_NET_F_MQ | 1ull << VHOST_F_LOG_ALL | 1ull << VIRTIO_F_ANY_LAYOUT |  \
		1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX |            \
		1ull << VHOST_FEATURE_PROTOCOL | 1ull << VIRTIO_F_VERSION_1 |                      \
		1ull << VIRTIO_F_RING_PACKED | 1ull << VIRTIO_F_IN_ORDER |                         \
		1ull << NET_GUEST_USO4 | 1ull << NET_GUEST_USO6 | 1ull << NET_HOST_USO)

/* Those that decide how rings and headers look: they stay while a queue runs. */
#define FEATURES_OF_RINGS                                                                          \
	(1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_RING_F_INDIRECT_DESC |                    \
		1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_F_VERSION_1 |                     \
		1ull << VIRTIO_F_RING_PACKED)

#define PROTOCOL_FEATURES_OFFERED                                                                  \
	(1ull << VHOST_PROTOCOL_MQ | 1ull << VHOST_PROTOCOL_LOG_SHMFD |                            \
		1ull << VHOST_PROTOCOL_RARP | 1ull << VHOST_PROTOCOL_REPLY_ACK |                   \
		1ull << VHOST_PROTOCOL_MTU | 1ull << VHOST_PROTOCOL_INFLIGHT_SHMFD |               \
		1ull << VHOST_PROTOCOL_RESET_DEVICE | 1ull << VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS | \
		1ull << VHOST_PROTOCOL_STATUS)

/* "mrg-rxbuf"; NULL: none that we speak of. */
const char *vhost_feature_name(unsigned bit);
const char *vhost_protocol_feature_name(unsigned bit);
