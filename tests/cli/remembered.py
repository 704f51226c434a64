"""Two sessions with all that the commands can print of one: private and failed turns, requests, an act of sharing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from trooper_cli.store.catalog import path_of
from trooper_cli.store.session import Session
from trooper_cli.turn import ImportedTurn, Label, Status

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = """\
# The pool drains

It **drains** because a `lease` is *not* returned, see <https://example.org/a> and [the page](https://example.org/b):

1. take a lease, which is long enough that this item does not fit into a line of any of the widths
2. return it <div>not</div> &lt;twice&gt;

```python
with pool.lease() as lease:
    print(lease)
```

| host | port |
|------|------|
| db-1 | 5432 |

first line
second line"""


def remember(home: Path) -> None:
    """Write the sessions `ops` and `a-session-with-quite-a-long-name`."""
    turns = [
        _turn(1, "why does the pool drain?", ANSWER),
        _turn(2, "the password is tulip-7\nwhich user is it?", "The user is *admin*.", Label.PRIVATE, "ollama"),
        _turn(3, "and now?", "", status=Status.FAILED),
        *(_turn(number, f"question {number}", "so") for number in range(4, 13)),
        _turn(13, "the end?", "It is h", status=Status.INCOMPLETE),
    ]
    with closing(Session.open_or_create(home, "ops")) as session:
        session.add(turns)
    with closing(Session.open_or_create(home, "a-session-with-quite-a-long-name")) as session:
        session.add(turns[3:4])
    attempts = [
        (1, "cloud", "anthropic", "claude-standin", "api.example.org", 1200, [], 0, "end_turn", 100, 50),
        (2, "local", "ollama", "llama3.2:latest", "127.0.0.1:11434", 0, [], 1, "stop", 90, 40),
        (3, "cloud", "anthropic", "claude-standin", "api.example.org", 1500, [1], 0, "OverloadError", None, None),
        (4, "share", "", "", "", 0, [2], 1, "shared", None, None),
        (13, "cloud", "anthropic", "claude-standin", "api.example.org", 123456, [1, *range(4, 13)], 0, "broken", 9, 1),
    ]
    with closing(sqlite3.connect(path_of(home, "ops"))) as connection, connection:
        for turn, side, engine, model, host, size, included, private, outcome, given, came in attempts:
            connection.execute(
                "INSERT INTO attempt (turn, at, side, engine, model, host, bytes, sha256, turns, private_turns, "
                "outcome, input, output, cache_read, cache_write) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,0,0)",
                (turn, _at(turn), side, engine, model, host, size, "0123456789abcdef" * 4 * (side == "cloud"),
                 json.dumps(included), private, outcome, given, came),
            )  # fmt: skip


def _turn(
    number: int,
    prompt: str,
    answer: str,
    label: Label = Label.PUBLIC,
    engine: str = "anthropic",
    status: Status = Status.ANSWERED,
) -> ImportedTurn:
    model = "claude-standin" if engine == "anthropic" else "llama3.2:latest"
    return ImportedTurn(_at(number), label, status, None, prompt, answer, engine, model)


def _at(number: int) -> str:
    return f"2026-11-{number:02}T10:20:30.123456+00:00"
