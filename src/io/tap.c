/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/tap.h"

#include "io/netns.h"
#include "wire/vnet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* linux/if_tun.h of 6.2 and later. */
#define OFFLOAD_USO4 0x20
#define OFFLOAD_USO6 0x40
#define OFFLOAD_TCP  (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

#define TAP_FLAGS (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

struct opening {
	const struct tap_settings *settings;
	struct tap tap;
	struct error *error;
};

void tap_close(struct tap *tap)
{
	if (tap->fd >= 0)
		close(tap->fd);
	tap->fd = -1;
}

void tap_set_carrier(const struct tap *tap, bool is_up)
{
	const int carrier = is_up;

	(void)!ioctl(tap->fd, TUNSETCARRIER, &carrier);
}

static int set_header_format(int fd)
{
	const int size = VNET_HEADER_LEN, is_little_endian = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 || ioctl(fd, TUNSETVNETLE, &is_little_endian) < 0)
		return -errno;
	return 0;
}

static int set_offloads(struct tap *tap)
{
	tap->has_udp_segments = !ioctl(
		tap->fd, TUNSETOFFLOAD, OFFLOAD_TCP | OFFLOAD_USO4 | OFFLOAD_USO6);
	if (!tap->has_udp_segments && ioctl(tap->fd, TUNSETOFFLOAD, OFFLOAD_TCP) < 0)
		return -errno;
	return 0;
}

static int read_mac(struct tap *tap)
{
	struct ifreq request = {0};

	if (ioctl(tap->fd, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	memcpy(&tap->mac, request.ifr_hwaddr.sa_data, sizeof(tap->mac));
	return 0;
}

/* What a descriptor needs that is attached to its interface. */
static int ready(struct tap *tap, struct error *error)
{
	int err = set_header_format(tap->fd);

	if (!err)
		err = set_offloads(tap);
	if (!err)
		err = read_mac(tap);
	return err ? error_set(error, -err, "interface '%s': setting up the TAP: %s", tap->name,
			     strerror(-err))
		   : 0;
}

static int open_device(struct opening *opening)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		opening->tap.fd = fd;
		return 0;
	}
	if (errno == ENOENT)
		return error_set(opening->error, ENOENT,
			"interface '%s': there is no /dev/net/tun (modprobe tun)",
			opening->tap.name);
	return error_set(opening->error, errno, "interface '%s': /dev/net/tun: %s",
		opening->tap.name, strerror(errno));
}

/* interface: its name, or a pattern that becomes it. */
static int make_interface(struct opening *opening, char interface[INTERFACE_NAME_SIZE])
{
	struct ifreq request = {.ifr_flags = (short)(TAP_FLAGS | IFF_TUN_EXCL)};
	const char *name = opening->tap.name;

	memcpy(request.ifr_name, interface, sizeof(request.ifr_name));
	if (!ioctl(opening->tap.fd, TUNSETIFF, &request)) {
		memcpy(interface, request.ifr_name, INTERFACE_NAME_SIZE);
		return 0;
	}
	if (errno == EPERM)
		return error_set(opening->error, EPERM,
			"interface '%s': making it needs CAP_NET_ADMIN (run as root)", name);
	if (errno == EBUSY)
		return error_set(opening->error, EBUSY, "interface '%s' exists already", name);
	if (errno == EINVAL)
		return error_set(opening->error, EINVAL,
			"interface '%s': not a name for an interface, or taken by another kind",
			name);
	return error_set(opening->error, errno, "interface '%s': %s", name, strerror(errno));
}

static int add_addresses(struct opening *opening, struct netlink *netlink)
{
	const struct tap_settings *settings = opening->settings;
	int err = 0;

	for (unsigned i = 0; i < settings->address_count && !err; i++)
		err = netlink_add_address(
			netlink, opening->tap.name, &settings->addresses[i], opening->error);
	return err;
}

/* Only with our own interface; where there is no IPv6, or /proc is read-only, it stays as it is. */
static void set_ip6(const char *interface, const char *name, const char *value)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", interface, name);
	file = fopen(path, "we");
	if (!file)
		return;
	fputs(value, file);
	fclose(file);
}

static int configure(struct opening *opening)
{
	const struct link_change change = {
		.mac = opening->settings->mac,
		.mtu = opening->settings->mtu,
		.queue_len = TAP_QUEUE_LEN,
		.up = true,
	};
	struct netlink *netlink;
	int err;

	err = netlink_open(&netlink, opening->error);
	if (err)
		return err;
	if (opening->settings->ignores_routers)
		set_ip6(opening->tap.name, "accept_ra", "0");
	if (opening->settings->is_plumbing)
		set_ip6(opening->tap.name, "disable_ipv6", "1");
	err = netlink_change_link(netlink, opening->tap.name, &change, opening->error);
	if (!err)
		err = add_addresses(opening, netlink);
	netlink_close(netlink);
	return err;
}

static int configure_there(void *argument)
{
	return configure(argument);
}

static int move(struct opening *opening, const char *name)
{
	int err, netns = netns_open(opening->settings->netns, opening->error);
	struct netlink *netlink = NULL;

	if (netns < 0)
		return netns;
	err = netlink_open(&netlink, opening->error);
	if (!err)
		err = netlink_move_link(netlink, name, netns, opening->tap.name, opening->error);
	netlink_close(netlink);
	close(netns);
	return err == -EEXIST ? -EBUSY : err;
}

/*
 * A descriptor keeps the namespace alive that it was opened in. So that the guest's ends with the
 * guest, and its interface and our port with it, an interface is made here and then moved.
 */
static int make_there(struct opening *opening)
{
	char name[INTERFACE_NAME_SIZE] = "lanyard%d";
	int err;

	err = make_interface(opening, name);
	if (!err)
		err = move(opening, name);
	if (!err)
		err = netns_call(
			opening->settings->netns, configure_there, opening, opening->error);
	return err;
}

static int make_here(struct opening *opening)
{
	int err = make_interface(opening, opening->tap.name);

	return err ? err : configure(opening);
}

static int take_carrier(struct opening *opening)
{
	const int off = 0;

	if (!ioctl(opening->tap.fd, TUNSETCARRIER, &off))
		return 0;
	return error_set(opening->error, errno, "interface '%s': its carrier: %s",
		opening->tap.name, strerror(errno));
}

int tap_open(const struct tap_settings *settings, struct tap *ret_tap, struct error *error)
{
	struct opening opening = {.settings = settings, .tap.fd = -1, .error = error};
	bool is_elsewhere = settings->netns && settings->netns[0];
	int err;

	memcpy(opening.tap.name, settings->name, sizeof(opening.tap.name));
	err = open_device(&opening);
	if (!err)
		err = is_elsewhere ? make_there(&opening) : make_here(&opening);
	if (!err)
		err = ready(&opening.tap, error);
	if (!err && settings->is_plumbing)
		err = take_carrier(&opening);
	if (err)
		tap_close(&opening.tap);
	else
		*ret_tap = opening.tap;
	return err;
}

int tap_set_mac(struct tap *tap, struct mac mac)
{
	struct ifreq request = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};

	memcpy(request.ifr_hwaddr.sa_data, &mac, sizeof(mac));
	if (ioctl(tap->fd, SIOCSIFHWADDR, &request) < 0)
		return -errno;
	tap->mac = mac;
	return 0;
}

static int check_kind(struct tap *tap, struct error *error)
{
	struct ifreq request = {0};

	if (ioctl(tap->fd, TUNGETIFF, &request) < 0)
		return error_set(error, EINVAL, "the descriptor is not a TAP with an interface");
	memcpy(tap->name, request.ifr_name, sizeof(tap->name));
	if ((request.ifr_flags & TAP_FLAGS) == TAP_FLAGS)
		return 0;
	return error_set(error, EINVAL,
		"interface '%s': the descriptor needs IFF_TAP, IFF_NO_PI and IFF_VNET_HDR",
		tap->name);
}

static int set_descriptor_flags(int fd, struct error *error)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return error_set(error, errno, "the descriptor of a TAP: %s", strerror(errno));
	return 0;
}

int tap_adopt(int fd, struct tap *ret_tap, struct error *error)
{
	struct tap tap = {.fd = fd};
	int err;

	err = check_kind(&tap, error);
	if (!err)
		err = set_descriptor_flags(fd, error);
	if (!err)
		err = ready(&tap, error);
	if (err)
		tap_close(&tap);
	else
		*ret_tap = tap;
	return err;
}
