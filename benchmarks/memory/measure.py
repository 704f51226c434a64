"""What of the planted facts is in a context, and what it costs to make one, for our memory and for simpler methods."""

from __future__ import annotations

import functools
import os
import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.memory import score
from benchmarks.memory.sessions import Turns
from trooper_cli.memory import FACTOR, Memory, build, fold, search, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.memory.sessions import Session
    from trooper_cli.turn import Context, Exchange

BUDGETS = (512, 1024, 2048, 4096)
UNKNOWN = "Please go on."


@dataclass
class Cell:
    """The outcomes of one set of sessions at one budget, and what the asks cost."""

    outcomes: str = ""
    milliseconds: list[float] = field(default_factory=list)  # of processor time, an ask
    over: int = 0  # contexts over the budget, by the exact count if there is one

    def kept(self) -> list[bool]:
        """Return for each probe whether its answer is in the context."""
        return [outcome in {score.FOUND, score.NEWEST, score.BACKWARDS} for outcome in self.outcomes]

    def share(self, outcomes: str) -> float:
        """Return the percentage of the reversed facts that had one of these outcomes."""
        reversed_ = [outcome for outcome in self.outcomes if outcome not in {score.FOUND, score.MISSED}]
        return 100 * sum(outcome in outcomes for outcome in reversed_) / max(1, len(reversed_))


@dataclass(frozen=True)
class Folded:
    """A session with its memory as a session file holds it."""

    session: Session
    memory: Memory
    stored: bytes
    milliseconds: tuple[float, ...]  # of processor time, folding one turn


def folded(session: Session) -> Folded:
    """Fold a session turn by turn and index it, with the clock running."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(search.schema(Turns.label))
    table = search.SqliteIndex(connection, Turns.label)
    state, milliseconds = fold.Folded(), []
    for turn in session.turns:
        began = time.process_time()
        table.add(state.add(turn))
        milliseconds.append(1000 * (time.process_time() - began))
    return Folded(session, Memory(state, table), state.dump(), tuple(milliseconds))


def ours(sessions: Sequence[Folded], budget: int, *, known: bool) -> Cell:
    """Measure our memory at a budget of tokens; `known` asks each probe's question, else none is asked."""
    cell = Cell()
    for one in sessions:
        text = "" if known else _asked(one, UNKNOWN, budget, cell)
        for probe in one.session.probes:
            cell.outcomes += score.outcome(_asked(one, probe.question, budget, cell) if known else text, probe)
    return cell


def _asked(one: Folded, prompt: str, budget: int, cell: Cell) -> str:
    began = time.process_time()
    state = fold.Folded.load(one.stored) or one.memory.state
    context = build(Turns(one.session.turns), prompt, budget, recollect=lambda _: Memory(state, one.memory.index))
    cell.milliseconds.append(1000 * (time.process_time() - began))
    read = included(context, prompt)
    cell.over += exact_tokens(read) > budget
    return score.normalise(read)


def included(context: Context[Turns], prompt: str) -> str:
    """Return all that an engine reads, without the prompt."""
    texts = [f"{message.role}: {message.text}" for message in context.messages]
    texts[-1] = texts[-1].removesuffix(prompt)
    return "\n\n".join([context.system or "", *texts])


def exact_tokens(text: str) -> float:
    """Return the tokens of a text by cl100k if its vocabulary is here, else by the estimate."""
    encode = _encoder()
    return len(encode(text)) if encode else tokens.estimate(text)


@functools.cache
def _encoder() -> Callable[[str], list[int]] | None:
    if "TIKTOKEN_CACHE_DIR" not in os.environ:
        return None
    try:
        import tiktoken

        encode: Callable[[str], list[int]] = tiktoken.get_encoding("cl100k_base").encode_ordinary
    except Exception:  # noqa: BLE001 - whatever the vocabulary's download fails with
        return None
    return encode


def simple(
    method: Callable[[Sequence[Exchange], str, float], str], sessions: Sequence[Folded], budget: int, *, known: bool
) -> Cell:
    """Measure a method that returns its context as one text."""
    cell = Cell()
    for one in sessions:
        turns, probes = one.session.turns, one.session.probes
        text = "" if known else method(turns, UNKNOWN, budget / FACTOR)
        for probe in probes:
            if known:
                text = method(turns, probe.question, budget / FACTOR - tokens.estimate(probe.question))
            cell.outcomes += score.outcome(score.normalise(text), probe)
    return cell
