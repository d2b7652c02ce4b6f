/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/port.h"

static const char *const names[DROP_COUNT] = {
	[DROP_RUNT] = "runt",
	[DROP_GIANT] = "giant",
	[DROP_MALFORMED] = "malformed",
	[DROP_CHECKSUM] = "checksum",
	[DROP_SOURCE_GROUP] = "source_group",
	[DROP_SOURCE_SPOOFED] = "source_spoofed",
	[DROP_HAIRPIN] = "hairpin",
	[DROP_RESERVED] = "reserved",
	[DROP_LINK_DOWN] = "link_down",
	[DROP_QUEUE_FULL] = "queue_full",
	[DROP_IO] = "io",
	[DROP_NO_MEMORY] = "no_memory",
	[DROP_UNWANTED] = "unwanted",
	[DROP_UNREACHABLE] = "unreachable",
	[DROP_TTL] = "ttl",
	[DROP_FRAGMENT] = "fragment",
	[DROP_FLOW_LIMIT] = "flow_limit",
	[DROP_POLICY] = "policy",
	[DROP_IMPAIRED] = "impaired",
	[DROP_STORM] = "storm",
	[DROP_LOOP] = "loop",
};

const char *drop_name(enum drop drop)
{
	return drop < DROP_COUNT ? names[drop] : "unknown";
}
