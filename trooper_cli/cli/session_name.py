"""The session that a command is about: an argument, the value of -s, or TROOPER_SESSION."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from trooper_cli.errors import UsageError

if TYPE_CHECKING:
    from trooper_cli.cli.environment import Environment

SessionOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("-s", "--session", metavar="NAME", help="The named session, in place of the argument."),
]
# A command that only reads also takes the session of the environment.
NameArgument = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(metavar="[NAME]", help="The named session; or -s NAME, or TROOPER_SESSION.", show_default=False),
]
# One that erases or declassifies takes what stands on the command line, and nothing that was set before.
OnlyNameArgument = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(metavar="[NAME]", help="The named session; or -s NAME.", show_default=False),
]
TurnsArgument = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(metavar="TURN...", help="Numbers as `trooper show` prints them.", show_default=False),
]
_LARGEST, _MOST_DIGITS = (1 << 63) - 1, 40
_SEE = "`trooper show NAME` lists them"


def named_session(command: str, named: str | None, option: str | None, environment: Environment | None = None) -> str:
    """Return the name of the session.

    Args:
        command: what was called, for an error.
        named: the argument.
        option: the value of -s.
        environment: where TROOPER_SESSION counts if neither is given, else None.

    Raises:
        UsageError: no session is named, or two.

    """
    if named is not None and option is not None and named != option:
        raise UsageError(f"two sessions are named, and one is meant; see `trooper {command} --help`")
    name = next((given for given in (named, option) if given is not None), None)
    if name is None and environment is not None:
        name = environment.settings(check=False).text("session")
    if name is None:
        raise UsageError(f"no session is named; say `trooper {command} NAME`, and `trooper sessions` lists them")
    return name


def session_and_turns(
    command: str, named: str | None, turns: list[str] | None, option: str | None
) -> tuple[str, list[int]]:
    """Return the name of the session and the numbers of turns, of which the first argument is one if -s is given.

    Raises:
        UsageError: no session is named, or two, or what stands behind the name is not the number of a turn.

    """
    words = [*([] if named is None else [named]), *(turns or [])]
    if option is None or (len(words) > 1 and not _is_whole(words[0])):
        named, words = (words[0], words[1:]) if words else (None, [])
    else:
        named = None
    from trooper_cli.store.catalog import is_name

    name = named_session(command, named, option)
    # What is no name may be a prompt, which no error repeats.
    known = name if is_name(name) else "NAME"
    if not words:
        raise UsageError(
            f"no turn is named; say `trooper {command} {known} TURN`, and `trooper show {known}` lists them"
        )
    for word in words:
        if not _is_whole(word):
            # What is several words may be a prompt, which no error repeats.
            shown = repr(word) if len(word.split()) == 1 else "what stands for a turn"
            raise UsageError(f"{shown} is not a whole number, as `trooper show {known}` prints them")
        if not 0 < int(word) <= _LARGEST:
            raise UsageError(f"there is no such turn: {word} is {'below 1' if int(word) < 1 else 'too large'}; {_SEE}")
    return name, [int(word) for word in words]


def _is_whole(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS
