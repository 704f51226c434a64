"""How exactly the guard spans the credentials that it finds: not a character more, and not one less.

    python -m benchmarks.spans [--cases] [--show]

For each half of tests/guard/surroundings.py it prints by kind of finding how many of the places found are spanned
exactly, and how many places are not found at all. `--cases` prints what is not exact by case, and `--show` prints texts
of the half that rules may be tuned on.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from tests.guard.surroundings import HELD_OUT, SEEN, planted
from trooper_cli.guard.credentials import find

if TYPE_CHECKING:
    from tests.guard.surroundings import Half

COUNT = 4
SHOWN = 160


def measured(half: Half, count: int = COUNT, *, shows: bool = False) -> dict[str, Counter[str]]:
    """Return how many places are `exact`, `wide` or `short` by kind of finding, and `missed`, by `case` and by kind."""
    kinds: dict[str, Counter[str]] = {"by kind": Counter(), "by case": Counter()}
    for text, places, case in planted(half, count):
        findings = find(text)
        for start, end in places:
            over = [one for one in findings if one.offset < end and one.offset + one.length > start]
            kind = over[0].kind if over else "-"
            first = min((one.offset for one in over), default=start)
            last = max((one.offset + one.length for one in over), default=start)
            how = "missed"
            if over:
                how = "short" if first > start or last < end else "wide" if first < start or last > end else "exact"
            kinds["by kind"][f"{kind}\t{how}"] += 1
            kinds["by case"][f"{case}\t{how}"] += 1
            if shows and how != "exact":
                shown = text[max(0, start - 40) : start] + "«" + text[start:end] + "»" + text[end : end + 30]
                print(f"{how}\t{case}\t{kind}\t{shown[-SHOWN:]!r}\t{text[first:last][-SHOWN:]!r}")
    return kinds


def main(words: list[str]) -> None:
    for name, half in (("seen", SEEN), ("held out", HELD_OUT)):
        counts = measured(half, shows="--show" in words and half is SEEN)
        print(f"\n{name}: exact of found, wide, short, missed")
        rows = counts["by case" if "--cases" in words else "by kind"]
        for kind in sorted({row.split("\t")[0] for row in rows}):
            exact, wide, short, missed = (rows[f"{kind}\t{how}"] for how in ("exact", "wide", "short", "missed"))
            if "--cases" not in words or wide or short or missed:
                _print(kind, exact, wide, short, missed)
        total = [sum(n for row, n in rows.items() if row.endswith(how)) for how in ("exact", "wide", "short", "missed")]
        _print("all", *total)


def _print(kind: str, exact: int, wide: int, short: int, missed: int) -> None:
    found = exact + wide + short
    share = f"{100 * exact / found:6.1f} %" if found else "       -"
    print(f"{share}  {exact:5} of {found:5}  {wide:5} {short:5} {missed:5}  {kind}")


if __name__ == "__main__":
    main(sys.argv[1:])
