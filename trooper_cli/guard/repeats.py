"""Find a value that is known to be secret wherever else it stands in a text, also where nothing says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# Values of fewer letters and digits say nothing by themselves (`%s:%s`); those of up to `_WORD` characters are looked
# for as a word of their own.
_SHORTEST, _WORD = 4, 8
# So many values are looked for one by one. Of more, the first letters are looked up at each place of the text.
_FEW = 128


def repeats(text: str, values: Collection[str]) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and value of each place where one of the values stands."""
    told = {value for value in values if sum(map(str.isalnum, value[:_WORD])) >= _SHORTEST}
    long = {value for value in told if len(value) > _WORD}
    short = told - long
    for some in (long, short):
        for at, value in _one_by_one(text, some) if len(some) <= _FEW else _by_heads(text, some):
            end = at + len(value)
            if some is long or not (_is_letter(text[at - 1 : at]) or _is_letter(text[end : end + 1])):
                yield at, end, value


def _is_letter(character: str) -> bool:
    return character.isalnum() or character == "_"


def _one_by_one(text: str, values: Collection[str]) -> Iterator[tuple[int, str]]:
    for value in values:
        at = text.find(value)
        while at >= 0:
            yield at, value
            at = text.find(value, at + len(value))


def _by_heads(text: str, values: Collection[str]) -> Iterator[tuple[int, str]]:
    """Look for many values at once, in time that grows with the text and hardly with them."""
    size = min(map(len, values))
    heads: dict[str, dict[int, set[str]]] = {}
    for value in values:
        heads.setdefault(value[:size], {}).setdefault(len(value), set()).add(value)
    places = [at for at in range(len(text) - size + 1) if text[at : at + size] in heads]
    for at in places:
        for length, some in heads[text[at : at + size]].items():
            if (value := text[at : at + length]) in some:
                yield at, value
