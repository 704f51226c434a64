"""Find every place where one of many known values stands in a text, in time about linear in the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.guard.normalize import forms
from trooper_cli.guard.placeholders import is_folded, lowered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A shorter value would be found in half of all lines; of such a one the place where a rule finds it has to do. Words of
# the user's own are meant as they are.
_SHORTEST, _SHORTEST_WORD = 4, 2
# From this length on, also within a longer word.
_TELLING = 8


class KnownValues:
    """The values that are known, by kind, each found plain or encoded; the longest where several begin."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        exact: dict[str, str] = {}
        folded: dict[str, str] = {}
        for kind, value in values:
            if len(value) >= (_SHORTEST_WORD if kind == "WORD" else _SHORTEST):
                target, key = (folded, lowered(value)) if is_folded(kind) else (exact, value)
                target.setdefault(key, kind)
        self._exact, self._folded = _Finder(exact), _Finder(folded)

    def find(self, text: str) -> Iterator[tuple[int, int, str, str]]:
        """Yield start, end, kind and value of each place."""
        for form in forms(text):
            decoded = form.decoded
            for finder, searched in (
                (self._exact, decoded),
                (self._folded, lowered(decoded) if self._folded.is_used else ""),
            ):
                for start, end, kind, value in finder.find(searched):
                    if form.is_new(start, end):
                        offset, length = form.original(start, end)
                        yield offset, offset + length, kind, value


class _Finder:
    """The values by how they begin, so that one search passes over what begins otherwise."""

    def __init__(self, values: dict[str, str]) -> None:
        self.is_used = bool(values)
        self._kinds = values
        self._by_head: dict[str, dict[int, list[str]]] = {}
        head = min((_SHORTEST, *map(len, values)))
        for value in values:
            lengths = self._by_head.setdefault(value[:head], {})
            lengths.setdefault(len(value), []).append(value)
        self._by_head = {head: dict(sorted(lengths.items(), reverse=True)) for head, lengths in self._by_head.items()}
        self._heads = re.compile(_alternatives(self._by_head)) if values else None

    def find(self, text: str) -> Iterator[tuple[int, int, str, str]]:
        if self._heads is None:
            return
        at = 0
        while match := self._heads.search(text, at):
            start = match.start()
            at = start + 1
            if value := self._at(text, start, self._by_head[match[0]]):
                at = start + len(value)
                yield start, at, self._kinds[value], value

    def _at(self, text: str, start: int, lengths: dict[int, list[str]]) -> str | None:
        for length, values in lengths.items():
            end = start + length
            # Most begin like no other, and to cut a long piece out of the text costs more than to compare.
            if len(values) < 5:
                value = next((value for value in values if text.startswith(value, start)), None)
            else:
                cut = text[start:end]
                value = cut if self._kinds.get(cut) else None
            if value is not None and (self._is_telling(value) or _stands_alone(text, start, end)):
                return value
        return None

    def _is_telling(self, value: str) -> bool:
        kind = self._kinds[value]
        return len(value) >= _TELLING and kind in {"TOKEN", "PASSWORD"}


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not (
        (start > 0 and text[start - 1].isalnum() and text[start].isalnum())
        or (end < len(text) and text[end].isalnum() and text[end - 1].isalnum())
    )


def _alternatives(heads: Iterable[str]) -> str:
    """Return a pattern for these beginnings of one length, each letter tried once."""
    by_first: dict[str, list[str]] = {}
    for head in sorted(heads):
        by_first.setdefault(head[0], []).append(head[1:])
    if not any(rest[0] for rest in by_first.values()):
        return f"[{''.join(map(re.escape, by_first))}]"
    return "|".join(f"{re.escape(first)}(?:{_alternatives(rest)})" for first, rest in by_first.items())
