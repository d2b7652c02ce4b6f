/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of config/value.h that is about NICs on a LAN. */
#include "config/model.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

static const char *const modes[] = {
	[NIC_CONFIG_AUTO] = "auto",
	[NIC_CONFIG_TRANSPARENT] = "transparent",
	[NIC_CONFIG_TRANSLATE] = "translate",
};

int nic_mode_parse(const char *text, void *ret, struct error *error)
{
	for (enum nic_config_mode mode = 0; mode < ARRAY_SIZE(modes); mode++) {
		if (strcmp(text, modes[mode]) != 0)
			continue;
		*(enum nic_config_mode *)ret = mode;
		return 0;
	}
	return value_refuse(
		error, text, "is not a mode of a NIC; auto, transparent and translate are");
}

void nic_mode_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	snprintf(text, VALUE_TEXT_SIZE, "%s", modes[*(const enum nic_config_mode *)value]);
}

int nic_dhcp_parse(const char *text, void *ret, struct error *error)
{
	bool is_proxy = !strcmp(text, "proxy");

	if (!is_proxy && strcmp(text, "broadcast") != 0)
		return value_refuse(error, text, "is not broadcast or proxy");
	*(bool *)ret = is_proxy;
	return 0;
}

void nic_dhcp_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	snprintf(text, VALUE_TEXT_SIZE, "%s", *(const bool *)value ? "proxy" : "broadcast");
}
