"""Units of text too short for the fingerprints of runs, and telling by themselves: words, lines, literals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.guard.forms import reduced, unescaped
from trooper_cli.lazy import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

# What has this many letters and digits always holds a fingerprint of overlap.py: RUN + WINDOW - 1.
FOUND_AS_RUN = 48
_SHORT_LINE = range(16, FOUND_AS_RUN + 1)
_LINE, _WHOLE = pattern(r"[^\n]+"), pattern(r"(?s).+")
_TOKEN = pattern(r"[^\s\"'`,;(){}<>\[\]=]{10,200}")
# Versions and addresses, sizes, dates, times, and words with a year or a version.
_COMMON_TOKEN = pattern(
    r"v?\d+(?:\.\d+)+(?:(?:a|b|rc|dev)\d{1,3}|[a-zµ%]{1,3})?(?:[-+._][a-z]{0,10}\d{0,4})*(?::\d{1,5})?(?:/\d{1,2})?"
    r"|\d{4}-\d\d-\d\d(?:[T_]\d\d[:.-]?\d\d[\d:.,+Z-]*)?(?:[._-][a-z]{1,8})*"
    r"|\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?Z?(?:[+-]\d\d:?\d\d)?"
    r"|[A-Z]?[a-z]{1,9}[\d.]{1,4}|[A-Z]?[a-z]+[\d.]{1,2}|[A-Z]?[a-z]+\d?\.\d{1,2}|[A-Z]+[\d.]{1,4}"
)
_PLACE = pattern(r"https?://\S*|[./~][\w./-]*", re.IGNORECASE)
_PART_OF_PLACE = pattern(r"(?=[^/?&=#]*[a-z])(?=[^/?&=#]*[A-Z])(?=[^/?&=#]*\d)[A-Za-z0-9_-]{10,}(?=[/?&=#]|$)")
_LITERAL = pattern(r'"((?:[^"\\\n]|\\.){16,400})"')


def tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Give offset, length and reduced form of the words that look like secrets, machines or account numbers."""
    for match in _TOKEN.finditer(text):
        word = match[0].strip(".:!?*_-")
        if _PLACE.fullmatch(match[0]):
            # Places are named everywhere; what looks like a secret within one is not.
            for part in _PART_OF_PLACE.finditer(match[0]):
                yield match.start(), len(match[0]), reduced(part[0])
            continue
        letters = reduced(word)
        if not 10 <= len(letters) <= FOUND_AS_RUN or _COMMON_TOKEN.fullmatch(word):
            continue
        digits = sum(map(str.isdigit, letters))
        if 0 < digits < len(letters) or digits >= 12:
            yield match.start(), len(match[0]), letters


def short_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Give the lines, and the text as a whole if it is one, that are too short to hold a run."""
    for match in (*_LINE.finditer(text), *(_WHOLE.finditer(text) if len(text) < 4 * 32 else ())):
        if len(match[0]) >= _SHORT_LINE.start and len(line := reduced(match[0])) in _SHORT_LINE:
            yield match.start(), len(match[0]), line


def literals(text: str) -> Iterator[tuple[int, int, str]]:
    """Give the short lines within texts in quotation marks, as JSON has them."""
    for match in _LITERAL.finditer(text):
        for part in unescaped(match[1]).split("\n"):
            if len(line := reduced(part)) in _SHORT_LINE:
                yield match.start(), len(match[0]), line
