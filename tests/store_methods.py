"""One call of each method of `Store`, each as a process of its own that can be stopped anywhere.

    python -m tests.store_methods CASE

The data folder is that of `TROOPER_HOME`. What the method allows to be shown afterwards is printed.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from trooper_cli.settings import Settings
from trooper_cli.store.store import GuardedText, Outcome, Store
from trooper_cli.turn import ImportedTurn, Label, Status

if TYPE_CHECKING:
    from collections.abc import Callable

# Prompt and answer of two private turns, then of one under way; what else is imported.
TEXTS = [
    "the northern branch pays its contractors out of the marzipan fund",
    "and Ottilie signs alone for account forty two of the Vienna vault",
    "blasting at the quarry upstream was moved to Whit Monday by the mayor",
    "since the niece of the sexton weds on that Sunday after the regatta",
    "gooseberry futures of the parish council are hedged by the verger",
    "which the bishop of Zwettl has never been told about by anybody",
    "eleven crates of tallow candles went missing from the dean's cellar",
    "and the lock was oiled by somebody who had the only key to it",
]


def answered(label: Label, at: int) -> ImportedTurn:
    return ImportedTurn("2026-01-01T00:00:00Z", label, Status.ANSWERED, None, TEXTS[at], TEXTS[at + 1], "e", "m")


def prepare(store: Store, case: str) -> None:
    """Make what a case begins with, in a process that nothing stops."""
    store.import_turns("ops", [answered(Label.PRIVATE, 0), answered(Label.PRIVATE, 2)])
    with closing(store.open("ops")) as session:
        if case in {"record_piece", "finish_turn"}:
            store.begin_turn(session, Label.PRIVATE, TEXTS[4], None, GuardedText(TEXTS[4]))
        if case == "finish_turn in public":
            store.begin_turn(session, Label.PUBLIC, TEXTS[4], None, GuardedText())


def begin_turn(store: Store) -> None:
    with closing(store.open("ops")) as session:
        store.begin_turn(session, Label.PRIVATE, TEXTS[4], None, GuardedText(TEXTS[4]))


def record_piece(store: Store) -> None:
    with closing(store.open("ops")) as session:
        store.record_piece(session, 3, Label.PRIVATE, TEXTS[5])
    print(TEXTS[5], flush=True)


def finish_turn(store: Store, label: Label = Label.PRIVATE) -> None:
    outcome = Outcome(Status.ANSWERED, TEXTS[5], "e", "m", "end_turn", 9)
    known = GuardedText(TEXTS[4] if label is Label.PUBLIC else "", TEXTS[5])
    with closing(store.open("ops")) as session:
        store.finish_turn(session, 3, label, outcome, known)
    print(TEXTS[5], flush=True)


def import_turns(store: Store) -> None:
    store.import_turns("ops", [answered(Label.PRIVATE, 4), answered(Label.PUBLIC, 6)])


def share(store: Store) -> None:
    with closing(store.open("ops")) as session:
        store.share(session, [1])


def open_or_create(store: Store) -> None:
    store.open_or_create("new").close()


def guard_to_write(store: Store) -> None:
    with store.guard_to_write() as guard:
        guard.remember(Label.PRIVATE, None, None, prompt=TEXTS[0])


# What stands before a space is the method's name. The guard's index is lost before the last two.
CASES: dict[str, Callable[[Store], object]] = {
    "begin_turn": begin_turn,
    "record_piece": record_piece,
    "finish_turn": finish_turn,
    "finish_turn in public": lambda store: finish_turn(store, Label.PUBLIC),
    "import_turns": import_turns,
    "share": share,
    "forget": lambda store: store.forget("ops", [1]),
    "remove": lambda store: store.remove("ops"),
    "open_or_create": open_or_create,
    "open": lambda store: store.open("ops").close(),
    "guard": lambda store: store.guard,
    "guard_to_write": guard_to_write,
}
NO_INDEX = ("open", "guard")


def main() -> int:
    with closing(Store(Path(os.environ["TROOPER_HOME"]), Settings({}), print)) as store:
        CASES[sys.argv[1]](store)
    return 0


if __name__ == "__main__":
    sys.exit(main())
