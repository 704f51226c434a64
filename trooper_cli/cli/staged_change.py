"""What is staged in a git repository, and the prompt that asks for a commit message about it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from trooper_cli.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Characters of the change: about 1,500 tokens, which a processor without a graphics card reads within the time.
LONGEST_CHANGE = 6_000
_VERBS = {"A": "Add", "D": "Remove", "R": "Rename", "C": "Copy"}
_NOISE = (
    "index ",
    "new file",
    "deleted file",
    "old mode",
    "new mode",
    "similarity",
    "rename ",
    "copy ",
    "+++",
    "---",
    "@@",
    "\\",
)


def git(*arguments: str, given: bytes = b"") -> bytes:
    """Return what a command of git prints.

    Raises:
        UnavailableError: git is not here.

    """
    try:
        return subprocess.run(["git", *arguments], input=given, capture_output=True, check=False).stdout  # noqa: S603, S607
    except OSError as error:
        raise UnavailableError("git is not here; call trooper where git is on the PATH") from error


def prompt_of_change() -> tuple[str, str]:
    """Return what is asked, and the files that changed, as a headline names them.

    Asked is the staged change without what small models take for text, whole lines up to a limit.
    """
    # A name need not be UTF-8, and what is asked has to be.
    listed = git("diff", "--cached", "--name-status", "--no-ext-diff", "-z")
    names = listed.decode("utf-8", "replace").split("\0")
    changed = list(_changes(iter(names)))
    diff = git("diff", "--cached", "--no-color", "--no-ext-diff").decode("utf-8", "replace")
    head = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    asked = f"Write the headline of a git commit, one short line in the imperative, for: {head}\n\n"
    return asked + "\n".join(_within(_plain(diff.split("\n"), iter(changed)), LONGEST_CHANGE)), head


def _changes(fields: Iterator[str]) -> Iterator[str]:
    for kind in fields:
        if kind:
            path = next(fields, "")
            if kind[0] in "RC":
                path = next(fields, path)
            yield f"{_VERBS.get(kind[0], 'Change')} {path}"


def _plain(lines: Iterable[str], changed: Iterator[str]) -> Iterator[str]:
    """Yield a diff's lines with a title a file in place of its header."""
    in_header = False
    for line in lines:
        if line.startswith("diff --git"):
            in_header = True
            yield f"{next(changed, 'Change')}:"
        elif line.startswith("@@"):
            in_header = False
        elif not (in_header and line.startswith(_NOISE)) and line.strip() and not line.startswith("\\"):
            yield line


def _within(lines: Iterable[str], size: int) -> Iterator[str]:
    for line in lines:
        size -= len(line) + 1
        if size < 0:
            return
        yield line
