"""What is compared of one cell of a table, and which cells are telling: by themselves, or two of one row together."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard.normalize import reduced
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_CELL = 200
NUMBER, DATE, IDENTIFIER, WORDS = "number", "date", "identifier", "words"
_MEASURES = frozenset((NUMBER, DATE))
DAY = r"\d{4}[-/]\d\d[-/]\d\d|\d{1,2}[./]\d{1,2}[./]\d{4}"
DATE_SIGN = pattern(DAY)
_TIME = pattern(r"\d:\d\d")
_ADDRESS = pattern(r"(?!127\.|0\.)\d{1,3}(?:\.\d{1,3}){3}")
AMOUNT = r"\d{1,3}(?:[,.'\u2019]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?"
_WHOLE_AMOUNT = pattern(rf"(?:[-+(]?\s?(?:[$€£¥]|[A-Z]{{3}}|Fr\.)?\s?)(?:{AMOUNT})\s?(?:[$€£¥%)]|[A-Z]{{3}})?")
_PARTS_OF_NUMBER = pattern(r"[\d,.'\u2019]")
_DECIMALS = pattern(r"(.*)[.,](\d+)")
_STANDARDS = ("iso", "iec", "rfc", "cve", "utf", "sha", "windows")
# Words that stand in cells of many tables; with one of them a cell means nothing by itself.
_COMMON_WORDS = frozenset(
    """yes no true false none null nil na nan ok active inactive pending open closed done new old running completed
    failed succeeded ready unknown default enabled disabled high medium low total sum average mean min max count
    male female monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag
    freitag samstag sonntag january february march april may june july august september october november
    december januar februar maerz mai juni juli oktober dezember berlin hamburg muenchen munchen wien vienna
    zurich london paris york madrid rome germany france spain austria england america usa san los saint north
    south east west street road avenue united states kingdom manager engineer director sales marketing support
    finance head senior junior assistant officer analyst developer customer service product project human
    resources management development operations department group company office systemd root admin nobody
    localhost http https tcp udp get post put delete info debug warn warning error notice monthly weekly daily
    yearly not and the of in to is for with""".split()
)
_PORTS = frozenset("8000 8080 8081 8443 8888 9000 9090 9092 9100 9200 3000 3306 5000 5432 6379 27017 50051".split())


class Key(NamedTuple):
    """What is compared of a cell: its class and its text without layout; whether it is a name, or telling by itself."""

    kind: str
    text: str
    is_name: bool = False
    is_telling: bool = False


# Cells come again: in other rows, and in other forms of the same text.
@lru_cache(maxsize=1 << 15)
def key_of(cell: str) -> Key | None:
    """Return what is compared of a cell, or None for one that means nothing even beside another."""
    cell = cell.strip().strip("\"'")
    if not cell or len(cell) > LONGEST_CELL:
        return None
    letters = reduced(cell)
    # Neither a date nor an amount begins with a small letter.
    if not (letters.isalpha() or "a" <= cell[0] <= "z"):
        if DATE_SIGN.fullmatch(cell):
            return Key(DATE, letters)
        if _WHOLE_AMOUNT.fullmatch(cell):
            return number_of("".join(_PARTS_OF_NUMBER.findall(cell)).strip(".,"))
    if not 3 <= len(letters) <= 80 or letters in _COMMON_WORDS:
        return None
    digits = 0 if letters.isalpha() else sum(map(str.isdigit, letters))
    if digits == len(letters):
        return Key(IDENTIFIER, letters) if _ADDRESS.fullmatch(cell) else None
    if digits == 0 or " " in cell:
        is_name = cell[0].isupper()
        if not (is_name or len(letters) > 3) or _TIME.search(cell):
            return None
        return Key(WORDS, letters, is_name, _are_telling_words(cell, letters))
    if len(letters) < 5 or digits < 2 or ":" in cell:
        return None
    is_telling = len(letters) >= 7 and digits >= 5 and not letters.startswith(_STANDARDS)
    return Key(IDENTIFIER, letters, is_name=False, is_telling=is_telling)


@lru_cache(maxsize=1 << 15)
def number_of(text: str) -> Key | None:
    """Return a number without separators, and without zeros at the end of its decimals."""
    if text.isascii() and text.isdecimal():
        digits = text.lstrip("0")
    else:
        decimals = _DECIMALS.fullmatch(text)
        if decimals and len(decimals[2]) != 3:
            text = decimals[1] + decimals[2].rstrip("0")
        digits = reduced(text).lstrip("0")
    if len(digits) < 4 or digits in _PORTS or (len(digits) == 4 and digits[:2] in {"19", "20"}):
        return None
    value = int(digits) if len(digits) < 25 else 0
    # Sizes of memory and files are the same everywhere.
    if value & (value - 1) == 0 or value & (value + 1) == 0 or len(set(digits)) == 1:
        return None
    return Key(NUMBER, digits, is_name=False, is_telling=_is_telling_number(digits))


def _is_telling_number(digits: str) -> bool:
    return len(digits) >= 7 and len(digits.rstrip("0")) >= 5 and len(set(digits)) > 3


def _are_telling_words(cell: str, letters: str) -> bool:
    """Return whether the words of a cell are telling by themselves: a full name, or a text of a few words."""
    words = cell.split()
    if len(words) < 2 or len(letters) < 8 or any(reduced(word) in _COMMON_WORDS for word in words[:6]):
        return False
    return (len(words) >= 3 and len(letters) >= 16) or all(word[0].isupper() for word in words)


def pairs_of(keys: Iterable[Key], *, with_number: bool = False) -> Iterator[str]:
    """Return the units of pairs of cells of a row that are telling together.

    If `with_number`, one cell of each pair is a number or a date.
    """
    ordered = sorted(keys, key=attrgetter("text"))
    for at, first in enumerate(ordered, 1):
        for last in ordered[at:]:
            if with_number and first.kind not in _MEASURES and last.kind not in _MEASURES:
                continue
            if _are_telling_together(first, last):
                yield f"{first.text}\n{last.text}"


def _are_telling_together(one: Key, other: Key) -> bool:
    size = len(one.text) + len(other.text)
    if size < 8 or one.text == other.text:
        return False
    if one.kind != other.kind:
        return not (one.kind in _MEASURES and other.kind in _MEASURES) or min(len(one.text), len(other.text)) >= 5
    if one.kind == WORDS:
        return one.is_name or other.is_name
    return one.kind == IDENTIFIER or (one.kind == NUMBER and size >= 9)
