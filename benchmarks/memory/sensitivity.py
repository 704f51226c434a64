"""What each tuned constant is worth: means over both sets' tune halves, each changed to a plain value."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.memory import measure, sessions
from trooper_cli.memory import assemble, search, select, supersede, weigh

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

# The constant, and what it would be if nobody had tuned it.
_PLAIN: tuple[tuple[ModuleType, str, float], ...] = (
    (weigh, "USER", 0.0),
    (weigh, "ASKED_ASIDE", 0.0),
    (weigh, "ANSWERED_ASIDE", 0.0),
    (weigh, "CODE_LINE", 0.0),
    (weigh, "NUMBER", 0.0),
    (weigh, "POSITION", 0.0),
    (weigh, "DONE_MORE", 0.0),
    (weigh, "OPEN_MORE", 0.0),
    (weigh, "LIMIT_MORE", 0.0),
    (weigh, "DECIDED_MORE", 0.0),
    (weigh, "RULED_OUT_MORE", 0.0),
    (weigh, "ASKING", 0.0),
    (weigh, "DOUBT", 0.0),
    (weigh, "COURTESY", 0.0),
    (weigh, "AGREED", 0.0),
    (select, "_NOVEL", 1.0),
    (select, "_SHAPED", 1.0),
    (select, "_RECALL_COST", 0.0),
    (select, "_RECALL_NOVEL", 1.0),
    (select, "_PRIOR", 0.0),
    (search, "_OWN_TURN", 0.0),
    (search, "_TURN_BEFORE", 0.0),
    (search, "_TURN_AFTER", 0.0),
    (search, "_RELEVANT", 0.0),
    (supersede, "STALE", 0.0),
    (assemble, "_ANCHOR", 0.1),
    (assemble, "_TAIL", 0.3),
    (assemble, "_RECALL", 0.5),
)
_BUDGETS = (512, 1024, 2048)


def table() -> None:
    """Print the percentage of facts kept as things are, and what changing each constant does to it."""
    written = [one for one in sessions.load() if one.half == sessions.TUNE]
    now = _means(written)
    print(f"{'':<24}{'':>7}   ours unknown, known     ops unknown, known")
    print(f"{'as it is':<31}" + "".join(f"{value:>12.1f}" for value in now), flush=True)
    for module, name, plain in _PLAIN:
        tuned = getattr(module, name)
        setattr(module, name, plain)
        means = _means(written)
        setattr(module, name, tuned)
        steps = "".join(f"{changed - value:>+12.1f}" for changed, value in zip(means, now, strict=True))
        print(f"{name.strip('_').lower():<24}{plain:>7}{steps}", flush=True)


def _means(written: Sequence[sessions.Session]) -> list[float]:
    found = []
    for of in (sessions.OURS, sessions.OPS):
        single = [one for one in written if one.set == of]
        folded = [measure.folded(one) for one in [*single, *sessions.mixed(written, sessions.TUNE, of)[:1]]]
        for known in (False, True):
            cells = [measure.ours(folded, budget, known=known) for budget in _BUDGETS]
            found.append(100 * statistics.mean(statistics.mean(cell.kept()) for cell in cells))
    return found
