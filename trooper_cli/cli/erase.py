"""`trooper rm` and `trooper forget`: a session, or turns of one, erased from the disk."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.session_name import (
    OnlyNameArgument,
    SessionOption,
    TurnsArgument,
    named_session,
    session_and_turns,
)

# What follows where a private turn is erased.
_UNKNOWN = ", unless another turn holds it: pasted into a public question it is sent"


def rm(context: typer.Context, named: OnlyNameArgument = None, *, session: SessionOption = None) -> int:
    """Delete a session.

    \b
    trooper rm ops
    trooper export ops > ops.jsonl && trooper rm ops
    """  # noqa: D301
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings = environment.settings()
    home = environment.home
    name = named_session("rm", named, session)
    locks, had_private = _kept_here(home, name)
    with closing(Store(home, settings, environment.say)) as store:
        store.remove(name)
    consequences = [f"the guard no longer knows its private text{_UNKNOWN}"] if had_private else []
    if locks:
        consequences.append(
            f"it was kept from the cloud by {' and '.join(locks)}, and a new session of that name is not"
        )
    if consequences:
        environment.say(f"{name} is gone; {'; '.join(consequences)}")
    return 0


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


def forget(
    context: typer.Context,
    named: OnlyNameArgument = None,
    turns: TurnsArgument = None,
    *,
    session: SessionOption = None,
) -> int:
    """Erase turns from the disk: from the session, from its log and from the guard's fingerprints.

    \b
    trooper forget ops 7 8
    trooper show ops --json | jq 'select(.label == "private").turn' | xargs trooper forget ops
    """  # noqa: D301
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings = environment.settings()
    home = environment.home
    name, numbers = session_and_turns("forget", named, turns, session)
    with closing(Store(home, settings, environment.say)) as store:
        had_private, copies = store.forget(name, numbers)
    if had_private:
        which = f"turn {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} turns"
        environment.say(f"{which} of {name} erased; the guard no longer knows the private text{_UNKNOWN}")
    for copy in copies:
        environment.say(f"turn {copy} is a public copy and stays; `trooper forget -s {name} {copy}` erases it too")
    return 0
