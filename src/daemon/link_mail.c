/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link_mail.h"

#include <string.h>

static void arrive(struct task *task)
{
	struct link_letter *letter = CONTAINER_OF(task, struct link_letter, task);
	struct link_news news = letter->news;
	struct control control = letter->control;

	if (news.control)
		news.control = &control;
	explicit_bzero(&letter->control, sizeof(letter->control)); /* it may hold a key */
	atomic_store(&letter->is_under_way, false);
	letter->mail->on_news(letter->mail, &news);
	explicit_bzero(&control, sizeof(control));
}

void link_mail_init(struct link_mail *mail, struct loop *control,
	void (*on_news)(struct link_mail *mail, const struct link_news *news))
{
	mail->control = control;
	mail->on_news = on_news;
	for (unsigned i = 0; i < LINK_MAIL_MAX; i++) {
		mail->letters[i].task.run = arrive;
		mail->letters[i].mail = mail;
	}
}

void link_mail_post(void *owner, const struct link_news *news)
{
	struct link_mail *mail = owner;

	for (unsigned i = 0; i < LINK_MAIL_MAX; i++) {
		struct link_letter *letter = &mail->letters[i];

		if (atomic_load(&letter->is_under_way))
			continue;
		atomic_store(&letter->is_under_way, true);
		letter->news = *news;
		if (news->control)
			letter->control = *news->control;
		loop_post(mail->control, &letter->task);
		return;
	}
}

void link_mail_done(struct link_mail *mail)
{
	for (unsigned i = 0; i < LINK_MAIL_MAX; i++)
		loop_undefer(mail->control, &mail->letters[i].task);
}
