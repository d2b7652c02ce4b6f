/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include "cli/options.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
	{"show", "[--rates] [HUB[.PORT]] | --vmnet [FILE]",
		"hubs, ports, addresses, counters, drops", show_run},
	{"apply", "FILE", "make the world as FILE says, touching only what changed", apply_run},
	{"check", "FILE", "say what is wrong with FILE", check_run},
	{"config", "", "print the running configuration", config_run},
	{"plug", "HUB KIND [KEY=VALUE...]", "add one port", plug_run},
	{"unplug", "HUB.PORT | NAME", "remove one port", unplug_run},
	{"set", "HUB.PORT | NAME KEY=VALUE...", "change a port while it is there", set_run},
	{"link-state", "HUB.PORT | NAME up|down", "pull a port's cable, or plug it in",
		link_state_run},
	{"exec", "[--hub HUB] [--name NAME] [--mac MAC] [--mtu N] [--no-dhcp] -- COMMAND...",
		"run a command as a guest, in a network of its own", exec_run},
	{"attach",
		"HUB --netns PATH|NAME|PID [--ifname NAME] [--name NAME] [--mac MAC] [--mtu N] "
		"[--no-dhcp]",
		"plug a network namespace that exists", attach_run},
	{"leases", "[HUB]", "DHCP leases", leases_run},
	{"flows", "[HUB]", "what goes through the NAT", flows_run},
	{"addresses", "[HUB]", "which MAC address is behind which port", addresses_run},
	{"forward", "add|rm HUB tcp|udp HOST:PORT GUEST:PORT | list [HUB]",
		"let connections to the host reach a guest", forward_run},
	{"link",
		"listen HUB [--port PORT] [--address HOST] [--approve] | invite HUB --name NAME "
		"[--role host|bridge|router|relay] [--expires 24h] [--address HOST] | "
		"join INVITE --hub HUB | list | approve NAME | revoke NAME | "
		"wg-config NAME [--ip ADDRESS/LENGTH] [--qr]",
		"join hubs at different places into one", link_run},
	{"capture", "HUB[.PORT] [-w FILE] [FILTER]", "record frames as pcapng", capture_run},
	{"watch", "[HUB]", "print events as they happen, one JSON object a line", watch_run},
	{"qemu-args",
		"HUB [--kind stream|dgram|vhost-user|vde] [--mac MAC] [--model MODEL] "
		"[--memory SIZE] [--accel kvm] [--id ID]",
		"what to give QEMU for a network card on the hub", qemu_args_run},
	{"version", "", "say which version this is", version_run},
	{"help", "[COMMAND]", "say how to use a command", help_run},
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int help_on(const struct command *command)
{
	printf("lanyard %s%s%s\n\n%s\n", command->name, command->usage[0] ? " " : "",
		command->usage, command->summary);
	return EXIT_FINE;
}

static int help_on_all(void)
{
	puts("usage: lanyard COMMAND [--json] [--api PATH]\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	puts("\nThe shortest way to see it work: lanyard exec -- curl http://example.org/\n"
	     "'lanyard help COMMAND' says more; lanyard(1) says all.");
	return EXIT_FINE;
}

int help_run(struct call *call)
{
	int refused = options_read_between(call, NULL, 0, 0, 1);
	const struct command *command;

	if (refused)
		return refused;
	if (!call->arg_count)
		return help_on_all();
	command = command_find(call->args[0]);
	if (!command)
		return call_refuse(call, "there is no command '%s'", call->args[0]);
	return help_on(command);
}
