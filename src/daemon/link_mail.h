/* SPDX-License-Identifier: GPL-2.0-or-later */
/* News of a link on their way from the hub's thread to control: a few at a time. What finds no
 * place is lost; it is said again, or can be asked for. */
#pragma once

#include "io/loop.h"
#include "port/link/link.h"

#define LINK_MAIL_MAX 64

struct link_mail;

struct link_letter {
	struct task task;
	struct link_mail *mail;
	struct link_news news;
	struct control control;
	atomic_bool is_under_way;
};

struct link_mail {
	struct loop *control;
	void (*on_news)(struct link_mail *mail, const struct link_news *news);
	struct link_letter letters[LINK_MAIL_MAX];
};

void link_mail_init(struct link_mail *mail, struct loop *control,
	void (*on_news)(struct link_mail *mail, const struct link_news *news));
/* link_settings.on_news, with the mail as its owner. The hub's thread. */
void link_mail_post(void *mail, const struct link_news *news);
/* When nobody posts any more. */
void link_mail_done(struct link_mail *mail);
