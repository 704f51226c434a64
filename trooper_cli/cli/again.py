"""`trooper again`: the last prompt of a session once more, with all that `trooper ask` can do."""

# Annotations are evaluated here, as in ask.py.

import inspect
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from trooper_cli.cli.ask import REPEATED, ask
from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.repetition import Repetition

if TYPE_CHECKING:
    from typing import TextIO

# What says what is asked, which is known already.
_OF_THE_PROMPT = {"prompt", "file", "no_stdin", "jsonl", "jobs", "resume"}


def again(
    context: typer.Context,
    named: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[NAME]", help="The named session; or -s NAME, or TROOPER_SESSION.", show_default=False),
    ] = None,
    *,
    session: str | None = None,
    **options: Any,  # noqa: ANN401 - those of `ask`
) -> int:
    """Ask the last prompt of a session once more, for a second opinion.

    \b
    trooper again ops --here
    trooper again ops --cloud -m claude-opus-4-8
    trooper again ops --local && trooper show -s ops

    The model is told what it was told the first time and not the earlier answers. The new answer is a turn of its own,
    and later turns know both. The last prompt is that of the newest turn that `trooper show` lists, also if it failed,
    was refused by the model or broke off; a prompt that was refused before it was sent is no turn.

    The prompt of a private turn stays private and on this machine; with --cloud it is refused.
    """  # noqa: D301
    environment = environment_of(context)
    if _holds_text(environment.stdin):
        # Nor is it taken away from what reads it next, such as the loop of a script.
        environment.notices(quiet=options["quiet"]).notify(
            "standard input is not read by `again`: what it holds is not asked, and not remembered as private"
        )
    context.meta[REPEATED] = Repetition(environment.home, named, session)
    return ask(context, session=named if session is None else session, **options)


def _holds_text(stream: "TextIO | None") -> bool:
    """Return whether a pipe or file holds something at the moment; nothing of it is taken."""
    import fcntl
    import os
    import stat
    import struct
    import termios

    try:
        if stream is None or stream.isatty():
            return False
        file = stream.fileno()
        status = os.fstat(file)
        if stat.S_ISREG(status.st_mode):
            return os.lseek(file, 0, os.SEEK_CUR) < status.st_size
        return bool(struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, bytes(4)))[0])
    except (OSError, ValueError):
        return False


def _options_of_ask() -> list[inspect.Parameter]:
    return [each for name, each in inspect.signature(ask).parameters.items() if name not in _OF_THE_PROMPT]


# The context, the name of the session, and the options of `ask`.
_PARAMETERS = [
    *list(inspect.signature(again).parameters.values())[:2],
    *(each for each in _options_of_ask() if each.kind is inspect.Parameter.KEYWORD_ONLY),
]
again.__signature__ = inspect.Signature(_PARAMETERS)  # type: ignore[attr-defined]
again.__annotations__ = {each.name: each.annotation for each in _PARAMETERS} | {"return": int}
