/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link_wg.h"

#include "port/link/link.h"

#include <stdlib.h>

struct link_wg {
	struct worker *worker;
	struct link *const *link;
	struct wg_socket *socket;
};

struct question {
	const struct link_wg *wg;
	const char *request;
	size_t len, reply_len;
	char *reply;
};

static void ask(void *argument)
{
	struct question *question = argument;
	struct link *link = *question->wg->link;

	if (link)
		question->reply = link_answer_wg(
			link, question->request, question->len, &question->reply_len);
}

static char *answer(void *owner, const char *request, size_t len, size_t *ret_len)
{
	const struct link_wg *wg = owner;
	struct question question = {.wg = wg, .request = request, .len = len};

	worker_call(wg->worker, ask, &question);
	*ret_len = question.reply_len;
	return question.reply;
}

struct link_wg *link_wg_open(const struct world_port *entrance, struct link *const *link)
{
	struct link_wg *wg = calloc(1, sizeof(*wg));
	char id[PORT_ID_SIZE];
	const struct wg_socket_settings settings = {
		.name = world_port_id(entrance, id), .answer = answer, .owner = wg};

	if (!wg)
		return NULL;
	wg->worker = entrance->hub->worker;
	wg->link = link;
	wg->socket = wg_socket_open(entrance->hub->world->loop, &settings);
	if (wg->socket)
		return wg;
	free(wg);
	return NULL;
}

void link_wg_close(struct link_wg *wg)
{
	if (!wg)
		return;
	wg_socket_close(wg->socket);
	free(wg);
}
