"""The command that prints a session's situation report."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.cli.session_name import NameArgument, SessionOption, named_session


class As(StrEnum):
    """The sides that may be told of a session."""

    CLOUD = "cloud"
    LOCAL = "local"


def sitrep(  # noqa: PLR0913
    context: typer.Context,
    named: NameArgument = None,
    *,
    session: SessionOption = None,
    side: Annotated[
        As, typer.Option("--as", help="The side it is for: the cloud is told of public turns only.")
    ] = As.LOCAL,
    budget: Annotated[int, typer.Option("--budget", metavar="N", min=1, help="Most tokens of the report.")] = 600,
    told: Annotated[
        bool,
        typer.Option(
            "--told", help="Print the report as that side's engine reads it once the session is too long to go whole."
        ),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Have the local model phrase it; it may lose or add no fact.")
    ] = False,
    as_json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No notices.")] = False,
) -> int:
    """Print the situation report of a session: what is open, the rules, what was decided and done, and facts.

    \b
    trooper sitrep ops
    trooper sitrep ops --as cloud --told
    trooper sitrep ops --json | jq -r '.lines[] | select(.kind == "Open") | .text'
    trooper sitrep ops --write
    """  # noqa: D301
    from trooper_cli.ask.sitrep import sitrep as report_of
    from trooper_cli.store.catalog import check_name
    from trooper_cli.store.session import settings_of
    from trooper_cli.turn import Side

    environment = environment_of(context)
    settings, notices, output = environment.settings(), environment.notices(quiet=quiet), environment.output()
    home = environment.home
    name = named_session("sitrep", named, session, environment)
    settings = settings.with_session(settings_of(home, check_name(name)))
    report = report_of(home, settings, name, Side(side.value), budget, notices.notify, write=write, told=told)
    if as_json:
        record = {
            "session": name,
            "as": side.value,
            "turns": report.turns,
            "lines": [{"kind": line.kind, "turn": line.turn, "text": line.text} for line in report.lines],
            "text": report.text,
            "written_by": report.written_by,
        }
        output.write(f"{json.dumps(record, ensure_ascii=False)}\n")
    elif report.text:
        output.write(f"{report.text}\n")
    else:
        notices.notify(f"nothing is told of {name} yet")
    return 0
