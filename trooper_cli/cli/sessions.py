"""Commands on sessions: list, show, write, read, delete, declassify, erase."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trooper_cli.cli.environment import Environment, environment_of
from trooper_cli.cli.options import JsonOption, MadePublic, NamedSession, OnLeakOption, TurnNumbers
from trooper_cli.cli.terminal import Output
from trooper_cli.settings import Settings
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from trooper_cli.turn import StoredTurn


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
    elif rows:
        width = max(len(name) for name, *_ in rows)
        for name, turns, private, newest in rows:
            output.write(f"{name:<{width}}  {turns:>6} turns  {private:>6} private  {newest or ''}\n")
    return 0


def show(context: typer.Context, *, session: NamedSession, as_json: JsonOption = False) -> int:
    """Print a session.

    \b
    trooper show -s ops
    trooper show -s ops --json | jq -r 'select(.label == "public") | .answer'
    """  # noqa: D301
    from trooper_cli.store.jsonl import as_record
    from trooper_cli.store.session import Session

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    home = environment.home
    _check_known(environment, settings, session, output)
    opened = Session.open(home, session)
    for turn in opened.turns():
        if as_json:
            output.write(f"{json.dumps(as_record(turn) | {'stop': turn.stop}, ensure_ascii=False)}\n")
            continue
        _print_turn(turn, output)
    opened.close()
    return 0


def _check_known(environment: Environment, settings: Settings, name: str, output: Output) -> None:
    """Store the private turns of a session in the guard, if it lacks them, before a pipe gets them.

    Raises:
        StorageError: it does not know one, and cannot write it down.

    """
    from trooper_cli.errors import StorageError
    from trooper_cli.store.session import Session

    if output.is_terminal:
        return
    home = environment.home
    with closing(Session.open(home, name)) as session:
        if not session.counts()[1]:
            return
    from trooper_cli.store.store import Store

    try:
        with closing(Store(home, settings, environment.say)) as store, closing(store.open(name)) as session:
            store.guard.know_all(session.identity(), session.turns())
    except StorageError as error:
        raise StorageError(
            "private turns that the guard does not know are shown on a terminal only; set TROOPER_HOME to a folder "
            f"that can be written, or make room: {error}"
        ) from error


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


def export(context: typer.Context, *, session: NamedSession) -> int:
    """Write a session to standard output as JSON Lines, one turn an object.

    \b
    trooper export -s ops > ops.jsonl
    trooper export -s ops | jq -c 'select(.label == "public")' > public.jsonl
    """  # noqa: D301
    from trooper_cli.store.jsonl import as_record
    from trooper_cli.store.session import Session

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    home = environment.home
    _check_known(environment, settings, session, output)
    opened = Session.open(home, session)
    for turn in opened.turns():
        output.write(f"{json.dumps(as_record(turn))}\n")
    opened.close()
    return 0


def import_turns(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="JSON Lines; standard input without it.")
    ] = None,
    *,
    session: NamedSession,
    on_leak: OnLeakOption = MadePublic.BLOCK,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing if all goes well.")] = False,
) -> int:
    """Append turns to a session, all or none; a turn whose label is missing or unknown is private.

    A turn labelled public that holds a credential, or text of a private turn of any session or of the same file, is
    refused.

    \b
    trooper import -s copy < ops.jsonl
    trooper export -s ops | trooper import -q -s backup
    """  # noqa: D301
    from trooper_cli.store.jsonl import read_turns
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings, notices = environment.settings(), environment.notices(quiet=quiet)
    home = environment.home
    with closing(Store(home, settings, notices.notify)) as store:
        warn = notices.notify if on_leak is MadePublic.WARN else None
        count = store.import_turns(session, list(read_turns(file, environment.stdin)), warn)
    notices.notify(f"{count} turn{'' if count == 1 else 's'} imported into {session}")
    return 0


def rm(context: typer.Context, *, session: NamedSession) -> int:
    """Delete a session.

    \b
    trooper rm -s ops
    trooper export -s ops > ops.jsonl && trooper rm -s ops
    """  # noqa: D301
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings = environment.settings()
    home = environment.home
    locks, had_private = _kept_here(home, session)
    with closing(Store(home, settings, environment.say)) as store:
        store.remove(session)
    consequences = [f"the guard no longer knows its private text{_UNKNOWN}"] if had_private else []
    if locks:
        consequences.append(
            f"it was kept from the cloud by {' and '.join(locks)}, and a new session of that name is not"
        )
    if consequences:
        environment.say(f"{session} is gone; {'; '.join(consequences)}")
    return 0


# What follows where a private turn is erased.
_UNKNOWN = ", unless another turn holds it: pasted into a public question it is sent"


def _kept_here(home: Path, name: str) -> tuple[list[str], bool]:
    """Return the settings that keep a session here, and whether it has private turns, if its file can be read."""
    import sqlite3

    from trooper_cli.errors import TrooperError
    from trooper_cli.store.session import Session, settings_of

    try:
        found = settings_of(home, name)
        with closing(Session.open(home, name)) as session:
            private = session.counts()[1]
    except (TrooperError, sqlite3.Error):
        return [], False
    locks = [f"{key} = {value}" for key, value in found.items() if (key, value) in {("cloud", "off"), ("local", "1")}]
    return locks, private > 0


def share(
    context: typer.Context, turns: TurnNumbers, *, session: NamedSession, on_leak: OnLeakOption = MadePublic.BLOCK
) -> int:
    """Declassify private turns: copy each into a new public turn, which the cloud will be told.

    A turn that holds a credential, or text of a private turn before it that is not shared with it, is refused.

    \b
    trooper share -s ops 7
    trooper show -s ops --json | jq 'select(.turn == 7)' && trooper share -s ops 7
    """  # noqa: D301
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    warn = environment.say if on_leak is MadePublic.WARN else None
    with (
        closing(Store(environment.home, settings, environment.say)) as store,
        closing(store.open(session)) as opened,
    ):
        copies = store.share(opened, turns, warn)
    for number, copy in zip(dict.fromkeys(turns), copies, strict=True):
        output.write(f"turn {number} was copied to the new public turn {copy.number}\n")
    return 0


def forget(context: typer.Context, turns: TurnNumbers, *, session: NamedSession) -> int:
    """Erase turns from the disk: from the session, from its log and from the guard's fingerprints.

    \b
    trooper forget -s ops 7 8
    trooper show -s ops --json | jq 'select(.label == "private").turn' | xargs trooper forget -s ops
    """  # noqa: D301
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings = environment.settings()
    home = environment.home
    with closing(Store(home, settings, environment.say)) as store:
        had_private, copies = store.forget(session, turns)
    if had_private:
        which = f"turn {turns[0]}" if len(turns) == 1 else f"{len(turns)} turns"
        environment.say(f"{which} of {session} erased; the guard no longer knows the private text{_UNKNOWN}")
    for copy in copies:
        environment.say(f"turn {copy} is a public copy and stays; `trooper forget -s {session} {copy}` erases it too")
    return 0
