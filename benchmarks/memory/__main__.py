"""Print the yardstick's tables: both sets side by side, with standard errors and the difference to the stored results.

python -m benchmarks.memory                all tables
python -m benchmarks.memory --held         one half (or --tune)
python -m benchmarks.memory --missed       with the facts that were lost
python -m benchmarks.memory --baselines    with simpler methods beside it
python -m benchmarks.memory --cost         only the time taken, and what a prefix cache saves
python -m benchmarks.memory --sensitivity  what each tuned constant is worth
python -m benchmarks.memory --reports      the report for people, against one written by hand
python -m benchmarks.memory --store        write the results to baseline.json, to compare with later
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from typing import TYPE_CHECKING

from benchmarks.memory import baselines, developers, measure, prefix, reports, score, sensitivity, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trooper_cli.turn import Exchange

_STORED = sessions.HERE / "baseline.json"
_SETS = (sessions.OURS, sessions.OPS)
_WIDTH = 9
_BASELINES: tuple[tuple[str, Callable[[Sequence[Exchange], str, float], str], bool], ...] = (
    ("the latest turns only", baselines.tail_only, False),
    ("first two and latest turns", baselines.anchor_and_tail, False),
    ("lead sentences", baselines.lead_sentences, False),
    ("BM25 sentences, question known", baselines.bm25_sentences, True),
)
# Percent that a change must not fall below at each budget, with the question unknown and known.
_GOALS = {
    ("ours", "single", False): (60, 80, 94, 98),
    ("ops", "single", False): (65, 82, 94, 98),
    ("ours", "mixed", False): (28, 52, 76, 88),
    ("ops", "mixed", False): (28, 52, 76, 88),
    ("ours", "single", True): (95, 98, 100, 100),
    ("ops", "single", True): (95, 98, 100, 100),
    ("ours", "mixed", True): (95, 97, 98, 98),
    ("ops", "mixed", True): (95, 98, 98, 98),
}

_OPTIONS = {"--held", "--tune", "--missed", "--baselines", "--cost", "--sensitivity", "--reports", "--store"}

Cells = dict[str, measure.Cell]


def cells(half: str, folded: Mapping[tuple[str, str], Sequence[measure.Folded]]) -> Cells:
    """Measure one half of both sets: a cell for each set, kind, question and budget."""
    return {
        f"{of}/{half}/{kind}/{'known' if known else 'unknown'}/{budget}": measure.ours(chosen, budget, known=known)
        for (of, kind), chosen in folded.items()
        for known in (False, True)
        for budget in measure.BUDGETS
    }


def fold_all(written: Sequence[sessions.Session], half: str) -> dict[tuple[str, str], list[measure.Folded]]:
    """Fold the sessions of one half of both sets, single and mixed."""
    found = {}
    for of in _SETS:
        single = [one for one in written if (one.set, one.half) == (of, half)]
        found[of, "single"] = [measure.folded(one) for one in single]
        found[of, "mixed"] = [measure.folded(one) for one in sessions.mixed(written, half, of)]
    return found


def compared(now: measure.Cell, before: str) -> tuple[float, float]:
    """Return the paired difference to stored outcomes in points, and its standard error."""
    then = measure.Cell(before).kept()
    steps = [100 * (new - old) for new, old in zip(now.kept(), then, strict=True)]
    return statistics.mean(steps), statistics.stdev(steps) / math.sqrt(len(steps))


def _row(name: str, texts: Sequence[str]) -> None:
    half = len(texts) // 2
    columns = ["".join(f"{text:>{_WIDTH}}" for text in side) for side in (texts[:half], texts[half:])]
    print(f"  {name:<32}{columns[0]}   |{columns[1]}", flush=True)


def _table(
    half: str, kind: str, found: Cells, folded: Mapping[tuple[str, str], Sequence[measure.Folded]], options: set[str]
) -> None:
    print(f"\n{half}, {kind}")
    for of in _SETS:
        turns = [len(one.session.turns) for one in folded[of, kind]]
        probes = sum(len(one.session.probes) for one in folded[of, kind])
        print(f"  {of}: {len(turns)} sessions of {min(turns)} to {max(turns)} turns, {probes} probes")
    _row("tokens", [str(budget) for _ in _SETS for budget in measure.BUDGETS])
    if "--baselines" in options:
        for name, method, known in _BASELINES:
            plain = [
                measure.simple(method, folded[of, kind], budget, known=known)
                for of in _SETS
                for budget in measure.BUDGETS
            ]
            _row(name, [f"{100 * statistics.mean(cell.kept()):.1f}" for cell in plain])
    stored = json.loads(_STORED.read_text("utf-8")) if _STORED.exists() else {}
    for asked in ("unknown", "known"):
        keys = [f"{of}/{half}/{kind}/{asked}/{budget}" for of in _SETS for budget in measure.BUDGETS]
        row = [found[key] for key in keys]
        means = [statistics.mean(cell.kept()) for cell in row]
        _row(f"question {asked}: kept, %", [f"{100 * mean:.1f}" for mean in means])
        _row(
            "  standard error",
            [
                f"{100 * math.sqrt(mean * (1 - mean) / len(cell.outcomes)):.1f}"
                for mean, cell in zip(means, row, strict=True)
            ],
        )
        if stored:
            steps = [compared(found[key], stored[key]) for key in keys]
            _row("  paired difference to stored", [f"{step:+.1f}" for step, _ in steps])
            _row("  its standard error", [f"{error:.1f}" for _, error in steps])
        _row("  goal", [str(goal) for of in _SETS for goal in _GOALS[of, kind, asked == "known"]])
        for name, outcomes in (
            ("newest value kept", score.NEWEST + score.BACKWARDS),
            ("old value read last", score.BACKWARDS),
            ("only the old one kept", score.ONLY_OLD),
        ):
            _row(f"  reversed: {name}", [f"{cell.share(outcomes):.1f}" for cell in row])
        _row("  milliseconds, median", [f"{statistics.median(cell.milliseconds):.1f}" for cell in row])
        if any(cell.over for cell in row):
            _row("  OVER THE BUDGET", [str(cell.over) for cell in row])
        if "--missed" in options:
            _missed(keys, row, folded, kind)


def _missed(
    keys: Sequence[str],
    row: Sequence[measure.Cell],
    folded: Mapping[tuple[str, str], Sequence[measure.Folded]],
    kind: str,
) -> None:
    for key, cell in zip(keys, row, strict=True):
        probes = [
            (one.session.name, probe)
            for one in folded[key.split("/", maxsplit=1)[0], kind]
            for probe in one.session.probes
        ]
        for (name, probe), kept in zip(probes, cell.kept(), strict=True):
            if not kept:
                print(f"    {key} {name}: {probe.question} → {probe.answers[0]}")


def _times(folded: Sequence[measure.Folded]) -> None:
    """Print processor time, an ask and a folded turn, on written sessions and on a developers' session."""
    print("\nprocessor time, milliseconds: median and worst of 2,048 tokens, question known; of folding one turn")
    made = sessions.Session("made", "developers", "", tuple(developers.turns()), _developer_probes())
    for name, chosen in (("written", folded), ("developers'", [measure.folded(made)])):
        asked = measure.ours(chosen, 2048, known=True).milliseconds
        turns = [one for each in chosen for one in each.milliseconds]
        print(
            f"  {name:<14} ask {statistics.median(asked):6.1f} {max(asked):6.1f}"
            f"   fold {statistics.median(turns):6.2f} {max(turns):6.1f}"
        )


def _developer_probes() -> tuple[sessions.Probe, ...]:
    return tuple(
        sessions.Probe(f"Why did the build {4100 + number} fail, and on which node?", ("x",), ("x",), ())
        for number in range(0, 150, 5)
    )


def main(arguments: Sequence[str]) -> int:
    """Print the tables that were asked for."""
    options = set(arguments)
    if unknown := options - _OPTIONS:
        print(__doc__)
        return 0 if unknown == {"--help"} else 2
    if "--sensitivity" in options:
        sensitivity.table()
        return 0
    if "--reports" in options:
        reports.table()
        return 0
    written = sessions.load()
    both = {"--tune": sessions.TUNE, "--held": sessions.HELD_OUT}
    halves = [half for option, half in both.items() if option in options] or list(both.values())
    folded = {half: fold_all(written, half) for half in halves}
    if "--cost" in options:
        _times([one for half in halves for chosen in folded[half].values() for one in chosen])
        prefix.table([session for half in halves for session in sessions.mixed(written, half)])
        return 0
    found: Cells = {}
    for half in halves:
        found |= cells(half, folded[half])
        for kind in ("single", "mixed"):
            _table(half, kind, found, folded[half], options)
    if "--store" in options:
        outcomes = {key: cell.outcomes for key, cell in found.items()}
        _STORED.write_text(json.dumps(outcomes, indent=0) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
