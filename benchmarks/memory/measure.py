"""What of the planted facts is in a context, for our memory and for simpler methods."""

from __future__ import annotations

import math
import re
import sqlite3
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.memory.sessions import Turns
from trooper_cli.memory import FACTOR, Memory, build, count, fold, recall, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.memory.sessions import Probe, Session
    from trooper_cli.turn import Context, Exchange

BUDGETS = (512, 1024, 2048, 4096)
UNKNOWN = "Please go on."
_NEAR = 160


@dataclass
class Score:
    """What became of the probes of some sessions at one budget."""

    asked: int = 0
    found: int = 0
    reversed: int = 0
    newest: int = 0  # of the reversed ones: the newest value is there
    beside: int = 0  # the old one stands beside it
    only_old: int = 0
    milliseconds: list[float] = field(default_factory=list)
    most: float = 0.0  # tokens over the budget, which must stay 0
    missed: list[str] = field(default_factory=list)

    def take(self, probe: Probe, text: str, *, name: str = "") -> None:
        """Look for a probe's answer in a context."""
        here = holds(text, probe.answers, probe.keys)
        self.asked += 1
        self.found += here
        if not here:
            self.missed.append(f"{name}: {probe.question} → {probe.answers[0]}")
        if probe.old:
            old = holds(text, probe.old, probe.keys)
            self.reversed += 1
            self.newest += here
            self.beside += here and old
            self.only_old += old and not here

    def recall(self) -> float:
        """Return the percentage of probes whose answer is there."""
        return 100 * self.found / max(1, self.asked)


def holds(text: str, answers: Sequence[str], keys: Sequence[str]) -> bool:
    """Return whether a text holds an answer with one of the key words near it."""
    low = re.sub(r"\s+", " ", text.casefold())
    for answer in answers:
        for match in re.finditer(r"(?<![\w.])" + re.escape(answer.casefold()) + r"(?!\w)", low):
            near = low[max(0, match.start() - _NEAR) : match.end() + _NEAR]
            if any(key.casefold() in near for key in keys):
                return True
    return False


def told(context: Context[Turns], prompt: str) -> str:
    """Return all that an engine reads, without the prompt."""
    texts = [message.text for message in context.messages]
    texts[-1] = texts[-1].removesuffix(prompt)
    return "\n".join([context.system or "", *texts])


def remember(turns: Sequence[Exchange]) -> Memory:
    """Fold a session and index it as a session file does."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(recall.schema(Turns.label))
    table = recall.Table(connection, Turns.label)
    state = fold.Folded()
    for turn in turns:
        table.add(state.add(turn))
    return Memory(state, table)


def ours(sessions: Sequence[Session], budget: int, *, known: bool) -> Score:
    """Measure our memory."""
    score = Score()
    for session in sessions:
        view, memory = Turns(session.turns), remember(session.turns)
        stored = memory.state.dump()

        def ask(prompt: str, view: Turns = view, memory: Memory = memory, stored: bytes = stored) -> str:
            began = time.process_time()
            state = fold.Folded.load(stored)
            context = build(view, prompt, budget, recollect=lambda _: Memory(state or memory.state, memory.index))
            score.milliseconds.append(1000 * (time.process_time() - began))
            score.most = max(score.most, context.tokens - budget)
            return told(context, prompt)

        text = "" if known else ask(UNKNOWN)
        for probe in session.probes:
            score.take(probe, ask(probe.question) if known else text, name=session.name)
    return score


def simple(
    method: Callable[[Sequence[Exchange], str, float], str], sessions: Sequence[Session], budget: int, *, known: bool
) -> Score:
    """Measure a method that gives its context as one text."""
    score = Score()
    for session in sessions:
        text = "" if known else method(session.turns, UNKNOWN, budget / FACTOR)
        for probe in session.probes:
            score.take(
                probe,
                method(session.turns, probe.question, budget / FACTOR - count.estimate(probe.question))
                if known
                else text,
            )
    return score


def _verbatim(turn: Exchange) -> str:
    return f"User: {turn.prompt}\nAssistant: {turn.answer}"


def _filled(texts: Sequence[str], room: float) -> str:
    kept = []
    for text in texts:
        room -= count.estimate(text) + 1
        if room < 0:
            break
        kept.append(text)
    return "\n".join(kept)


def tail_only(turns: Sequence[Exchange], _prompt: str, room: float) -> str:
    """Send the latest turns, as many as fit: a sliding window."""
    return _filled([_verbatim(turn) for turn in reversed(turns)], room)


def anchor_and_tail(turns: Sequence[Exchange], prompt: str, room: float) -> str:
    """Send the first two turns and the latest."""
    head = _filled([_verbatim(turn) for turn in turns[:2]], room * 0.2)
    return head + "\n" + tail_only(turns[2:], prompt, room - count.estimate(head))


def lead_sentences(turns: Sequence[Exchange], _prompt: str, room: float) -> str:
    """Send the first sentences of each text, newest turns first."""
    both = (text for turn in reversed(turns) for text in (turn.prompt, turn.answer))
    texts = [re.split(r"(?<=[.!?])\s|\n", text.strip())[0][:300] for text in both]
    return _filled(texts, room)


def bm25_sentences(turns: Sequence[Exchange], prompt: str, room: float) -> str:
    """Send the sentences that match the prompt best."""
    sentences = [
        part
        for turn in turns
        for text in (turn.prompt, turn.answer)
        for part in re.split(r"(?<=[.!?])\s|\n", text)
        if part.strip()
    ]
    bags = [words.terms(sentence) for sentence in sentences]
    spread = Counter(term for bag in bags for term in bag)
    usual = statistics.mean(map(len, bags))

    def score(place: int) -> float:
        bag = bags[place]
        return sum(
            math.log(1 + (len(bags) - spread[term] + 0.5) / (spread[term] + 0.5))
            * 2.2
            / (1 + 1.2 * (0.25 + 0.75 * len(bag) / usual))
            for term in words.terms(prompt)
            if term in bag
        )

    order = sorted(range(len(sentences)), key=lambda place: -score(place))
    return _filled([sentences[place] for place in order], room)
