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


def script() -> str:
    """Return the text of the hook, which calls the running trooper by its path as long as that exists."""
    template = Path(__file__).with_name(f"{NAME}.sh").read_text(encoding="utf-8")
    return template.replace("@TROOPER@", shlex.quote(str(Path(sys.argv[0]).absolute())))


def install() -> Path:
    """Write the hook where git looks for it, and return its path. A hook of ours that is there is overwritten.

    Raises:
        NotFoundError: this is no git repository, or git is not here.
        UsageError: there is another hook, which is left as it is.
        StorageError: it cannot be written.

    """
    path = _place()
    if os.path.lexists(path) and not _is_ours(path):
        raise UsageError(
            f"there is a {NAME} hook already, {path}, which is left as it is; "
            f"to have both, rename it to {NAME}.earlier, which then runs first, and install again"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script(), encoding="utf-8", newline="\n")
        path.chmod(0o755)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    return path


def uninstall() -> tuple[Path, bool]:
    """Remove the hook; a hook that was renamed to make room gets its name back. Return its path, and whether one did.

    Raises:
        NotFoundError: there is none, this is no git repository, or git is not here.
        UsageError: the hook that is there is another.
        StorageError: it cannot be removed.

    """
    path = _place()
    if not os.path.lexists(path):
        raise NotFoundError(f"there is no {NAME} hook here, at {path}; nothing to remove")
    if not _is_ours(path):
        raise UsageError(f"the hook {path} is not of trooper and is left as it is; remove it yourself")
    earlier = path.with_name(f"{NAME}.earlier")
    try:
        if os.path.lexists(earlier):
            earlier.replace(path)
            return path, True
        path.unlink()
    except OSError as error:
        raise StorageError(f"cannot remove {path}: {error.strerror}") from error
    return path, False


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


def _is_ours(path: Path) -> bool:
    # A link may lead to a file that several repositories share: what it leads to is not ours to write.
    try:
        return not path.is_symlink() and _MARK in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
