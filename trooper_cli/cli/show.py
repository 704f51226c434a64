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
    from trooper_cli.store.session import Session
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
        elif output.is_terminal:
            _show_turn(turn, opened, output)
        else:
            _print_turn(turn, output)
    opened.close()
    return 0


def _print_turn(turn: StoredTurn, output: Output) -> None:
    status = "" if turn.status == Status.ANSWERED else f", {turn.status}"
    by = _by(turn)
    output.write(f"── {turn.number} · {turn.label}{status} · {turn.at}{f' · {by}' if by else ''}\n")
    if turn.system:
        output.write(f"[system] {turn.system}\n")
    output.write("".join(f"> {line}\n" for line in turn.prompt.split("\n")))
    output.write(f"\n{turn.answer}\n\n")


def _by(turn: StoredTurn) -> str:
    return " ".join(part for part in (turn.engine, turn.model) if part)


def _show_turn(turn: StoredTurn, session: Session, output: Output) -> None:
    """Show a turn to a person; a private one is marked, by its word and by its colour where there are any."""
    from trooper_cli.cli.screen import write_markdown, write_paragraph
    from trooper_cli.cli.tables import local_time

    is_private = turn.label is Label.PRIVATE
    label = (turn.label.value, "yellow") if is_private else (turn.label.value, "cyan")
    rest = " · ".join(filter(None, [local_time(turn.at), _by(turn)]))
    write_paragraph(
        output,
        rest,
        "dim",
        first=[(f"── {turn.number} · ", "dim"), label, (" · ", "dim")],
        rest="   ",
    )
    if turn.status != Status.ANSWERED:
        reason = _reason(turn, session)
        write_paragraph(output, f"{turn.status}{f': {reason}' if reason else ''}", "red", first=[("   ", "")])
    if turn.system:
        write_paragraph(output, f"[system] {turn.system}", "dim")
    write_paragraph(output, turn.prompt, "bold", first=[("> ", "bold")], rest="> ")
    if turn.answer:
        output.write("\n")
        write_markdown(output, turn.answer)
    output.write("\n")


# What a request ended with, as the session has it on record: the name of the error.
_REASONS = {
    "BrokenAnswerError": "the answer broke off",
    "BusyError": "the engine was busy",
    "ConfigurationError": "a key, a model or another setting was wrong; see `trooper doctor`",
    "ContextExceededError": "the prompt did not fit the model",
    "InputError": "the engine called the request invalid",
    "LocalityError": "the engine was not on this machine",
    "NoConnectionError": "there was no connection to the engine",
    "NotCoveredError": "the account does not cover the model",
    "OverloadError": "the cloud was overloaded",
    "QuotaError": "the quota of the cloud was used up",
    "RefusedError": "the model would not answer",
    "StorageError": "the answer could not be written down",
    "UnavailableError": "the engine could not answer",
    "failed": "it was interrupted",
    "max_tokens": "the answer reached its most tokens",
    "sent": "the program ended before the answer was there",
}


# What is on record beside requests.
_ACTS = ("share", "again")


def _reason(turn: StoredTurn, session: Session) -> str:
    """Return why a turn has no whole answer, by its last request; empty where nothing is on record."""
    outcomes = [each.outcome for each in session.attempts() if each.turn == turn.number and each.side not in _ACTS]
    return _REASONS.get(outcomes[-1], "") if outcomes else ""
