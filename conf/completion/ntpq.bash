# SPDX-License-Identifier: BSD-2-Clause
# Completion of ntpq for bash: options, what they take, commands behind -c, hosts.
# ntpq itself is asked what there is, so that this never falls behind it; asking sends nothing.

_ntpq_commands()
{
	echo help | "$1" 2>/dev/null | sed 1d
}

_ntpq()
{
	local ntpq=$1 cur=$2 prev=$3 words=

	COMPREPLY=()
	case $cur in
	--*=*)
		prev=${cur%%=*}
		cur=${cur#*=}
		;;
	esac
	# "=" is a word of its own unless COMP_WORDBREAKS says otherwise.
	if [ "$prev" = "=" ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	-c | --command)
		words=$(_ntpq_commands "$ntpq")
		;;
	-k | --keyfile | -l | --logfile)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-r | --refid)
		words="hash ipv4"
		;;
	--layout)
		words="classic ntpsec"
		;;
	-a | --authentication | -D | --set-debug-level | -W | --width)
		return
		;;
	*)
		case $cur in
		-*)
			words=$("$ntpq" --help 2>/dev/null | sed -nE 's/^ +(-.), +(--[a-z0-9-]+).*/\1 \2/p; t; s/^ +(--[a-z0-9-]+).*/\1/p')
			;;
		*)
			mapfile -t COMPREPLY < <(compgen -A hostname -W "localhost" -- "$cur")
			return
			;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _ntpq ntpq
