/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VDE's plugs say. Input: the bytes. Whatever they are: a request needs more bytes, or is
 * none, or has an address, and which of these it is does not change with what follows; an address
 * that is written again is read again. Paths of any kind are looked at, and never with another's
 * hands.
 */
#include "port/vde/request.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static int parse(const uint8_t *bytes, size_t len, struct peer_address *ret)
{
	uint8_t *exact = malloc(len); /* so that a look past its end is seen */
	struct error error = {0};
	int err;

	if (len)
		memcpy(exact, bytes, len);
	err = vde_request_parse(exact, len, ret, &error);
	check(!err || err == -EAGAIN || err == -EPROTO);
	check((err == -EPROTO) == (error.text[0] != '\0'));
	free(exact);
	return err;
}

static void check_address(const struct peer_address *address)
{
	uint8_t again[VDE_REQUEST_MAX];
	struct peer_address same;
	size_t len = vde_request_write(again, address, "a fuzzer");
	int fd;

	check(!parse(again, len, &same) && peer_address_equal(address, &same));
	vde_answer_write(again, address);
	check(!vde_answer_parse(again, VDE_ANSWER_LEN, &same));
	check(peer_address_equal(address, &same));
	check(vde_answer_parse(again, VDE_ANSWER_LEN - 1, &same) == -EAGAIN);
	fd = peer_path_open(address, 12345);
	check(fd < 0);
	check(peer_address_is_path(address) || fd == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct peer_address address, later;
	int err = -EAGAIN;

	for (size_t i = 0; i <= len && err == -EAGAIN; i++)
		err = parse(bytes, i, &address);
	if (err != -EAGAIN)
		check(parse(bytes, len, &later) == err);
	if (!err) {
		check(peer_address_equal(&address, &later));
		check_address(&address);
	}
	return 0;
}
