"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

NamedSession = Annotated[str, typer.Option("-s", "--session", metavar="NAME", help="The named session.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
TurnNumbers = Annotated[
    list[int],
    typer.Argument(metavar="TURN...", min=1, max=(1 << 63) - 1, help="Numbers as `trooper show` prints them."),
]
