/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/metrics.h"

void api_get_metrics(struct api *api, struct request *, struct reply *reply)
{
	struct metrics metrics;

	if (metrics_take(api_world(api), &metrics)) {
		reply_text(reply, METRICS_TYPE, NULL);
		return;
	}
	reply_text(reply, METRICS_TYPE, metrics_text(&metrics));
	metrics_done(&metrics);
}
