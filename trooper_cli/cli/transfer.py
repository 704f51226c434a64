"""`trooper export` and `trooper import`: a session as JSON Lines."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.known_to_guard import check_known
from trooper_cli.cli.options import MadePublic, OnLeakOption
from trooper_cli.cli.session_name import NameArgument, OnlyNameArgument, SessionOption, named_session
from trooper_cli.errors import InputError, UsageError


def export(context: typer.Context, named: NameArgument = None, *, session: SessionOption = None) -> int:
    """Write a session to standard output as JSON Lines, one turn an object.

    \b
    trooper export ops > ops.jsonl
    trooper export ops | jq -c 'select(.label == "public")' > public.jsonl
    """  # noqa: D301
    from trooper_cli.store.jsonl import as_record
    from trooper_cli.store.session import Session

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    home = environment.home
    name = named_session("export", named, session, environment)
    check_known(environment, settings, name, output)
    opened = Session.open(home, name)
    for turn in opened.turns():
        output.write(f"{json.dumps(as_record(turn))}\n")
    opened.close()
    return 0


def import_turns(
    context: typer.Context,
    named: OnlyNameArgument = None,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="JSON Lines; standard input without it.")
    ] = None,
    *,
    session: SessionOption = None,
    on_leak: OnLeakOption = MadePublic.BLOCK,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing if all goes well.")] = False,
) -> int:
    """Append turns to a session, all or none; a turn whose label is missing or unknown is private.

    A turn labelled public that holds a credential, or text of a private turn of any session or of the same file, is
    refused.

    \b
    trooper import copy < ops.jsonl
    trooper export ops | trooper import -q backup
    """  # noqa: D301
    from trooper_cli.store.jsonl import read_turns
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings, notices = environment.settings(), environment.notices(quiet=quiet)
    home = environment.home
    name, file = _name_and_file(named, file, session)
    with closing(Store(home, settings, notices.notify)) as store:
        warn = notices.notify if on_leak is MadePublic.WARN else None
        turns = list(read_turns(file, environment.stdin))
        if not turns:
            raise InputError("there is no turn to import, so no session was made or changed")
        count = store.import_turns(name, turns, warn)
    notices.notify(f"{count} turn{'' if count == 1 else 's'} imported into {name}")
    return 0


def _name_and_file(named: str | None, file: Path | None, session: str | None) -> tuple[str, Path | None]:
    """Return the session and the file; with -s, one argument is the file.

    Raises:
        UsageError: no session is named, or two, or a file stands where the session is to be named.

    """
    if session is not None and named is not None and file is None:
        return session, Path(named)
    name = named_session("import", named, session)
    if session is None and file is None and Path(name).exists():
        raise UsageError("a file stands where the session is to be named; say `trooper import NAME FILE`")
    return name, file
