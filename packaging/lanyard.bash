# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for lanyard(1)

_lanyard_hubs() {
	lanyard --json show 2>/dev/null | sed -n 's/^      "name": "\(hub[0-9]*\)".*/\1/p'
}

_lanyard_ports() {
	lanyard --json show 2>/dev/null | sed -n 's/^ *"id": "\(hub[0-9]*\.[A-Za-z0-9_-]*\)".*/\1/p'
}

_lanyard_members() {
	lanyard --json link list 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",*$/\1/p'
}

_lanyard() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i
	local commands="show apply check config plug unplug set link-state exec attach leases flows addresses
		forward link capture watch qemu-args version help"

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--api) ((i++)) ;;
		-*) ;;
		*) command=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $before in
	--api | -w | --netns) COMPREPLY=($(compgen -f -- "$word")); return ;;
	--hub) COMPREPLY=($(compgen -W "$(_lanyard_hubs)" -- "$word")); return ;;
	--kind) COMPREPLY=($(compgen -W "stream dgram vhost-user vde" -- "$word")); return ;;
	--role) COMPREPLY=($(compgen -W "host bridge router" -- "$word")); return ;;
	--port | --address | --expires | --ip | --model | --memory | --accel | --id | --name | --mac | --mtu | --ifname) return ;;
	esac
	if [[ $word == -* ]]; then
		local options="--json --api"
		case $command in
		show) options+=" --rates --vmnet" ;;
		exec) options+=" --hub --name --mac --mtu --no-dhcp --" ;;
		attach) options+=" --netns --ifname --name --mac --mtu --no-dhcp" ;;
		capture) options+=" -w" ;;
		link) options+=" --port --address --name --role --expires --hub --ip --approve --qr" ;;
		qemu-args) options+=" --kind --mac --model --memory --accel --id" ;;
		esac
		COMPREPLY=($(compgen -W "$options" -- "$word"))
		return
	fi
	case $command in
	"") COMPREPLY=($(compgen -W "$commands" -- "$word")) ;;
	help) COMPREPLY=($(compgen -W "$commands" -- "$word")) ;;
	apply | check) COMPREPLY=($(compgen -f -- "$word")) ;;
	unplug) COMPREPLY=($(compgen -W "$(_lanyard_ports)" -- "$word")) ;;
	link-state)
		case $before in
		link-state) COMPREPLY=($(compgen -W "$(_lanyard_ports)" -- "$word")) ;;
		*) COMPREPLY=($(compgen -W "up down" -- "$word")) ;;
		esac ;;
	set)
		if [[ $before == set ]]; then
			COMPREPLY=($(compgen -W "$(_lanyard_ports)" -- "$word"))
		else
			COMPREPLY=($(compgen -S = -W "link isolated guard storm loop-guard rate impair impair-in impair-out mac" -- "$word"))
			compopt -o nospace
		fi ;;
	show | capture) COMPREPLY=($(compgen -W "$(_lanyard_hubs) $(_lanyard_ports)" -- "$word")) ;;
	plug)
		if [[ $before == hub* ]]; then
			COMPREPLY=($(compgen -W "host netns nat dhcp nic vm vhost-user vde router link" -- "$word"))
		else
			COMPREPLY=($(compgen -W "$(_lanyard_hubs)" -- "$word"))
		fi ;;
	link)
		case $before in
		link) COMPREPLY=($(compgen -W "listen invite join list approve revoke wg-config" -- "$word")) ;;
		listen | invite) COMPREPLY=($(compgen -W "$(_lanyard_hubs)" -- "$word")) ;;
		approve | revoke) COMPREPLY=($(compgen -W "$(_lanyard_members)" -- "$word")) ;;
		esac ;;
	forward)
		case $before in
		forward) COMPREPLY=($(compgen -W "add rm list" -- "$word")) ;;
		add | rm | list) COMPREPLY=($(compgen -W "$(_lanyard_hubs)" -- "$word")) ;;
		hub*) COMPREPLY=($(compgen -W "tcp udp" -- "$word")) ;;
		esac ;;
	exec) COMPREPLY=($(compgen -c -- "$word")) ;;
	attach | leases | flows | addresses | watch | qemu-args)
		COMPREPLY=($(compgen -W "$(_lanyard_hubs)" -- "$word")) ;;
	esac
}

complete -F _lanyard lanyard
