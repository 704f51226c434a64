"""Keys of whole prompts and answers. They identify a turn whose texts are too short to fingerprint.

A name is what the index keeps a keyed hash of. In a strict name white space does not count: callers trim and re-wrap
what they send again. In a loose one only letters and digits count, and not what programs put before and after a text:
quotes, full stops, case, `> `, `**`, the time, who speaks. Strict names decide first.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard.normalize import reduced
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trooper_cli.turn import ImportedTurn, StoredTurn

_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_CLOCK = (
    r"(?:\d{1,4}(?:[-/.]\d{1,4}){1,2}(?:T\d\d:\d\d[\d:.]{0,10})?|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,9})?)"
    r"(?:Z|[+-]\d\d:?\d\d)?"
)
_CLOCKS = rf"{_CLOCK}[\s,;:|\u2013\u2014-]+"
_BESIDE_CLOCK = (
    rf"(?:(?:{_DAY}|{_MONTH}|\d{{1,2}}(?:st|nd|rd|th)?|\d{{4}}|at|[ap]\.?m\.?|utc|gmt|[a-z]{{1,3}}s?t)[\s,.]+)"
)
_TIME = rf"{_BESIDE_CLOCK}{{0,5}}{_CLOCKS}(?:{_BESIDE_CLOCK}|{_CLOCKS}){{0,5}}"
_BRACKETED = r"[\[(<{][^\[\](){}<>\n]{1,60}[\])>}][:.]?"
_SPEAKER = r"[^\W\d_][\w.'\u2019-]{0,30}(?: [\w.'\u2019-]{1,30}){0,2}(?: ?\([^()\n]{1,40}\))?[*_`]{0,3}:(?!//)"
_NUMBER = r"\d{1,5}[.):|](?=\s)"
# What may stand before a text: signs, then a time, a speaker, a number or anything in brackets; several of them.
_BEFORE = pattern(rf"(?:[^\w\n(\[<{{]{{0,8}}(?:{_BRACKETED}|{_TIME}|{_SPEAKER}|{_NUMBER})){{1,4}}", re.IGNORECASE)
_AFTER = pattern(
    rf"(?:\s*[\[(][^\[\]()\n]{{0,60}}[\])]|</[\w-]{{1,30}}>|[\s,\u2013\u2014-]+{_CLOCK}(?:\s*[ap]\.?m\.?)?)\W{{0,8}}$",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """Return the normal form of a text: two texts with the same form count as equal."""
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


def bare(text: str) -> str:
    """Return a text without what a program puts before and after it: who speaks, the time, a number."""
    text = text.strip()
    # Compiling these patterns takes milliseconds, and most short prompts have none of the signs that a match needs.
    if _has_any(text, ":[(<{") and (before := _BEFORE.match(text)) and reduced(text[before.end() :]):
        text = text[before.end() :]
    # The end of a text is short: a search over all of a long one would cost more than it finds.
    start = max(0, len(text) - 100)
    if _has_any(text[start:], "[(<") and (after := _AFTER.search(text, start)) and reduced(text[: after.start()]):
        text = text[: after.start()]
    return text


def _has_any(text: str, signs: str) -> bool:
    """Return whether a text has a digit of any script or one of the signs."""
    return not text.isascii() or any(sign in text for sign in f"0123456789{signs}")


def loose(text: str) -> str:
    """Return the letters and digits of a text; of one that has none, its signs."""
    return reduced(text) or plain(text)


def loosely(text: str) -> tuple[str, ...]:
    """Return the loose forms of a text: with what stands before and after it, and without."""
    return tuple({form: None for form in (loose(text), loose(bare(text))) if form})


def said(form: str) -> str:
    """Return the loose name of a prompt or an answer, whichever it was."""
    return f"said {form}"


def wholes(text: str | None) -> list[str]:
    """Return the loose names of a text that stands by itself, as a system prompt does; none of one that is empty."""
    return [said(form) for form in loosely(text)] if text else []


def pair(asked: str, answered: str) -> str:
    """Return the loose name of a prompt and its answer."""
    return f"pair {len(asked)} {asked}{answered}"


def loose_keys(prompt: str, answer: str = "") -> list[str]:
    """Return the loose names that a turn is remembered by."""
    asked, answered = loosely(prompt), loosely(answer)
    return [*map(said, dict.fromkeys(asked + answered)), *(pair(*both) for both in product(asked, answered))]


def keys_of(turn: StoredTurn | ImportedTurn) -> list[str]:
    """Return all names that a whole turn is remembered by."""
    names = [of_prompt(turn.prompt), *loose_keys(turn.prompt, turn.answer), *wholes(turn.system)]
    if turn.answer:
        names += [of_answer(turn.answer), of_exchange(turn.prompt, turn.answer)]
    return names


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
