"""The known name that a misspelt one was meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# No name is longer; what is may be a prompt, or a text of the model.
_LONGEST = 128


def nearest(word: str, known: Iterable[str], least: float = 0.7) -> str | None:
    """Return the known name that is spelt most like a word, or None if none is near.

    Args:
        word: what was given.
        known: the names there are.
        least: how much of both has to agree, from 0 to 1.

    """
    if not 0 < len(word) <= _LONGEST:
        return None
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_folded, 1, least)
    return by_folded[found[0]] if found and by_folded[found[0]] != word else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question to put behind an error; empty if no known name is near. The word is not repeated."""
    name = nearest(word, known)
    return f"; did you mean {name}?" if name else ""
