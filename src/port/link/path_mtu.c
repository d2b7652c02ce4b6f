/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/path_mtu.h"

#include <stdbool.h>

#define SIZE_BITS 16

/* A number is even for a search, odd for a confirmation. */
static uint64_t stamp_of(const struct path_probe *probe)
{
	return (uint64_t)probe->number << SIZE_BITS | probe->size;
}

static void aim(struct path_probe *probe, uint32_t size, nsec now)
{
	probe->size = size;
	probe->number += 2;
	probe->tries = 0;
	probe->due = now;
}

static void rest(struct path_probe *probe, nsec until)
{
	probe->size = 0;
	probe->due = until;
}

static void search(struct path_mtu *path, enum path_mtu_phase phase, uint32_t size, nsec now)
{
	path->phase = phase;
	aim(&path->search, size, now);
}

static void settle(struct path_mtu *path, nsec now)
{
	path->phase = PATH_MTU_FOUND;
	rest(&path->search, path->confirmed < path->top ? now + PATH_MTU_RAISE : NSEC_NEVER);
}

static void halve(struct path_mtu *path, nsec now)
{
	uint32_t middle = (path->low + path->high) / 2 / PATH_MTU_STEP * PATH_MTU_STEP;

	if (middle <= path->low)
		middle = path->low + PATH_MTU_STEP;
	if (path->high - path->low <= PATH_MTU_STEP)
		settle(path, now);
	else
		search(path, PATH_MTU_HALVE, middle, now);
}

static void start(struct path_mtu *path, nsec now)
{
	path->confirmed = path->base;
	path->confirmed_at = now;
	path->low = 0;
	path->high = path->top + 1;
	rest(&path->confirmation, NSEC_NEVER);
	search(path, PATH_MTU_TOP, path->top, now);
}

void path_mtu_begin(struct path_mtu *path, uint32_t floor, uint32_t top, nsec now)
{
	path->top = top;
	path->base = MIN(PATH_MTU_BASE, top);
	path->floor = MIN(floor, path->base);
	path->rtt = 0;
	path->confirmation.number |= 1;
	start(path, now);
}

void path_mtu_end(struct path_mtu *path)
{
	path->phase = PATH_MTU_UNKNOWN;
	path->low = 0;
	rest(&path->search, NSEC_NEVER);
	rest(&path->confirmation, NSEC_NEVER);
}

/* As often as was tried, nothing came back. */
static void give_up(struct path_mtu *path, nsec now)
{
	path->high = path->search.size;
	switch (path->phase) {
	case PATH_MTU_TOP:
		if (path->low)
			search(path, PATH_MTU_NEXT, MIN(path->low + PATH_MTU_STEP, path->top), now);
		else
			search(path, PATH_MTU_BASIC, path->base, now);
		return;
	case PATH_MTU_BASIC:
		path->confirmed = path->floor;
		search(path, PATH_MTU_LEAST, path->floor, now);
		return;
	case PATH_MTU_LEAST:
		path->phase = PATH_MTU_SILENT;
		rest(&path->search, now + PATH_MTU_SILENT_WAIT);
		return;
	case PATH_MTU_HALVE:
		halve(path, now);
		return;
	case PATH_MTU_NEXT:
		settle(path, now);
		return;
	case PATH_MTU_UNKNOWN:
	case PATH_MTU_FOUND:
	case PATH_MTU_SILENT:
		return;
	}
}

static bool is_due(const struct path_probe *probe, nsec now)
{
	return probe->size && now >= probe->due;
}

static uint32_t send(struct path_probe *probe, nsec wait, nsec now, uint64_t *ret_stamp)
{
	if (!probe->tries++)
		probe->first_at = now;
	probe->due = now + wait;
	*ret_stamp = stamp_of(probe);
	return probe->size;
}

static void go_on(struct path_mtu *path, nsec now)
{
	if (path->phase == PATH_MTU_SILENT && now >= path->search.due)
		start(path, now);
	else if (path->phase == PATH_MTU_FOUND && now >= path->search.due)
		search(path, PATH_MTU_TOP, path->top, now);
	while (is_due(&path->search, now) && path->search.tries == PATH_MTU_PROBES)
		give_up(path, now);
}

nsec path_mtu_due(const struct path_mtu *path)
{
	return MIN(path->search.due, path->confirmation.due);
}

/* A confirmation has data waiting for it, so it is not waited for as long. */
uint32_t path_mtu_run(struct path_mtu *path, nsec now, uint64_t *ret_stamp)
{
	if (is_due(&path->confirmation, now)) {
		if (path->confirmation.tries < PATH_MTU_PROBES)
			return send(&path->confirmation, MAX(PATH_MTU_CONFIRM_WAIT, path->rtt), now,
				ret_stamp);
		start(path, now);
	}
	go_on(path, now);
	if (!is_due(&path->search, now))
		return 0;
	return send(&path->search, MAX(PATH_MTU_WAIT, path->rtt), now, ret_stamp);
}

static bool is_answer(const struct path_probe *probe, uint64_t stamp)
{
	return probe->size && probe->tries && stamp == stamp_of(probe);
}

static void found(struct path_mtu *path, nsec now)
{
	path->rtt = now - path->search.first_at;
	path->low = path->confirmed = path->search.size;
	path->confirmed_at = now;
	rest(&path->confirmation, NSEC_NEVER);
	if (path->low == path->top)
		settle(path, now);
	else
		halve(path, now);
}

void path_mtu_hear(struct path_mtu *path, uint64_t stamp, nsec now)
{
	if (is_answer(&path->confirmation, stamp)) {
		path->rtt = now - path->confirmation.first_at;
		path->confirmed_at = now;
		rest(&path->confirmation, NSEC_NEVER);
	} else if (is_answer(&path->search, stamp)) {
		found(path, now);
	}
}

void path_mtu_use(struct path_mtu *path, nsec now)
{
	if (path->phase != PATH_MTU_UNKNOWN && path->low == path->confirmed &&
		path->confirmed > path->floor && !path->confirmation.size &&
		now - path->confirmed_at >= PATH_MTU_CONFIRM_EVERY)
		aim(&path->confirmation, path->confirmed, now);
}

void path_mtu_refuse(struct path_mtu *path, uint32_t size, nsec now)
{
	if (size <= path->floor || path->phase == PATH_MTU_UNKNOWN)
		return;
	if (size <= path->confirmed && path->confirmed > path->base)
		start(path, now);
	if (path->search.size && size <= path->search.size) {
		path->search.tries = PATH_MTU_PROBES;
		path->search.due = now;
	}
}
