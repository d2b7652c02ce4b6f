/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a lease file. What was understood is written as a line that means the same. */
#include "base/bytes.h"
#include "service/lease_text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct lease_clock clocks = {1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC};
static const struct hash_key key = {1, 2};

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_line(const struct lease *lease)
{
	char line[LEASE_LINE_SIZE], again[LEASE_LINE_SIZE];
	struct lease_table other;
	struct lease *read;
	size_t len;

	len = lease_write_line(lease, &clocks, line);
	check(len < sizeof(line) && line[len - 1] == '\n');
	line[len - 1] = '\0';
	lease_table_init(&other, &key);
	check(lease_read_line(&other, line, &clocks));
	read = lease_find_ip(&other, lease->ip);
	if (lease_state(lease, clocks.now) == LEASE_EXPIRED && !lease->was_bound) {
		check(!read); /* the address was held back, and that is over */
	} else {
		line[len - 1] = '\n';
		check(read && lease_write_line(read, &clocks, again) == len);
		check(!memcmp(line, again, len));
	}
	lease_table_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct map_cursor cursor = {0};
	char *text = malloc(len + 1), *line = text, *end;
	struct lease_table table;
	struct lease *lease;

	memcpy(text, bytes, len);
	text[len] = '\n';
	lease_table_init(&table, &key);
	for (; line <= text + len; line = end + 1) {
		end = memchr(line, '\n', text + len + 1 - line);
		*end = '\0';
		if (!lease_read_line(&table, line, &clocks))
			continue;
		check(table.by_ip.count == table.expiries.count);
	}
	while ((lease = lease_walk(&table, &cursor)))
		check_line(lease);
	lease_table_done(&table);
	free(text);
	return 0;
}
