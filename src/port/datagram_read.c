/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/datagram_read.h"

#include <errno.h>

/* One for each frame, an odd number of cache lines apart, so that short frames spread over all of
 * the cache; only the pages that frames reach are ever touched. */
#define SLOT_SIZE (1025 * 64)
_Static_assert(SLOT_SIZE > ETH_FRAME_MAX, "one that is too large must be told from the largest");

struct control {
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct ucred))];
};

struct reading {
	struct mmsghdr messages[DATAGRAM_BATCH];
	struct iovec rooms[DATAGRAM_BATCH];
};

static void prepare(struct reading *reading, uint8_t *room)
{
	for (unsigned i = 0; i < DATAGRAM_BATCH; i++) {
		reading->rooms[i] = (struct iovec){room + i * SLOT_SIZE, SLOT_SIZE};
		reading->messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &reading->rooms[i],
			.msg_iovlen = 1,
		};
	}
}

static void ask_for_sources(
	struct reading *reading, struct datagram_source *sources, struct control *controls)
{
	for (unsigned i = 0; i < DATAGRAM_BATCH; i++) {
		struct msghdr *header = &reading->messages[i].msg_hdr;

		header->msg_name = &sources[i].address.name;
		header->msg_namelen = sizeof(sources[i].address.name);
		header->msg_control = &controls[i];
		header->msg_controllen = sizeof(controls[i]);
	}
}

static void note_source(struct datagram_source *source, struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);

	source->address.len = header->msg_namelen;
	source->who = (struct ucred){0};
	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_CREDENTIALS)
		memcpy(&source->who, CMSG_DATA(control), sizeof(source->who));
}

int datagram_read(
	struct loop *loop, int fd, struct datagram_batch *ret, struct datagram_source *ret_sources)
{
	uint8_t *room = loop_scratch(loop, (size_t)DATAGRAM_BATCH * SLOT_SIZE);
	struct control controls[DATAGRAM_BATCH];
	struct reading reading;
	int count;

	ret->count = 0;
	if (!room)
		return 0; /* they wait in the socket */
	prepare(&reading, room);
	if (ret_sources)
		ask_for_sources(&reading, ret_sources, controls);
	count = recvmmsg(fd, reading.messages, DATAGRAM_BATCH, MSG_DONTWAIT, NULL);
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		ret->frames[i] = frame_linear(
			reading.rooms[i].iov_base, reading.messages[i].msg_len);
		if (ret_sources)
			note_source(&ret_sources[i], &reading.messages[i].msg_hdr);
	}
	ret->count = (unsigned)count;
	return 0;
}

/* What vfkit sends first, to be known by its address. */
static bool is_greeting(const struct frame *frame)
{
	return frame->len == 4 && !memcmp(frame->head, "VFKT", 4);
}

bool datagram_is_frame(struct port *from, const struct frame *frame)
{
	if (LIKELY(frame->len >= ETH_HEADER_LEN && frame->len <= ETH_FRAME_MAX))
		return true;
	if (!is_greeting(frame))
		port_drop_in(from, frame->len > ETH_FRAME_MAX ? DROP_GIANT : DROP_RUNT, frame);
	return false;
}

void datagram_give(struct port *from, struct datagram_batch *batch, nsec now)
{
	unsigned count = 0;

	for (unsigned i = 0; i < batch->count; i++) {
		if (datagram_is_frame(from, &batch->frames[i]))
			batch->frames[count++] = batch->frames[i];
	}
	if (count)
		hub_receive(from, batch->frames, count, now);
}
