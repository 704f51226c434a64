"""How long the guard takes on hostile or merely odd text, and how that grows with the text.

    python -m benchmarks.guard_time [--all] [WORD...]

Each shape of tests/guard/shapes.py, or those whose names hold one of the words, is looked at as a public prompt, taken
in as a private one, and taken apart as a message, with 50 kB and with 200 kB of it, beside an index of 1,000 private
turns. What takes over a second or grows by more than six times is marked. Without `--all` only the slowest are printed.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from tests.guard.shapes import SHAPES, index_session, read_as_message, refuse_or_pass, thousand_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from trooper_cli.guard.fingerprints import Index

SMALL, LARGE = 50_000, 200_000
LONGEST = 30
SHOWN = 12


def _stop(*_: object) -> NoReturn:
    raise TimeoutError


def seconds(work: Callable[[], object]) -> float:
    """Return the processor's time that some work takes; what takes too long is not waited for."""
    begin = time.process_time()
    signal.alarm(LONGEST)
    try:
        work()
    except TimeoutError:
        return float(LONGEST)
    finally:
        signal.alarm(0)
    return time.process_time() - begin


def measured(name: str, index: Index) -> list[tuple[float, float, str]]:
    rows = []
    for side, work in (("look", refuse_or_pass), ("store", index_session), ("message", read_as_message)):
        small, large = (seconds(partial(work, SHAPES[name](size), index)) for size in (SMALL, LARGE))
        rows.append((large, large / max(small, 0.005), f"{side:8} {name}"))
    return rows


def main(words: list[str]) -> None:
    signal.signal(signal.SIGALRM, _stop)
    shows_all = "--all" in words
    words = [word for word in words if word != "--all"]
    names = [name for name in SHAPES if not words or any(word in name for word in words)]
    rows = []
    with closing(thousand_turns()) as index:
        for name in names:
            rows += measured(name, index)
    rows.sort(reverse=True)
    for large, growth, what in rows if shows_all else rows[:SHOWN]:
        mark = "!" if large > 1 or growth > 6 else " "
        print(f"{mark} {large:7.2f} s for {LARGE // 1000} kB, {growth:4.1f} times that of {SMALL // 1000} kB  {what}")
    within = sum(1 for large, growth, _ in rows if large <= 1 and growth <= 6)
    print(f"{len(names)} shapes, three ways each: {within} of {len(rows)} within a second and six times")


if __name__ == "__main__":
    main(sys.argv[1:])
