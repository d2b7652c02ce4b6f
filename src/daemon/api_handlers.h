/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handlers that api.c's table names, by the file they are in. */
#pragma once

#include "daemon/api.h"

#define HANDLER(name) void name(struct api *api, struct request *request, struct reply *reply)

/* api_hubs.c */
HANDLER(api_get_hubs);
HANDLER(api_get_hub);
HANDLER(api_get_addresses);
HANDLER(api_get_leases);
HANDLER(api_get_flows);

/* api_capture.c */
HANDLER(api_get_capture);

/* api_metrics.c */
HANDLER(api_get_metrics);

/* api_ports.c */
HANDLER(api_get_ports);
HANDLER(api_get_port);
HANDLER(api_post_port);
HANDLER(api_delete_port);

/* api_port_change.c */
HANDLER(api_patch_port);

/* api_forwards.c */
HANDLER(api_get_forwards);
HANDLER(api_post_forward);
HANDLER(api_delete_forward);

/* api_link.c */
HANDLER(api_get_link);
HANDLER(api_post_invite);
HANDLER(api_post_member);
HANDLER(api_post_approval);
HANDLER(api_delete_member);

/* api_config.c */
HANDLER(api_get_config);
HANDLER(api_put_config);
HANDLER(api_check_config);

/* api_vmnet.c */
HANDLER(api_get_vmnet);
HANDLER(api_get_vmnet_file);

/* api_about.c */
HANDLER(api_get_events);
HANDLER(api_get_version);
HANDLER(api_get_openapi);

#undef HANDLER

/* The object PORT or ENTRANCE of docs/api.md. */
void api_reply_port(struct reply *reply, unsigned status, const struct world_port *port);
