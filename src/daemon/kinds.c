/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kinds.h"

#include "daemon/kind_dhcp.h"
#include "daemon/kind_entrance.h"
#include "daemon/kind_link.h"
#include "daemon/kind_nat.h"
#include "daemon/kind_nic.h"
#include "daemon/kind_router.h"
#include "daemon/kind_tap.h"
#include "daemon/kind_vde.h"
#include "daemon/kind_vhost_user.h"
#include "daemon/kind_vm.h"

#include <assert.h>

static const struct kind kinds[] = {
	[PORT_KIND_HOST] =
		{
			.open = kind_host_open,
			.make = kind_host_make,
			.describe = kind_host_describe,
			.vmnet = VMNET_NETIF,
			.needs_subnet = true,
			.is_same_place = kind_host_is_same_place,
		},
	[PORT_KIND_NETNS] =
		{
			.open = kind_netns_open,
			.make = kind_netns_make,
			.describe = kind_netns_describe,
			.has_guest = true,
			.is_same_place = kind_netns_is_same_place,
		},
	[PORT_KIND_NAT] =
		{
			.open = kind_nat_open,
			.make = kind_nat_make,
			.end = kind_nat_end,
			.describe = kind_nat_describe,
			.needs_subnet = true,
			.may_change = kind_nat_may_change,
			.open_change = kind_nat_open_change,
			.change = kind_nat_change,
			.settle = kind_router_settle_neighbour,
			.is_lone = true,
			.may_coexist = true,
		},
	[PORT_KIND_DHCP] =
		{
			.make = kind_dhcp_make,
			.describe = kind_dhcp_describe,
			.needs_subnet = true,
			.may_change = kind_dhcp_may_change,
			.change = kind_dhcp_change,
			.settle = kind_router_settle_neighbour,
			.is_lone = true,
		},
	[PORT_KIND_VM] =
		{
			.open_entrance = kind_vm_open_entrance,
			.close_entrance = kind_vm_close_entrance,
			.make = kind_vm_make,
			.describe = kind_vm_describe,
			.has_guest = true,
			.fixes_mac = true,
			.is_same_place = kind_vm_is_same_place,
		},
	[PORT_KIND_VDE] =
		{
			.open_entrance = kind_vde_open_entrance,
			.close_entrance = kind_vde_close_entrance,
			.make = kind_vde_make,
			.describe = kind_vde_describe,
			.has_guest = true,
			.fixes_mac = true,
			.is_same_place = kind_entrance_is_same_place,
		},
	[PORT_KIND_NIC] =
		{
			.open = kind_nic_open,
			.make = kind_nic_make,
			.describe = kind_nic_describe,
			.vmnet = VMNET_BRIDGE,
			.loop_rank = 2,
			.is_same_place = kind_nic_is_same_place,
		},
	[PORT_KIND_VHOST_USER] =
		{
			.open_entrance = kind_vhost_user_open_entrance,
			.close_entrance = kind_entrance_close,
			.make = kind_vhost_user_make,
			.describe = kind_vhost_user_describe,
			.has_guest = true,
			.fixes_mac = true,
			.is_same_place = kind_entrance_is_same_place,
		},
	[PORT_KIND_ROUTER] =
		{
			.make = kind_router_make,
			.describe = kind_router_describe,
			.needs_subnet = true,
			.is_same_place = kind_router_is_same_place,
			.may_change = kind_router_may_change,
			.settle = kind_router_settle,
		},
	[PORT_KIND_LINK] =
		{
			.open_entrance = kind_link_open_entrance,
			.close_entrance = kind_link_close_entrance,
			.on_plugged = kind_link_on_plugged,
			.settle = kind_link_settle,
			.make = kind_link_make,
			.describe = kind_link_describe,
			.loop_rank = 1,
			.is_same_place = kind_link_is_same_place,
			.may_change = kind_link_may_change,
		},
};
static_assert(ARRAY_SIZE(kinds) == PORT_KIND_COUNT);

const struct kind *kind_of(enum port_kind kind)
{
	return &kinds[kind];
}
