"""A command run in this process, with streams, variables and a folder of its own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from tests.conftest import Outcome
from trooper_cli.cli.app import run
from trooper_cli.cli.environment import Environment
from trooper_cli.errors import TrooperError

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.TextIOWrapper):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def run_in_process(
    home: Path, *arguments: str, stdin: bytes | str = b"", on_terminal: bool = False, **environ: str
) -> Outcome:
    """Run one command line and return what a user sees of it."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = io.BytesIO(), io.BytesIO()
    kind = Terminal if on_terminal else io.TextIOWrapper
    environment = Environment(
        io.TextIOWrapper(io.BytesIO(data)),
        kind(out, encoding="utf-8", write_through=True),
        kind(err, encoding="utf-8", write_through=True),
        {"TROOPER_HOME": str(home), **environ},
        home,
    )
    try:
        code = run([*arguments], environment)
    except TrooperError as error:
        # As `__main__` does.
        environment.say(str(error))
        code = error.code
    return Outcome(code, out.getvalue(), err.getvalue())
