/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surviving a file that was cut short under its mapping. A hub's ports and all that reads their
 * memory live on one thread, and SIGBUS comes to the thread that touched: so the list that the
 * handler walks is the thread's own, and needs no lock.
 */
#include "port/vhost/memory.h"

#include <pthread.h>
#include <sys/mman.h>

static _Thread_local struct guest_memory *watched;
static struct sigaction before;

static bool replace(struct guest_memory *memory, const uint8_t *at)
{
	for (unsigned i = 0; i < memory->count; i++) {
		struct guest_region *region = &memory->regions[i];
		const uint8_t *start = region->map;

		if (at < start || at >= start + region->map_len)
			continue;
		memory->is_broken = 1;
		return mmap(region->map, region->map_len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
			       0) != MAP_FAILED;
	}
	return false;
}

/* What is not ours goes to whoever was there before: the touch happens again on return. */
static void on_fault(int, siginfo_t *info, void *)
{
	for (struct guest_memory *memory = watched; memory; memory = memory->next) {
		if (replace(memory, info->si_addr))
			return;
	}
	sigaction(SIGBUS, &before, NULL);
}

/* Each time: somebody may have put a handler of theirs there since. */
static void install(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct sigaction now;

	pthread_mutex_lock(&lock);
	sigaction(SIGBUS, NULL, &now);
	if (now.sa_sigaction != on_fault) {
		before = now;
		sigaction(SIGBUS, &action, NULL);
	}
	pthread_mutex_unlock(&lock);
}

/* Workers are born with all signals blocked; one that is raised by a fault would end us then. */
static void unblock(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void fault_watch(struct guest_memory *memory)
{
	for (struct guest_memory *at = watched; at; at = at->next) {
		if (at == memory)
			return;
	}
	install();
	unblock();
	memory->next = watched;
	watched = memory;
}

void fault_forget(struct guest_memory *memory)
{
	struct guest_memory **at = &watched;

	while (*at && *at != memory)
		at = &(*at)->next;
	if (*at)
		*at = memory->next;
}
