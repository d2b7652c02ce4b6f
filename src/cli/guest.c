/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/guest.h"

#include "io/tap.h"
#include "wire/ip.h"

#include <errno.h>
#include <stdlib.h>

static int read_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || number < min || number > max)
		return -EINVAL;
	*ret = (uint32_t)number;
	return 0;
}

int guest_read(struct call *call, const struct guest_options *options, struct guest *ret_guest)
{
	struct guest guest = {
		.hub = options->hub,
		.interface = options->interface,
		.name = options->name ? options->name : "",
		.has_own_mtu = options->mtu,
	};

	if (strlen(guest.interface) >= INTERFACE_NAME_SIZE || !guest.interface[0])
		return call_refuse_value(call, "--ifname '%s': a name has 1 to %d characters",
			guest.interface, INTERFACE_NAME_SIZE - 1);
	if (options->mac && (!mac_parse(options->mac, &guest.mac) || mac_is_group(guest.mac) ||
				    mac_is_zero(guest.mac)))
		return call_refuse_value(call,
			"--mac %s: the address of one machine is wanted, as 02:00:00:00:00:01",
			options->mac);
	if (options->mtu && read_number(options->mtu, IP4_MTU_MIN, 65535, &guest.mtu))
		return call_refuse_value(call, "--mtu %s: a number from %d to 65535 is wanted",
			options->mtu, IP4_MTU_MIN);
	*ret_guest = guest;
	return EXIT_FINE;
}

int guest_find_hub(struct guest *guest, struct api *api, struct error *error)
{
	char *name = api_escape(api, guest->hub);
	json_t *hub;
	int err = api_get(api, &hub, error, "/v1/hubs/%s", name);

	api_unescape(name);
	if (err)
		return err;
	if (!guest->mtu)
		guest->mtu = (uint32_t)json_integer_value(json_object_get(hub, "guest_mtu"));
	json_decref(hub);
	return 0;
}

static json_t *compose(const struct guest *guest, const struct tap *tap)
{
	char mac[MAC_TEXT_SIZE];
	json_t *body = json_pack("{s:s, s:b, s:s, s:s}", "kind", "netns", "fd", 1, "dev",
		guest->interface, "mac", mac_format(tap->mac, mac));

	if (guest->name[0])
		json_object_set_new(body, "name", json_string(guest->name));
	if (guest->has_own_mtu)
		json_object_set_new(body, "mtu", json_integer(guest->mtu));
	return body;
}

int guest_plug(struct guest *guest, const char *netns, struct api *api, struct error *error)
{
	struct tap_settings settings = {.netns = netns, .mac = guest->mac, .mtu = guest->mtu};
	char *hub = api_escape(api, guest->hub);
	struct tap tap = {.fd = -1};
	json_t *port = NULL;
	int err;

	strncpy(settings.name, guest->interface, sizeof(settings.name) - 1);
	/* The kernel's codes are not the API's: none of these says that the input was bad. */
	err = tap_open(&settings, &tap, error) ? -EIO : 0;
	if (!err)
		err = api_post(
			api, compose(guest, &tap), tap.fd, &port, error, "/v1/hubs/%s/ports", hub);
	if (!err)
		guest->slot = (unsigned)json_integer_value(json_object_get(port, "slot"));
	tap_close(&tap);
	api_unescape(hub);
	json_decref(port);
	return err;
}
