/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that "lanyard link" has, each a function of the call; they return its exit code. */
#pragma once

#include "cli/api.h"
#include "cli/call.h"

struct link_options {
	const char *port, *address, *name, *role, *expires, *hub, *ip;
	bool needs_approval, wants_code;
};

int link_join(struct call *call, struct api *api, const struct link_options *options);
int link_list(struct call *call, struct api *api, const struct link_options *options);
int link_approve(struct call *call, struct api *api, const struct link_options *options);
int link_revoke(struct call *call, struct api *api, const struct link_options *options);
int link_wg_config(struct call *call, struct api *api, const struct link_options *options);

/* {hub, members, invites, joined} of each hub that has any of them, with a key where it listens;
 * only: of that one, or NULL. */
int link_gather(struct call *call, struct api *api, const char *only, json_t **ret_all) MUST_USE;
/* The one hub among them that listens; NULL: the error says why. */
const char *link_only_hub(struct call *call, const json_t *all);
