/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/identity.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_LEN 33 /* 32 hexadecimal digits and the newline */

static int parse(const char *text, size_t len, struct hash_key *ret_identity)
{
	unsigned long long a, b;
	int used = 0;

	if (len != TEXT_LEN || strspn(text, "0123456789abcdef") != TEXT_LEN - 1)
		return -EINVAL;
	if (sscanf(text, "%16llx%16llx\n%n", &a, &b, &used) != 2 || used != TEXT_LEN)
		return -EINVAL;
	*ret_identity = (struct hash_key){a, b};
	return 0;
}

static int read_identity(const char *path, struct hash_key *ret_identity, struct error *error)
{
	char text[TEXT_LEN + 2] = "";
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return error_set(error, errno, "%s: %m", path);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len < 0)
		return error_set(error, errno, "%s: %m", path);
	if (parse(text, (size_t)len, ret_identity) < 0)
		return error_set(error, EINVAL,
			"%s: not 32 hexadecimal digits; remove it to get a new "
			"identity (and new MAC addresses)",
			path);
	return 0;
}

static int write_whole(int fd, const char *text)
{
	ssize_t written = write(fd, text, TEXT_LEN);

	if (written != TEXT_LEN)
		return written < 0 ? -errno : -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

/* link(2), not rename(2): of two that start at once the first one's identity stays. */
static int make_identity(const char *path, struct error *error)
{
	struct hash_key fresh = {random_u64(), random_u64()};
	char text[TEXT_LEN + 1], draft[512];
	int fd, err;

	snprintf(text, sizeof(text), "%016llx%016llx\n", (unsigned long long)fresh.a,
		(unsigned long long)fresh.b);
	snprintf(draft, sizeof(draft), "%s.%d", path, getpid());
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(error, errno, "%s: %m", draft);
	err = write_whole(fd, text);
	close(fd);
	if (!err && link(draft, path) < 0 && errno != EEXIST)
		err = -errno;
	unlink(draft);
	return err ? error_set(error, -err, "%s: %s", path, strerror(-err)) : 0;
}

int identity_open(const char *state_dir, struct hash_key *ret_identity, struct error *error)
{
	char path[400];
	int err;

	snprintf(path, sizeof(path), "%s/identity", state_dir);
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		err = make_identity(path, error);
		if (err)
			return err;
	}
	return read_identity(path, ret_identity, error);
}

struct mac identity_mac(
	const struct hash_key *identity, const char *hub, const char *kind, const char *which)
{
	char text[512];
	uint64_t hash;
	struct mac mac;
	int len;

	len = snprintf(text, sizeof(text), "%s %s %s", hub, kind, which);
	hash = hash_sip(identity, text, MIN((size_t)len, sizeof(text) - 1));
	memcpy(mac.bytes + 1, &hash, 5);
	mac.bytes[0] = 0x02;
	return mac;
}
