"""`trooper show`: a session as a person reads it, or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.known_to_guard import check_known
from trooper_cli.cli.options import JsonOption
from trooper_cli.cli.session_name import NameArgument, SessionOption, named_session
from trooper_cli.cli.terminal import Output
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from trooper_cli.turn import StoredTurn


def show(
    context: typer.Context, named: NameArgument = None, *, session: SessionOption = None, as_json: JsonOption = False
) -> int:
    """Print a session.

    \b
    trooper show ops
    trooper show ops --json | jq -r 'select(.label == "public") | .answer'
    """  # noqa: D301
    from trooper_cli.store.jsonl import as_record
    from trooper_cli.store.session import Session

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    home = environment.home
    name = named_session("show", named, session, environment)
    check_known(environment, settings, name, output)
    opened = Session.open(home, name)
    for turn in opened.turns():
        if as_json:
            output.write(f"{json.dumps(as_record(turn) | {'stop': turn.stop}, ensure_ascii=False)}\n")
            continue
        _print_turn(turn, output)
    opened.close()
    return 0


def _print_turn(turn: StoredTurn, output: Output) -> None:
    """Print a turn for reading; a private one is marked, by its word and on a terminal by its colour too."""
    by = " ".join(part for part in (turn.engine, turn.model) if part)
    colour = "yellow" if turn.label is Label.PRIVATE else "cyan"
    output.write(f"── {turn.number} · ", "dim")
    output.write(turn.label, colour)
    if turn.status != Status.ANSWERED:
        output.write(f", {turn.status}", "red")
    output.write(f" · {_local_time(turn.at) if output.is_terminal else turn.at}{f' · {by}' if by else ''}\n", "dim")
    if turn.system:
        output.write(f"[system] {turn.system}\n", "dim")
    output.write("".join(f"> {line}\n" for line in turn.prompt.split("\n")), "bold")
    output.write(f"\n{turn.answer}\n\n")


def _local_time(at: str) -> str:
    from datetime import datetime

    try:
        return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return at
