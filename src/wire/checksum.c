/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/checksum.h"

#include "base/bytes.h"

/* Ones' complement addition does not care how wide the words are as long as carries come back
 * around: 64-bit accumulators take 32-bit words without one, four at a time without waiting. */
static uint64_t add_blocks(const uint8_t *at, size_t blocks)
{
	uint64_t sums[4] = {0};
	uint32_t words[8];

	for (; blocks; blocks--, at += 32) {
		memcpy(words, at, 32);
		for (unsigned i = 0; i < 4; i++)
			sums[i] += (uint64_t)words[i] + words[i + 4];
	}
	return sums[0] + sums[1] + sums[2] + sums[3];
}

static uint32_t fold_to_32(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (uint32_t)(sum + (sum >> 32));
}

static uint16_t fold_to_16(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

uint32_t checksum_add(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t total = sum;
	uint32_t word;
	uint16_t half;

	total += add_blocks(at, len / 32);
	at += len & ~(size_t)31;
	for (len &= 31; len >= 4; at += 4, len -= 4) {
		memcpy(&word, at, 4);
		total += word;
	}
	if (len >= 2) {
		memcpy(&half, at, 2);
		total += half;
		at += 2;
	}
	if (len & 1)
		total += *at; /* padded with a zero byte behind it */
	return fold_to_32(total);
}

uint32_t checksum_add_iov(
	uint32_t sum, const struct iovec *parts, unsigned count, size_t offset, size_t len)
{
	uint64_t total = sum;
	bool is_odd = false;

	for (unsigned i = 0; i < count && len; i++) {
		size_t skip = MIN(offset, parts[i].iov_len),
		       take = MIN(parts[i].iov_len - skip, len);
		uint32_t part = checksum_add(0, (const uint8_t *)parts[i].iov_base + skip, take);

		/* RFC 1071 2(B): behind an odd number of bytes every word is the other way around
		 */
		total += is_odd ? __builtin_bswap16(fold_to_16(part)) : part;
		is_odd ^= take & 1;
		offset -= skip;
		len -= take;
	}
	return fold_to_32(total);
}

uint32_t checksum_pseudo(struct ip from, struct ip to, uint8_t protocol, uint32_t len)
{
	unsigned skip = ip_is_v4(to) ? 12 : 0;
	uint8_t tail[8] = {[7] = protocol};
	uint32_t sum;

	store_be32(tail, len);
	sum = checksum_add(0, from.bytes + skip, 16 - skip);
	sum = checksum_add(sum, to.bytes + skip, 16 - skip);
	return checksum_add(sum, tail, sizeof(tail));
}

uint16_t checksum_fold(uint32_t sum)
{
	return (uint16_t)~fold_to_16(sum);
}

/* RFC 1624 3, equation 3: HC' = ~(~HC + ~m + m') */
uint16_t checksum_update(uint16_t stored, const void *old_bytes, const void *new_bytes, size_t len)
{
	uint32_t removed = fold_to_16(checksum_add(0, old_bytes, len));
	uint32_t sum = (uint16_t)~stored + (uint32_t)(uint16_t)~removed;

	return checksum_fold(checksum_add(sum, new_bytes, len));
}
