/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading, checking, comparing and writing the model. */
#pragma once

#include "base/attr.h"
#include "config/model.h"

/* name: what messages call the file ("lanyard.yaml", "(request)"). Reads, fills defaults, checks.
 * -EINVAL: error says "name:line:column: path: value is wrong, what would be right". */
int config_read(const char *name, const char *text, size_t len, struct config **ret_config,
	struct error *error) MUST_USE;
int config_read_file(const char *path, struct config **ret_config, struct error *error) MUST_USE;
/* hub8 with nat and dhcp on 192.168.120.0/24 and a ULA /64 (interface.md's default). */
struct config *config_default(void);
/* What config_read() checks after reading, for a model that was changed since. -EINVAL. */
int config_check(const struct config *config, struct error *error) MUST_USE;
/* One port from "kind" and "key=value" settings, as plug gives them. A value in quotes, or in
 * brackets where the key takes a list, is YAML (and so JSON); any other is taken as it stands, for
 * a list as its only item. hub: what the port is to fit on, and gives it its defaults; or NULL. */
int config_read_port(const struct hub_config *hub, const char *kind, const char *const *settings,
	size_t count, struct port_config *ret_port, struct error *error) MUST_USE;
/* What the port is to become while it is there: `from`, with settings of struct policy_config or of
 * its mac. port_config_done() ends *ret. */
int config_change_port(const struct port_config *from, const char *const *settings, size_t count,
	struct port_config *ret, struct error *error) MUST_USE;
/* "tcp 127.0.0.1:2222 192.168.120.10:22" */
int config_read_forward(const char *text, struct forward_config *ret, struct error *error) MUST_USE;
char *forward_format(const struct forward_config *forward, char text[160]);
/* The model as YAML that config_read() takes back to an equal model. malloc'ed; NULL: no memory. */
char *config_write(const struct config *config);

/* Where our own hosts are on a hub with a subnet: .1, .2, and .254 (the last but one). */
struct ip hub_config_host(const struct hub_config *hub);
struct ip hub_config_gateway(const struct hub_config *hub);
struct ip hub_config_gateway6(const struct hub_config *hub); /* where it has_subnet6 */
struct ip hub_config_dhcp_server(const struct hub_config *hub);

/* The hub, which has a subnet, on another of the same size: pool, router, reservations and the like
 * that were within the old one are at the same place in the new. network: its first address. */
void hub_config_move(struct hub_config *hub, struct ip network);

/* A deep copy of a port; port_config_done() ends it. */
int port_config_copy(const struct port_config *from, struct port_config *ret) MUST_USE;
void port_config_done(struct port_config *port);
/* The same wish, whatever place it stands at. */
bool port_config_equal(const struct port_config *a, const struct port_config *b);
/* But for what may change while it is there. */
bool port_config_equal_but_policy(const struct port_config *a, const struct port_config *b);
bool hub_config_equal_but_ports(const struct hub_config *a, const struct hub_config *b);
struct hub_config *config_find_hub(struct config *config, const char *name);
