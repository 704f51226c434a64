"""`trooper share`: private turns declassified by an explicit act."""

from __future__ import annotations

from contextlib import closing

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import MadePublic, OnLeakOption
from trooper_cli.cli.session_name import OnlyNameArgument, SessionOption, TurnsArgument, session_and_turns


def share(
    context: typer.Context,
    named: OnlyNameArgument = None,
    turns: TurnsArgument = None,
    *,
    session: SessionOption = None,
    on_leak: OnLeakOption = MadePublic.BLOCK,
) -> int:
    """Declassify private turns: copy each into a new public turn, which the cloud will be told.

    A turn that holds a credential, or text of a private turn before it that is not shared with it, is refused.

    \b
    trooper share ops 7
    trooper show ops --json | jq 'select(.turn == 7)' && trooper share ops 7
    """  # noqa: D301
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    name, numbers = session_and_turns("share", named, turns, session)
    warn = environment.say if on_leak is MadePublic.WARN else None
    with (
        closing(Store(environment.home, settings, environment.say)) as store,
        closing(store.open(name)) as opened,
    ):
        copies = store.share(opened, numbers, warn)
    for number, copy in zip(dict.fromkeys(numbers), copies, strict=True):
        output.write(f"turn {number} was copied to the new public turn {copy.number}\n")
    return 0
