/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a guest reports: no group twice, none that is no group, never more than are kept. */
#include "hub/groups.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check(const struct groups *groups)
{
	struct mac macs[GROUPS_LIST_MAX];
	unsigned count = groups_list(groups, macs);

	require(groups->count <= GROUPS_MAX && count <= GROUPS_LIST_MAX);
	for (unsigned i = 0; i < groups->count; i++) {
		require(ip_is_multicast(groups->joined[i]));
		for (unsigned other = 0; other < i; other++)
			require(!ip_equal(groups->joined[i], groups->joined[other]));
	}
	for (unsigned i = 0; i < count; i++)
		require(mac_is_group(macs[i]));
}

/* data: frames, each behind its length in two bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_on(data, size);
	struct groups groups = {0};

	while (reader_left(&r) > 2) {
		size_t wanted = read_be16(&r), len = MIN(wanted, reader_left(&r));
		uint8_t *bytes = malloc(len + 1); /* so that nothing behind it is ours */
		struct frame frame;

		require(bytes != NULL);
		read_copy(&r, bytes, len);
		frame = frame_linear(bytes, (uint32_t)len);
		if (len >= ETH_HEADER_LEN)
			groups_note(&groups, &frame);
		free(bytes);
		check(&groups);
	}
	return 0;
}
