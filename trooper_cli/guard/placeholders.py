r"""Placeholders that stand for values in a text, and the table that says which stands for which.

A value is what the text means (`a"b`), a spelling how it is written there (`a\"b`, `DB1.CORP`). The first spelling of a
value is `<HOST_1>`, the second `<HOST_1_2>`: so a masked text restores to the byte, and both are seen to be one value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# TEXT stands for what looked like a placeholder in the text itself.
KINDS = ("TOKEN", "PASSWORD", "HOST", "EMAIL", "ADDRESS", "WORD", "NUMBER", "TEXT")
# Of these, capitals make no other value.
_FOLDED = frozenset(("HOST", "EMAIL", "ADDRESS", "WORD"))

_NAME = rf"({'|'.join(KINDS)})\\{{0,4}}_([1-9][0-9]{{0,6}})(?:\\{{0,4}}_([1-9][0-9]{{0,3}}))?"
# Also without brackets, in escapes of HTML and JSON, in another case, and with the strokes of Markdown, as models write
# it. Behind an escape that is a letter, a name begins as well: whatever stood before it may have become a placeholder.
PLACEHOLDER = pattern(
    rf"(<|&lt;|&#60;|&#x3c;|\\{{1,8}}u003c){_NAME}(?:>|&gt;|&#62;|&#x3e;|\\{{1,8}}u003e)|(?:(?<!\w)|(?<=u003e)){_NAME}(?!\w)",
    re.ASCII | re.IGNORECASE,
)
# How long the beginning of one may be at the end of a piece of text, with its brackets written as escapes.
LONGEST = 64
_ESCAPED = pattern(r"\\|%[0-9A-Fa-f]{2}|&[#\w]{2,8};")


class Name(NamedTuple):
    """What a placeholder says: the kind of a value, its number, and which of its spellings it stands for."""

    kind: str
    number: int
    spelling: int = 1

    def __str__(self) -> str:
        spelling = f"_{self.spelling}" if self.spelling > 1 else ""
        return f"<{self.kind}_{self.number}{spelling}>"


class Row(NamedTuple):
    """One spelling of a value. Without a text its number is taken and stands for nothing."""

    name: Name
    value: str | None = None
    text: str | None = None


def name_of(match: re.Match[str]) -> Name:
    """Return the name in a match of `PLACEHOLDER`."""
    kind, number, spelling = match.group(2, 3, 4) if match[2] else match.group(5, 6, 7)
    return Name(kind.upper(), int(number), int(spelling or 1))


def plain(text: str) -> str:
    """Return what a text means where it is written with escapes of JSON, URLs or HTML, layer by layer."""
    for _ in range(3):
        if not _ESCAPED.search(text):
            break
        from trooper_cli.guard.decoders import unescaped

        decoded = unescaped(text)
        if "%" in decoded:
            from urllib.parse import unquote

            decoded = unquote(decoded)
        if "&" in decoded:
            import html

            decoded = html.unescape(decoded)
        if decoded == text:
            break
        text = decoded
    return text


def lowered(text: str) -> str:
    """Return a text in lower case, at the same offsets."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


def is_folded(kind: str) -> bool:
    """Return whether capitals make no other value of this kind."""
    return kind in _FOLDED


class ValueTable:
    """Which placeholder stands for which value. It only grows: a value keeps its placeholder for ever."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._texts: dict[Name, str] = {}
        self._spellings: dict[tuple[str, int], dict[str, Name]] = {}
        self._keys: dict[tuple[bool, str], tuple[str, int]] = {}
        self._values: dict[tuple[str, int], str] = {}
        self._taken: dict[str, set[int]] = {kind: set() for kind in KINDS}
        self._next = dict.fromkeys(KINDS, 1)
        # What was added since the table was read, in its order, and which values a text was given since.
        self.added: list[Row] = []
        self.used: dict[tuple[str, int], None] = {}
        # How many rows were read, and how many of them stand for a value.
        size = 0
        for size, row in enumerate(rows, 1):  # noqa: B007
            self._enter(row)
        self.read = size, len(self._texts)

    def copy(self) -> ValueTable:
        """Return a table that can grow without this one."""
        other = ValueTable()
        other._texts, other._keys, other._values = {**self._texts}, {**self._keys}, {**self._values}
        other._spellings = {which: {**texts} for which, texts in self._spellings.items()}
        other._taken = {kind: {*numbers} for kind, numbers in self._taken.items()}
        other._next = {**self._next}
        other.added, other.used, other.read = [*self.added], {**self.used}, self.read
        return other

    def _enter(self, row: Row) -> None:
        name, value, text = row
        which = name.kind, name.number
        self._taken[name.kind].add(name.number)
        if value is None or text is None:
            return
        self._texts[name] = text
        self._spellings.setdefault(which, {})[text] = name
        self._keys[_key(name.kind, value)] = which
        self._values[which] = value

    def _add(self, row: Row) -> None:
        self._enter(row)
        self.added.append(row)

    def text_of(self, name: Name) -> str | None:
        """Return what a placeholder stands for; None if the table lacks it."""
        return self._texts.get(name)

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield the kind of each value that may stand in other texts, and the value."""
        for (kind, _), value in self._values.items():
            if kind != "TEXT":
                yield kind, value

    def counted(self) -> Iterator[tuple[str, int]]:
        """Yield the kind and number of each value."""
        yield from self._values

    def value_of(self, name: Name) -> str | None:
        """Return what a placeholder's value means, as it is written in plain text."""
        return self._values.get((name.kind, name.number))

    def rows(self) -> Iterator[tuple[Name, str]]:
        """Yield each placeholder with what it stands for."""
        yield from self._texts.items()

    def is_in_use(self, name: Name) -> bool:
        """Return whether placeholders of this kind and number stand for a value."""
        return (name.kind, name.number) in self._values

    def reserve(self, name: Name) -> None:
        """Reserve a number, so that no value gets it: a text holds its placeholder as a text of its own."""
        if name.number not in self._taken[name.kind]:
            self._add(Row(Name(name.kind, name.number)))

    def name(self, kind: str, value: str, text: str) -> Name:
        """Return the placeholder of a value that is written as `text`; a new value gets the next number of its kind."""
        which = self._keys.get(_key(kind, value)) or (kind, self._new_number(kind))
        self.used[which] = None
        spellings = self._spellings.setdefault(which, {})
        if (found := spellings.get(text)) is not None:
            return found
        name = Name(*which, len(spellings) + 1)
        self._add(Row(name, value, text))
        return name

    def _new_number(self, kind: str) -> int:
        number = self._next[kind]
        while number in self._taken[kind]:
            number += 1
        self._next[kind] = number + 1
        return number


def _key(kind: str, value: str) -> tuple[bool, str]:
    return (True, lowered(value)) if kind in _FOLDED else (False, value)
