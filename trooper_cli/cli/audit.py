"""`trooper audit`: what has left this machine."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.cli.session_name import NameArgument, SessionOption, named_session
from trooper_cli.cli.terminal import Output

if TYPE_CHECKING:
    from trooper_cli.store.audit import Record


def audit(
    context: typer.Context, named: NameArgument = None, *, session: SessionOption = None, as_json: JsonOption = False
) -> int:
    """List what left this machine of a session, and each turn that was shared; exit 77 if a private turn took part.

    \b
    trooper audit ops
    trooper audit ops --json | jq -r .sha256
    """  # noqa: D301
    from trooper_cli.ask.variables import check_variables
    from trooper_cli.store.audit import leaked, records
    from trooper_cli.store.session import Session

    environment = environment_of(context)
    check_variables(environment.environ)
    output = environment.output()
    name = named_session("audit", named, session, environment)
    with closing(Session.open(environment.home, name)) as opened:
        found = records(opened.turns(), opened.attempts())
    if output.is_terminal and not as_json:
        _show(found, output)
    else:
        for record in found:
            output.write(f"{json.dumps(record)}\n" if as_json else _line(record))
    if leaked(found):
        environment.say("a private turn took part in a request to the cloud")
        return 77
    return 0


def _line(record: Record) -> str:
    turns = ",".join(str(number) for number in record["turns"]) or "-"
    mark = f"  computed in {record['inference_geo']}" if record["inference_geo"] else ""
    mark += "  PRIVATE" if _is_private(record) else ""
    return (
        f"{record['at']}  {record['to']:<7}  {record['host'] or '-'}  {record['bytes']:>8} bytes  "
        f"{record['sha256'][:16] or '-':<16}  turn {record['turn'] or '-'} with {turns}{mark}\n"
    )


def _is_private(record: Record) -> bool:
    return bool(record["private"]) and record["to"] != "share"


def _show(found: list[Record], output: Output) -> None:
    from trooper_cli.cli.tables import Column, local_time, ranges, write_table

    if not found:
        return
    columns = [
        Column("time"), Column("to"), Column("turn", is_number=True), Column(""), Column("with turns"), Column("host"),
        Column("bytes", is_number=True), Column("computed in"), Column("sha256"),
    ]  # fmt: skip
    rows = [
        (
            local_time(record["at"]),
            record["to"],
            str(record["turn"] or ""),
            "PRIVATE" if _is_private(record) else "",
            ranges(record["turns"]),
            record["host"],
            f"{record['bytes']:,}" if record["bytes"] else "",
            record["inference_geo"] or "",
            record["sha256"][:16],
        )
        for record in found
    ]
    write_table(output, columns, rows, ["bold red" if _is_private(record) else "" for record in found])
