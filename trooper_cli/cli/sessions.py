"""`trooper sessions`: which sessions there are."""

from __future__ import annotations

import json

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.cli.terminal import Output


def sessions(context: typer.Context, *, as_json: JsonOption = False) -> int:
    """List the sessions: name, turns, how many of them private, time of the newest.

    \b
    trooper sessions
    trooper sessions --json | jq -r .session
    """  # noqa: D301
    from trooper_cli.ask.variables import check_variables
    from trooper_cli.errors import TrooperError
    from trooper_cli.store.catalog import names
    from trooper_cli.store.session import Session

    environment = environment_of(context)
    check_variables(environment.environ)
    output, home = environment.output(), environment.home
    rows = []
    for name in names(home):
        try:
            session = Session.open(home, name)
        except TrooperError as error:
            environment.say(str(error))
            continue
        rows.append((name, *session.counts()))
        session.close()
    if as_json:
        for name, turns, private, newest in rows:
            output.write(f"{json.dumps({'session': name, 'turns': turns, 'private': private, 'newest': newest})}\n")
    elif rows and output.is_terminal:
        _show(rows, output)
    elif rows:
        width = max(len(name) for name, *_ in rows)
        for name, turns, private, newest in rows:
            output.write(f"{name:<{width}}  {turns:>6} turns  {private:>6} private  {newest or ''}\n")
    return 0


def _show(rows: list[tuple[str, int, int, str | None]], output: Output) -> None:
    from trooper_cli.cli.tables import Column, local_time, write_table

    columns = [Column("session"), Column("turns", is_number=True), Column("private", is_number=True), Column("newest")]
    cells = [
        (name, str(turns), str(private) if private else "", local_time(newest) if newest else "")
        for name, turns, private, newest in rows
    ]
    write_table(output, columns, cells)
