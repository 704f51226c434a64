#!/bin/sh
# A hook of trooper (trooper hook install); remove it with: trooper hook uninstall prepare-commit-msg
# It asks a model on this machine for a commit message. It never stops a commit: git would abort it for another `exit`.

earlier=$(dirname "$0")/prepare-commit-msg.earlier
if [ -x "$earlier" ]; then "$earlier" "$@" || exit; fi

# A second argument means that there is a message: -m, -F, -C, --amend, a template, a merge, a squash.
[ -z "$2" ] || exit 0

trooper=@TROOPER@
[ -x "$trooper" ] || trooper=trooper
command -v "$trooper" >/dev/null 2>&1 || exit 0
"$trooper" hook run prepare-commit-msg "$1" >&2
exit 0
