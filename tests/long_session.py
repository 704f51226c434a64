"""Long sessions: turns of made-up words, a third of them private, as lines to import."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYLLABLES = [consonant + vowel for consonant in "bcdfglmnprst" for vowel in "aeiou"]


class Words:
    """Words of no language, three thousand of them, the same from run to run."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._words = [self._word() for _ in range(3000)]

    def _word(self) -> str:
        return "".join(self._random.choices(_SYLLABLES, k=self._random.randint(2, 4)))

    def text(self, words: int) -> str:
        return " ".join(self._random.choices(self._words, k=words))

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)


def turns(count: int, *, private: bool = False) -> Iterator[str]:
    """Yield so many turns; every third is private, or each."""
    words = Words()
    for place in range(count):
        yield json.dumps(
            {
                "prompt": f"{words.text(8)} port {words.number(1000, 9999)}?",
                "answer": f"We use {words.text(12)}. The host is {words.text(1)}{place}.example"
                f" and the limit is {words.number(10, 500)} MB.",
                "label": "private" if private or place % 3 == 0 else "public",
            }
        )


def prompt(size: int) -> str:
    """Return a prompt of about so many characters, in lines, that shares no passage with the turns."""
    words = Words(seed=2)
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(words.text(12))
    return "\n".join(lines)
