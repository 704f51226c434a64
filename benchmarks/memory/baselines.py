"""Simpler ways to fill a context, to compare with: each takes the turns, the prompt and the room in tokens."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from typing import TYPE_CHECKING

from trooper_cli.memory import terms, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trooper_cli.turn import Exchange


def _verbatim(turn: Exchange) -> str:
    return f"User: {turn.prompt}\nAssistant: {turn.answer}"


def _filled(texts: Sequence[str], room: float) -> str:
    kept = []
    for text in texts:
        room -= tokens.estimate(text) + 1
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
    return head + "\n" + tail_only(turns[2:], prompt, room - tokens.estimate(head))


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
    bags = [terms.terms(sentence) for sentence in sentences]
    document_frequency = Counter(term for bag in bags for term in bag)
    usual = statistics.mean(map(len, bags))

    def score(position: int) -> float:
        bag = bags[position]
        return sum(
            math.log(1 + (len(bags) - document_frequency[term] + 0.5) / (document_frequency[term] + 0.5))
            * 2.2
            / (1 + 1.2 * (0.25 + 0.75 * len(bag) / usual))
            for term in terms.terms(prompt)
            if term in bag
        )

    order = sorted(range(len(sentences)), key=lambda position: -score(position))
    return _filled([sentences[position] for position in order], room)
