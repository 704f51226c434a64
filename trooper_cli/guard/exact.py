"""Prompts and answers as wholes, so that a turn whose texts are too short for fingerprints is known again all the same.

A name is what the index keeps a keyed hash of. White space does not count: callers trim and re-wrap what they send
again.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


def plain(text: str) -> str:
    """Give what of a text must be equal for two texts to count as the same."""
    return "".join(unicodedata.normalize("NFC", text).split())


def of_prompt(text: str) -> str:
    return f"prompt {plain(text)}"


def of_answer(text: str) -> str:
    return f"answer {plain(text)}"


def of_exchange(prompt: str, answer: str) -> str:
    asked = plain(prompt)
    return f"exchange {len(asked)} {asked}{plain(answer)}"


def of_system(text: str) -> str:
    return f"system {plain(text)}"


class Known(NamedTuple):
    """Which names turns of either label have."""

    private: frozenset[str]
    public: frozenset[str]

    def only_private(self, name: str) -> bool:
        return name in self.private and name not in self.public

    def only_public(self, name: str) -> bool:
        return name in self.public and name not in self.private

    def any_private(self, names: Iterable[str]) -> bool:
        return any(name in self.private for name in names)
