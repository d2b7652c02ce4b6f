/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that values are written in. Each noun has a parser and a formatter that takes it back:
 *
 *   int x_parse(const char *text, void *ret, struct error *error)
 *     writes *ret only on success; -EINVAL: error says "TEXT is not ..., such as ...", no place
 *   void x_format(const void *value, char text[VALUE_TEXT_SIZE])
 *     nothing for a value that is not set
 *
 * The comment names what ret and value point at.
 */
#pragma once

#include "base/attr.h"
#include "base/error.h"

#define VALUE_TEXT_SIZE 1024

#define VALUE_FUNCTIONS(noun)                                                                      \
	int noun##_parse(const char *text, void *ret, struct error *error) MUST_USE;               \
	void noun##_format(const void *value, char text[VALUE_TEXT_SIZE])

VALUE_FUNCTIONS(flag);	       /* bool: true, false */
VALUE_FUNCTIONS(mtu);	       /* unsigned; 0: not set */
VALUE_FUNCTIONS(duration);     /* unsigned seconds: 90s, 30m, 2h, 7d */
VALUE_FUNCTIONS(port_name);    /* char[CONFIG_NAME_SIZE] */
VALUE_FUNCTIONS(guest_name);   /* char[CONFIG_NAME_SIZE]: a host name of one label */
VALUE_FUNCTIONS(interface);    /* char[16] */
VALUE_FUNCTIONS(netns);	       /* char[CONFIG_PATH_SIZE] */
VALUE_FUNCTIONS(domain);       /* char[256] */
VALUE_FUNCTIONS(search);       /* char[1024]: domains, a space between each two */
VALUE_FUNCTIONS(boot_file);    /* char[CONFIG_BOOT_FILE_SIZE] */
VALUE_FUNCTIONS(station_mac);  /* struct mac, of one station */
VALUE_FUNCTIONS(address4);     /* struct ip, IPv4, of one host */
VALUE_FUNCTIONS(resolver);     /* struct endpoint: an address, port 53 unless told */
VALUE_FUNCTIONS(nat_forward);  /* struct forward_config, but its place */
VALUE_FUNCTIONS(port_mac);     /* struct port_config: mac and has_mac */
VALUE_FUNCTIONS(guards);       /* struct guards_config: dhcp, ra, arp, several of them, or none */
VALUE_FUNCTIONS(storm);	       /* unsigned frames a second, or none: 0 */
VALUE_FUNCTIONS(link_state);   /* bool, of a link that is down: up, down */
VALUE_FUNCTIONS(rate);	       /* uint64_t, bits a second: 100mbit; 0: none */
VALUE_FUNCTIONS(wire);	       /* struct wire_config: delay 50ms loss 1%, or none */
VALUE_FUNCTIONS(hub_mtu);      /* struct hub_config: mtu and has_mtu */
VALUE_FUNCTIONS(hub_subnet);   /* struct hub_config: subnet and has_subnet */
VALUE_FUNCTIONS(hub_subnet6);  /* struct hub_config: subnet6 and has_subnet6 */
VALUE_FUNCTIONS(dhcp_pool);    /* struct dhcp_config: pool_first and pool_last, A-B */
VALUE_FUNCTIONS(dhcp_router);  /* struct dhcp_config: router and has_routers, or none */
VALUE_FUNCTIONS(listen_place); /* char[CONFIG_PATH_SIZE]: a path, ADDRESS:PORT or fd:NAME */
VALUE_FUNCTIONS(dial_place);   /* char[CONFIG_PATH_SIZE]: a path or ADDRESS:PORT */
VALUE_FUNCTIONS(socket_path);  /* char[CONFIG_PATH_SIZE] */
VALUE_FUNCTIONS(group);	       /* char[CONFIG_NAME_SIZE]: of users */
VALUE_FUNCTIONS(nic_mode);     /* enum nic_config_mode: auto, transparent, translate */
VALUE_FUNCTIONS(nic_dhcp);     /* bool: proxy; false: broadcast */
VALUE_FUNCTIONS(host_address); /* struct ip, of one host, either family */
VALUE_FUNCTIONS(leg_address6); /* struct ip, IPv6, of one host, or none */
VALUE_FUNCTIONS(route);	       /* struct route_config, but its place */
VALUE_FUNCTIONS(vm_protocol);  /* enum vm_protocol: stream, dgram */
VALUE_FUNCTIONS(link_listen);  /* struct endpoint: PORT or ADDRESS:PORT */
VALUE_FUNCTIONS(link_address); /* char[CONFIG_PATH_SIZE]: HOST or HOST:PORT */
VALUE_FUNCTIONS(link_invite);  /* char[CONFIG_INVITE_SIZE] */

/* "hub" and a number. ret: char[16] */
int hub_name_parse(const char *text, void *ret, struct error *error) MUST_USE;

/* What the parsers say: "'TEXT' what". Returns -EINVAL. */
int value_refuse(struct error *error, const char *text, const char *what);
