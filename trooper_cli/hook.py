"""A git hook that proposes a commit message: where it is put, and what it does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from trooper_cli.errors import NotFoundError, StorageError, UsageError

NAME = "prepare-commit-msg"
_MARK = "# A hook of trooper"

# Every way out is `exit 0`: git would abort the commit. What is asked stays on this machine (`--local`), in no session,
# and the answer is used only if trooper says that it is whole (its exit code), within the time that is given.
#
# git runs this hook for --no-verify too and does not tell it; only git's own command line, in the process table, does.
_SCRIPT = """\
#!/bin/sh
@MARK@ (trooper hook install); remove it with: trooper hook uninstall @NAME@
# It asks a model on this machine for a commit message. It never stops a commit.

earlier=$(dirname "$0")/@NAME@.earlier
if [ -x "$earlier" ]; then "$earlier" "$@" || exit; fi

# A second argument means that there is a message: -m, -F, -C, --amend, a template, a merge, a squash.
[ -z "$2" ] || exit 0
# git says so when no editor will open: then nobody would read the proposal.
[ "$GIT_EDITOR" != : ] || exit 0
git diff --cached --quiet && exit 0
# What an earlier hook has written stands.
[ -z "$(sed '/ >8 /,$d' "$1" | git stripspace --strip-comments)" ] || exit 0

set -f
if [ -r "/proc/$PPID/cmdline" ]; then words=$(tr '\\000' ' ' <"/proc/$PPID/cmdline"); else
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
asking= clock=
trap 'kill $asking $clock 2>/dev/null; exit 0' HUP INT TERM

# Whole lines, as many as a small model can read.
{ git diff --cached --stat; git diff --cached --no-color --no-ext-diff; } 2>/dev/null |
    awk '{ size += length($0) + 1; if (size > 12000) exit; print }' |
    "$trooper" ask --local --no-stream -q '@PROMPT@' >"$answer" &
asking=$!
(
    sleep "${TROOPER_HOOK_SECONDS:-20}" &
    trap "kill $!; exit" TERM
    wait $!
    kill $asking
) >/dev/null 2>&1 &
clock=$!
wait $asking 2>/dev/null
answered=$?
kill $clock 2>/dev/null
[ $answered -ne 143 ] || echo 'trooper: no message in time; TROOPER_HOOK_SECONDS gives the model longer' >&2
[ $answered -eq 0 ] || exit 0

# Without the fences that models like, and without what git would take for a comment or could steer a terminal.
sed '/^```/d' "$answer" | LC_ALL=C tr -d '\\000-\\010\\013-\\037\\177' | git stripspace --strip-comments >"$answer.new"
cat "$1" >>"$answer.new" && mv -f "$answer.new" "$1"
exit 0
"""
_PROMPT = (
    "Write a git commit message for this change: one line of at most 60 characters in the imperative, "
    "and if it needs more, a blank line and the reason. Only the message."
)


def script() -> str:
    """Give the hook, which calls the trooper that is running now as long as that is there."""
    command = shlex.quote(str(Path(sys.argv[0]).absolute()))
    text = _SCRIPT.replace("@MARK@", _MARK).replace("@NAME@", NAME).replace("@PROMPT@", _PROMPT)
    return text.replace("@TROOPER@", command)


def install() -> Path:
    """Put the hook where git looks for it, and give that place. One of ours that is there is written anew.

    Raises:
        NotFoundError: this is no git repository, or git is not here.
        UsageError: there is another hook, which is left as it is.
        StorageError: it cannot be written.

    """
    place = _place()
    if os.path.lexists(place) and not _is_ours(place):
        raise UsageError(
            f"there is a {NAME} hook already, {place}, which is left as it is; "
            f"to have both, rename it to {NAME}.earlier, which then runs first, and install again"
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(script(), encoding="utf-8", newline="\n")
        place.chmod(0o755)
    except OSError as error:
        raise StorageError(f"cannot write {place}: {error.strerror}") from error
    return place


def uninstall() -> tuple[Path, bool]:
    """Remove the hook; a hook that was renamed to make room gets its name back. Give the place, and if it did so.

    Raises:
        NotFoundError: there is none, this is no git repository, or git is not here.
        UsageError: the hook that is there is another.
        StorageError: it cannot be removed.

    """
    place = _place()
    if not os.path.lexists(place):
        raise NotFoundError(f"there is no {NAME} hook here, at {place}; nothing to remove")
    if not _is_ours(place):
        raise UsageError(f"the hook {place} is not of trooper and is left as it is; remove it yourself")
    earlier = place.with_name(f"{NAME}.earlier")
    try:
        if os.path.lexists(earlier):
            earlier.replace(place)
            return place, True
        place.unlink()
    except OSError as error:
        raise StorageError(f"cannot remove {place}: {error.strerror}") from error
    return place, False


def _place() -> Path:
    """Ask git, which knows `core.hooksPath` and what a worktree shares."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--git-path", "hooks"],  # noqa: S607
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise NotFoundError("git is not here; install it, or call trooper where git is on the PATH") from error
    if done.returncode != 0:
        raise NotFoundError("this is no git repository; go to one, or make one with `git init`, and try again")
    return Path(os.fsdecode(done.stdout.rstrip(b"\n"))).absolute() / NAME


def _is_ours(place: Path) -> bool:
    # A link may lead to a file that several repositories share: what it leads to is not ours to write.
    try:
        return not place.is_symlink() and _MARK in place.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
