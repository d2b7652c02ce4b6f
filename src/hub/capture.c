/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/hub_state.h"

void hub_capture_start(struct hub *hub, struct capture *capture)
{
	list_push_back(&hub->captures, &capture->node);
}

void hub_capture_stop(struct capture *capture)
{
	list_remove(&capture->node);
}

void capture_frame(const struct hub *hub, const struct port *port, enum capture_point point,
	enum drop reason, const struct frame *frame)
{
	LIST_EACH(node, &hub->captures) {
		struct capture *capture = LIST_ENTRY(node, struct capture, node);

		capture->on_frame(capture, port, point, reason, frame, hub->now);
	}
}

static void count_drop(struct port *port, struct port_counters *counters, enum drop reason,
	const struct frame *frame)
{
	counters->drops[reason] += frame_wire_count(frame);
	if (port->hub && is_watched(port->hub))
		capture_frame(port->hub, port, CAPTURE_DROP, reason, frame);
}

void port_drop(struct port *port, enum drop reason, const struct frame *frame)
{
	count_drop(port, &port->out, reason, frame);
}

void port_drop_in(struct port *port, enum drop reason, const struct frame *frame)
{
	count_drop(port, &port->in, reason, frame);
}
