"""`trooper guard`: what must not leave."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from trooper_cli.cli.environment import environment_of
from trooper_cli.cli.options import JsonOption


def guard(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Standard input without one.")] = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Check text as if it were about to go to the cloud; exit 77 if it repeats private text or holds a credential.

    \b
    git diff --cached | trooper guard
    trooper guard --json notes.txt | jq .kind
    """  # noqa: D301
    from trooper_cli.cli.prompt_input import stdin_text, text_of
    from trooper_cli.guard.finding import PRIVATE_TEXT
    from trooper_cli.store.store import Store

    environment = environment_of(context)
    settings, output = environment.settings(), environment.output()
    found = False
    with closing(Store(environment.home, settings, environment.say)) as store:
        sources = [(str(path), text_of(path, environment.say)) for path in files or []] or [
            ("-", stdin_text(environment.stdin, environment.say))
        ]
        for name, text in sources:
            for finding in store.guard.look(text):
                found = True
                record = {"file": name, "kind": finding.kind, "offset": finding.offset, "length": finding.length}
                if finding.session:
                    record |= {"session": finding.session, "turn": finding.turn or 0}
                if as_json:
                    output.write(f"{json.dumps(record)}\n")
                    continue
                origin = " of a turn without a session" if finding.kind == PRIVATE_TEXT and not finding.session else ""
                output.write(f"{' '.join(f'{key} {value}' for key, value in record.items())}{origin}\n")
    if found and not as_json:
        environment.say(
            "an ask in public would be refused: take this out, ask with --local, or see --on-leak and `trooper share`"
        )
    return 77 if found else 0
