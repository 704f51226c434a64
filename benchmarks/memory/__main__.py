"""Print the yardstick's tables: `python -m benchmarks.memory` (`--missed` names the facts that were lost)."""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

from benchmarks.memory import measure, prefix, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trooper_cli.turn import Exchange

_BASELINES: tuple[tuple[str, Callable[[Sequence[Exchange], str, float], str], bool], ...] = (
    ("tail only", measure.tail_only, False),
    ("anchor and tail", measure.anchor_and_tail, False),
    ("lead sentences", measure.lead_sentences, False),
    ("BM25 sentences, question known", measure.bm25_sentences, True),
)


def _row(name: str, scores: Sequence[measure.Score]) -> None:
    print(f"  {name:<34}" + "".join(f"{score.recall():>7.1f}" for score in scores), flush=True)


def _table(title: str, chosen: Sequence[sessions.Session], *, missed: bool, baselines: bool) -> None:
    turns = [len(session.turns) for session in chosen]
    probes = sum(len(session.probes) for session in chosen)
    print(f"\n{title}: {len(chosen)} sessions of {min(turns)} to {max(turns)} turns, {probes} probes")
    print(f"  {'facts kept, %, at a budget of':<34}" + "".join(f"{budget:>7}" for budget in measure.BUDGETS))
    if baselines:
        for name, method, known in _BASELINES:
            _row(name, [measure.simple(method, chosen, budget, known=known) for budget in measure.BUDGETS])
    for known in (False, True):
        scores = [measure.ours(chosen, budget, known=known) for budget in measure.BUDGETS]
        how = "known" if known else "unknown"
        _row(f"ours, question {how}", scores)
        for name in ("newest", "beside", "only_old"):
            print(
                f"    {'reversed: ' + name.replace('_', ' '):<32}"
                + "".join(f"{100 * getattr(score, name) / max(1, score.reversed):>7.1f}" for score in scores)
            )
        print(
            f"    {'milliseconds, median / worst':<32}"
            + "".join(
                f"{statistics.median(score.milliseconds):>4.0f}/{max(score.milliseconds):<2.0f}" for score in scores
            )
        )
        if any(score.most > 0 for score in scores):
            print("    OVER THE BUDGET")
        if missed:
            for budget, score in zip(measure.BUDGETS, scores, strict=True):
                for question in score.missed:
                    print(f"      {how} {budget} {question}")


def main(arguments: Sequence[str]) -> int:
    """Print all tables, or those of one half."""
    written = sessions.load()
    halves = [
        half for half in (sessions.TUNE, sessions.HELD_OUT) if f"--{half.split(' ', maxsplit=1)[0]}" in arguments
    ] or [sessions.TUNE, sessions.HELD_OUT]
    for half in halves:
        single = [session for session in written if session.half == half]
        options = {"missed": "--missed" in arguments, "baselines": "--quick" not in arguments}
        _table(f"Single, {half}", single, **options)
        _table(f"Mixed, {half}", sessions.mixed(written, half), **options)
    if "--quick" not in arguments:
        prefix.table([session for half in halves for session in sessions.mixed(written, half)])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
