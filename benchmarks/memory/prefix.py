"""What sessions cost: everything sent, a sliding window, and ours without and with a prefix cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.memory.baselines import tail_only
from benchmarks.memory.sessions import Turns
from trooper_cli.memory import FACTOR, Memory, build, fold, search, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.memory.sessions import Session
    from trooper_cli.turn import Context

BUDGETS = (2048, 4096, 8192)
# USD a million tokens of a mid-sized model: read anew, written to the cache for five minutes, read from it.
_FRESH, _WRITTEN, _CACHED = 2.0, 2.5, 0.1
_SMALLEST = 512  # tokens a cached prefix has to have


@dataclass
class Bill:
    """The input of a session's asks, and what of it a prefix cache would serve."""

    tokens: float = 0.0
    cached: float = 0.0
    dollars: float = 0.0
    dollars_cached: float = 0.0

    def ask(self, pieces: Sequence[str], before: Sequence[str]) -> None:
        """Add one ask, written as pieces; what begins as the ask before did is served by the cache."""
        sizes = [tokens.estimate(piece) + tokens.MESSAGE for piece in pieces]
        same = 0
        while same < min(len(pieces), len(before)) and pieces[same] == before[same]:
            same += 1
        served = sum(sizes[:same])
        served = served if served >= _SMALLEST else 0.0
        total, stable = sum(sizes), sum(sizes[:-1])
        self.tokens += total
        self.cached += served
        self.dollars += total * _FRESH
        if stable < _SMALLEST:
            self.dollars_cached += total * _FRESH
        else:
            self.dollars_cached += (
                served * _CACHED + max(0.0, stable - served) * _WRITTEN + (total - max(stable, served)) * _FRESH
            )


def _pieces(context: Context[Turns]) -> list[str]:
    return [context.system or "", *(message.text for message in context.messages)]


@dataclass
class _Given:
    """A memory that is there already."""

    memory: Memory

    def __call__(self, _: Turns) -> Memory:
        return self.memory


def bills(sessions: Sequence[Session], budget: int) -> dict[str, Bill]:
    """Play the first hundred turns of sessions through and add up what each way of sending them costs."""
    found = {"everything": Bill(), "sliding window": Bill(), "ours": Bill()}
    for session in sessions:
        turns = session.turns[:100]
        state, everything = fold.Folded(), [""]
        before: dict[str, list[str]] = {name: [] for name in found}
        memory = Memory(state, search.MemoryIndex([]))
        for position, turn in enumerate(turns):
            if tokens.message_cost(turn.prompt) * FACTOR > budget:  # a paste that no method can send
                continue
            context = build(Turns(turns[:position]), turn.prompt, budget, recollect=_Given(memory))
            window = tail_only(turns[:position], "", budget / FACTOR - tokens.estimate(turn.prompt))
            for name, pieces in (
                ("everything", [*everything, turn.prompt]),
                ("sliding window", ["", window, turn.prompt]),
                ("ours", _pieces(context)),
            ):
                found[name].ask(pieces, before[name])
                before[name] = pieces
            everything += [turn.prompt, turn.answer]
            state.add(turn)
            memory = Memory(state, search.MemoryIndex(state.units))
    return found


def table(sessions: Sequence[Session]) -> None:
    """Print tokens, the share a cache would serve, and the cost."""
    asks = sum(min(100, len(session.turns)) for session in sessions)
    print(f"\nCost: {len(sessions)} sessions, {asks} asks; USD for a thousand asks, without and with a prefix cache")
    for budget in BUDGETS:
        for name, bill in bills(sessions, budget).items():
            share = 100 * bill.cached / max(1.0, bill.tokens)
            print(
                f"  {budget:>6} {name:<16}{bill.tokens / asks:>8.0f} tokens an ask, {share:>4.0f} % from the cache,"
                f" {bill.dollars / asks / 1000:>7.2f} {bill.dollars_cached / asks / 1000:>7.2f}",
                flush=True,
            )
