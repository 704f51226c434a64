"""`--help`: the commands in groups, each with its whole sentence, wrapped at the width."""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

from trooper_cli.cli.terminal import styled, takes_colours

if TYPE_CHECKING:
    from collections.abc import Iterator

# The commands in the order of the help.
GROUPS = {
    "Ask": ("ask", "again", "messages", "count"),
    "Sessions": ("sessions", "show", "sitrep", "export", "import", "forget", "rm", "usage"),
    "Safety": ("guard", "mask", "unmask", "audit", "share"),
    "Setup": ("pull", "models", "doctor", "hook", "config"),
}
_OTHERS = "Commands"
# Below so many columns, what is explained takes less of them.
_NARROW, _NARROW_COLUMN = 70, 20


class Command(TyperCommand):
    """A command whose help has its headings in bold on a terminal."""

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401 - typer does not export click's types
        return _help(self, ctx)


class Group(TyperGroup):
    """A group of commands whose help cuts no sentence."""

    def get_help(self, ctx: Any) -> str:  # noqa: ANN401
        return _help(self, ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the commands below this one, those of the same subject under one heading."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        sentences = {name: _sentence(command.help or "") for name, command in found.items() if command is not None}
        width = max(map(len, sentences), default=0)
        for heading, names in _grouped(sentences):
            with formatter.section(heading):
                # As wide in each section, so that the sentences begin in one column.
                formatter.write_dl([(name.ljust(width), sentences[name]) for name in names])


def _grouped(names: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading and the names of each group; what is in none comes last."""
    left = list(names)
    for heading, group in GROUPS.items():
        if here := [name for name in group if name in left]:
            yield heading, here
            left = [name for name in left if name not in here]
    if left:
        yield _OTHERS, left


def _sentence(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


def _help(command: Any, context: Any) -> str:  # noqa: ANN401
    formatter = context.make_formatter()
    if formatter.width < _NARROW:
        formatter.write_dl = partial(formatter.write_dl, col_max=_NARROW_COLUMN)
    command.format_help(context, formatter)
    text = str(formatter.getvalue()).rstrip("\n")
    if not takes_colours(sys.stdout, os.environ):
        return text
    return re.sub(r"^(Usage:|[A-Z][A-Za-z]*:$)", lambda match: styled(match[0], "bold"), text, flags=re.MULTILINE)
