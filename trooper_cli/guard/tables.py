"""Units of tables: cells that are telling by themselves, and pairs of cells of one row that are telling together.

A private turn stores the units of the tables it holds: CSV and its like, markdown, columns aligned by blanks, JSON,
YAML, lists of keys and values. A prompt is asked for the units of its records: lines, JSON objects, neighbouring lines
of keys and values. So two columns are found whatever tool took them out, and in whatever order.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import combinations, islice
from typing import TYPE_CHECKING

from trooper_cli.guard.cells import (
    AMOUNT,
    DATE,
    DATE_SIGN,
    DAY,
    IDENTIFIER,
    LONGEST_CELL,
    NUMBER,
    WORDS,
    Key,
    key_of,
    number_of,
    pairs_of,
)
from trooper_cli.guard.normalize import reduced
from trooper_cli.guard.rows import Record, records
from trooper_cli.guard.table_reader import tables_of
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# At most so many pairs are stored of one table of many rows.
MOST_PAIRS = 150_000
_MOST_KEYS = 12
_SHORTEST_NUMBER = 4
# A value that this share of the rows or more repeats says little about any of them.
_COMMON_SHARE = 0.02
_DISTINCT_SHARE = 0.7
_FEW_ROWS = 4
_NUMBER = pattern(rf"(?<![\w.:/-])(?:{DAY}|{AMOUNT})(?![\w:/-]|[.,]\d)")
# The length of a name is bounded, so that a long word without blanks is not read again from each capital in it.
_NAME = r"[^\W\d_A-Z][\w'\u2019-]{0,40}+"
_NAMES = pattern(rf"[A-ZÀ-ÞА-Я]{_NAME}(?: [A-ZÀ-ÞА-Я](?:\.|{_NAME})){{1,3}}")
# The same with the surname first. The given name may be the surname of the next one in a list.
_TURNED = pattern(rf"(?<!\w)([A-ZÀ-ÞА-Я]{_NAME}), (?=([A-ZÀ-ÞА-Я]{_NAME}))")
_DIGIT = pattern(r"\d")

# Columns whose values stand in many tables: their words are never telling, whatever they are.
_COMMON_COLUMNS = frozenset(
    """city town ort stadt country land state status type kind role rolle dept department abteilung team title
    position level currency unit category gender day month year jahr monat language version command cmd image
    namespace node ready method path zip plz postcode region location standort tag label labels class priority
    severity result mode port protocol os platform group gruppe user tty stat start time age restarts reason
    cluster ip shell format""".split()
)


def stored(text: str) -> Iterator[str]:
    """Return the units of the tables of a text: telling cells and pairs of cells."""
    for header, rows in tables_of(text):
        yield from _table_units(header, rows)


def asked(text: str, is_wanted: Callable[[int, int], bool] = lambda *_: True) -> Iterator[tuple[int, int, str]]:
    """Return offset, length and unit of what may be a cell, or a pair of cells, of a stored table.

    What stands where `is_wanted` is false, between start and end, is left out: most of the work is spared with it.
    """
    for match in _NAMES.finditer(text):
        if not is_wanted(*match.span()):
            continue
        words = match[0].split(" ")
        for first, last in combinations(range(len(words) + 1), 2):
            if last - first > 1:
                yield match.start(), len(match[0]), reduced("".join(words[first:last]))
    for match in _TURNED.finditer(text):
        if is_wanted(match.start(), match.end(2)):
            yield match.start(), match.end(2) - match.start(), reduced(match[2] + match[1])
    for record in records(text, is_wanted):
        if not is_wanted(record.offset, record.offset + record.length):
            continue
        if record.is_row and len(record.fields) == 1 and not _DIGIT.search(record.fields[0]):
            units = _halves(record.fields[0].split())
        else:
            numbers, others = _asked_keys(record)
            keys = numbers + others
            units = {key.text for key in keys if key.is_telling}
            units.update(pairs_of(keys, with_number=not record.is_row))
        for unit in units:
            yield record.offset, record.length, unit


def _halves(words: list[str]) -> set[str]:
    """Return the units of a few words that may be two cells apart by a blank."""
    units = set[str]()
    for offset in range(1, len(words)):
        halves = (" ".join(words[:offset]), " ".join(words[offset:]))
        keys = [key for half in halves if (key := key_of(half)) is not None]
        units.update(key.text for key in keys if key.is_telling)
        units.update(pairs_of(keys))
    return units


def _table_units(header: Sequence[str], rows: list[list[str]]) -> Iterator[str]:
    width = max(map(len, rows), default=0)
    is_common = [_is_common_column(header[offset] if offset < len(header) else "") for offset in range(width)]
    values = [Counter(row[offset] for row in rows if offset < len(row)) for offset in range(width)]
    most = len(rows) * _COMMON_SHARE
    for offset, counted in enumerate(values):
        size = counted.total()
        is_common[offset] |= size >= _FEW_ROWS and len(counted) <= (_DISTINCT_SHARE * size if size < 50 else 25)
    allowed = max(4, min(_MOST_KEYS, math.isqrt(2 * MOST_PAIRS // max(1, len(rows)))))
    for row in rows:
        # In order, each once.
        keys: dict[Key, None] = {}
        for offset, cell in enumerate(row):
            if is_common[offset] or not cell or values[offset][cell] > max(2, most):
                continue
            key = key_of(cell)
            if key is None:
                continue
            if key.is_telling:
                yield key.text
            keys[key] = None
        yield from pairs_of(islice(keys, allowed))


def _is_common_column(name: str) -> bool:
    return not _COMMON_COLUMNS.isdisjoint(re.split(r"[\W_]+", name.lower()))


def _asked_keys(record: Record) -> tuple[list[Key], list[Key]]:
    """Return the numbers of a record, and the words, names and identifiers, each at most so many."""
    numbers: list[Key] = []
    fields = record.fields[:24]
    # A row may stand behind a label.
    fields += [field.partition(": ")[2] for field in fields[:1] if ": " in field]
    wholes = [key_of(field) if len(field) <= LONGEST_CELL else None for field in fields]
    for field, whole in zip(fields, wholes, strict=True):
        if whole is not None and whole.kind in {NUMBER, DATE}:
            numbers.append(whole)
            continue
        for match in _NUMBER.finditer(field):
            found = match[0]
            if len(found) < _SHORTEST_NUMBER:
                continue
            number = Key(DATE, reduced(found)) if DATE_SIGN.fullmatch(found) else number_of(found)
            if number is not None:
                numbers.append(number)
    if not (numbers or record.is_row):
        return [], []
    others = [whole for whole in wholes if whole is not None and whole.kind in {WORDS, IDENTIFIER}]
    if len(fields) == 1 or not record.is_row:
        cells = [cell for field in fields for cell in _cells_apart_by_blanks(field, is_row=record.is_row)]
        others += [key for cell in cells if (key := key_of(cell)) is not None and key.kind in {WORDS, IDENTIFIER}]
    return list(dict.fromkeys(numbers))[:16], list(dict.fromkeys(others))[:32]


def _cells_apart_by_blanks(field: str, *, is_row: bool) -> Iterator[str]:
    """Return what may be a cell where blanks divide the cells: words, names, and what is left without the numbers."""
    words = field.split()[:24]
    if is_row and len(words) < 5:
        for first, last in combinations(range(len(words) + 1), 2):
            yield " ".join(words[first:last])
        return
    yield from (word.strip(".,:;!?()") for word in words if is_row or not word.islower())
    if _DIGIT.search(field):
        yield _NUMBER.sub("", field)
        yield from (match[0] for match in _NAMES.finditer(field))
