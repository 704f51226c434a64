"""`trooper audit`: what has left this machine."""

from __future__ import annotations

import json
from contextlib import closing

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import JsonOption
from trooper_cli.cli.session_name import NameArgument, SessionOption, named_session


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
    for record in found:
        if as_json:
            output.write(f"{json.dumps(record)}\n")
        else:
            turns = ",".join(str(number) for number in record["turns"]) or "-"
            mark = f"  computed in {record['inference_geo']}" if record["inference_geo"] else ""
            mark += "  PRIVATE" if record["private"] and record["to"] != "share" else ""
            place = record["host"] or "-"
            output.write(
                f"{record['at']}  {record['to']:<7}  {place}  {record['bytes']:>8} bytes  "
                f"{record['sha256'][:16] or '-':<16}  turn {record['turn'] or '-'} with {turns}{mark}\n"
            )
    if leaked(found):
        environment.say("a private turn took part in a request to the cloud")
        return 77
    return 0
