/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/vnet.h"

#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const struct virtio_net_hdr tso4 = {
	.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
	.hdr_len = 66,
	.gso_size = 1448,
	.csum_start = 34,
	.csum_offset = 16,
};

static bool read_header(const struct virtio_net_hdr *header, uint32_t len, struct offload *ret)
{
	return vnet_read((const uint8_t *)header, len, ret);
}

static void test_kernel_header(void **)
{
	struct offload offload;
	uint8_t out[VNET_HEADER_LEN];

	assert_int_equal(sizeof(tso4), VNET_HEADER_LEN);
	assert_true(read_header(&tso4, 5000, &offload));
	assert_true(offload.needs_checksum && !offload.is_checked);
	assert_int_equal(offload.kind, SEGMENT_TCP4);
	assert_int_equal(offload.header_len, 66);
	assert_int_equal(offload.segment_size, 1448);
	assert_int_equal(offload.checksum_start, 34);
	assert_int_equal(offload.checksum_offset, 16);
	vnet_write(out, &offload);
	assert_memory_equal(out, &tso4, sizeof(tso4));
}

static void test_kinds_both_ways(void **)
{
	static const uint8_t kernel[] = {
		[SEGMENT_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[SEGMENT_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[SEGMENT_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[SEGMENT_UDP] = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, newer than some headers */
	};

	for (uint8_t kind = 0; kind < sizeof(kernel); kind++) {
		struct virtio_net_hdr header = tso4;
		struct offload offload;
		uint8_t out[VNET_HEADER_LEN];

		header.gso_type = kernel[kind];
		assert_true(read_header(&header, 5000, &offload));
		assert_int_equal(offload.kind, kind);
		vnet_write(out, &offload);
		assert_int_equal(out[1], kernel[kind]);
	}
}

static void test_plain(void **)
{
	static const struct offload none;
	struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_DATA_VALID, .csum_start = 9999};
	struct offload offload;

	assert_true(read_header(&header, 60, &offload));
	assert_true(offload.is_checked);
	offload.is_checked = false;
	assert_memory_equal(&offload, &none, sizeof(none)); /* what means nothing is not kept */
}

static void test_ecn_is_forgotten(void **)
{
	struct virtio_net_hdr header = tso4;
	struct offload offload;

	header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	assert_true(read_header(&header, 5000, &offload));
	assert_int_equal(offload.kind, SEGMENT_TCP4);
	header.gso_type = VIRTIO_NET_HDR_GSO_ECN;
	assert_true(read_header(&header, 5000, &offload));
	assert_int_equal(offload.kind, SEGMENT_NONE);
}

static void test_refused(void **)
{
	struct offload offload = {.segment_size = 7};
	struct virtio_net_hdr header = tso4;

	header.gso_type = VIRTIO_NET_HDR_GSO_UDP; /* fragments, not segments */
	assert_false(read_header(&header, 5000, &offload));
	header = tso4;
	header.gso_size = 0;
	assert_false(read_header(&header, 5000, &offload));
	header = tso4;
	header.flags = 0;
	assert_false(read_header(&header, 5000, &offload));
	assert_true(read_header(&tso4, 52, &offload));
	offload.segment_size = 7;
	assert_false(read_header(&tso4, 51, &offload));
	header = tso4;
	header.csum_start = 0xffff;
	header.csum_offset = 0xffff;
	assert_false(read_header(&header, 65553, &offload));
	assert_int_equal(offload.segment_size, 7); /* left alone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_header),
		cmocka_unit_test(test_kinds_both_ways),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_ecn_is_forgotten),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
