#!/bin/sh
# A hook of trooper (trooper hook install); remove it with: trooper hook uninstall prepare-commit-msg
# It asks a model on this machine for a commit message. It never stops a commit.
#
# Every way out is `exit 0`: git would abort the commit. What is asked stays on this machine (`--local`), in no session,
# and the answer is used only if trooper says that it is whole (its exit code), within the time that is given.

earlier=$(dirname "$0")/prepare-commit-msg.earlier
if [ -x "$earlier" ]; then "$earlier" "$@" || exit; fi

# A second argument means that there is a message: -m, -F, -C, --amend, a template, a merge, a squash.
[ -z "$2" ] || exit 0
# git says so when no editor will open: then nobody would read the proposal.
[ "$GIT_EDITOR" != : ] || exit 0
git diff --cached --quiet && exit 0
# What an earlier hook has written stands.
[ -z "$(sed '/ >8 /,$d' "$1" | git stripspace --strip-comments)" ] || exit 0

# git runs this hook for --no-verify too and does not tell it; only git's own command line, in the process table, does.
set -f
if [ -r "/proc/$PPID/cmdline" ]; then words=$(tr '\000' ' ' <"/proc/$PPID/cmdline"); else
    words=$(ps -o args= -p "$PPID" 2>/dev/null)
fi
for word in $words; do
    case $word in
        --) break ;;
        --no-veri*) exit 0 ;;
        --* | -*[!aeinopqsvz]*) ;;
        -*n*) exit 0 ;;
    esac
done

trooper=@TROOPER@
[ -x "$trooper" ] || trooper=trooper
unset TROOPER_SESSION
answer=$1.trooper.$$
trap 'rm -f "$answer" "$answer.new"' EXIT
asking='' clock=''
trap 'kill $asking $clock 2>/dev/null; exit 0' HUP INT TERM

prompt="Write a git commit message for this change: one line of at most 60 characters in the imperative, \
and if it needs more, a blank line and the reason. Only the message."

# Whole lines, as many as a small model can read.
{ git diff --cached --stat; git diff --cached --no-color --no-ext-diff; } 2>/dev/null |
    awk '{ size += length($0) + 1; if (size > 12000) exit; print }' |
    "$trooper" ask --local --no-stream -q "$prompt" >"$answer" &
asking=$!
(
    sleep "${TROOPER_HOOK_SECONDS:-20}" &
    sleeping=$!
    trap 'kill $sleeping; exit' TERM
    wait $sleeping
    kill $asking
) >/dev/null 2>&1 &
clock=$!
wait $asking 2>/dev/null
answered=$?
kill $clock 2>/dev/null
[ $answered -ne 143 ] || echo 'trooper: no message in time; TROOPER_HOOK_SECONDS gives the model longer' >&2
[ $answered -eq 0 ] || exit 0

# Without the fences that models like, and without what git would take for a comment or could steer a terminal.
sed '/^```/d' "$answer" | LC_ALL=C tr -d '\000-\010\013-\037\177' | git stripspace --strip-comments >"$answer.new"
cat "$1" >>"$answer.new" && mv -f "$answer.new" "$1"
exit 0
