"""`trooper again`: the last prompt of a session once more, with all that `trooper ask` can do."""

# Annotations are evaluated here, as in ask.py.

import inspect
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from trooper_cli.cli.ask import REPEATED, ask
from trooper_cli.cli.environment import environment_of
from trooper_cli.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from trooper_cli.settings import Settings
    from trooper_cli.turn import StoredTurn

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
    home = environment_of(context).home
    context.meta[REPEATED] = lambda settings: _last_turn(home, named, session, settings)
    return ask(context, session=named if session is None else session, **options)


def _last_turn(home: Path, named: str | None, session: str | None, settings: "Settings") -> "StoredTurn":
    from trooper_cli.ask.variables import check_variables

    check_variables(settings.environ)
    if named is not None and session not in {None, named}:
        raise UsageError("two sessions are named, and one is asked; see `trooper again --help`")
    name = next((given for given in (named, session, settings.text("session")) if given is not None), None)
    return last_turn(home, name)


def last_turn(home: Path, name: str | None) -> "StoredTurn":
    """Return the turn of a session that was asked last.

    Raises:
        UsageError: no session is named.
        NotFoundError: there is none of that name, or it has no turns.
        InputError: the file is not a session of this version.

    """
    from trooper_cli.store.session import Session

    if name is None:
        raise UsageError("there is no session to ask again: name one, as in `trooper again NAME`")
    with closing(Session.open(home, name)) as opened:
        number = opened.last_number()
        if number is None:
            raise NotFoundError(f"session {name} has no turns, so there is no prompt to ask again")
        return opened.turn(number)


def _options_of_ask() -> list[inspect.Parameter]:
    return [each for name, each in inspect.signature(ask).parameters.items() if name not in _OF_THE_PROMPT]


# The context, the name of the session, and the options of `ask`.
_PARAMETERS = [
    *list(inspect.signature(again).parameters.values())[:2],
    *(each for each in _options_of_ask() if each.kind is inspect.Parameter.KEYWORD_ONLY),
]
again.__signature__ = inspect.Signature(_PARAMETERS)  # type: ignore[attr-defined]
again.__annotations__ = {each.name: each.annotation for each in _PARAMETERS} | {"return": int}
