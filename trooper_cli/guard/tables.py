"""Units of tables: cells that are telling by themselves, and pairs of cells of one row that are telling together.

A private turn stores the units of the tables it holds: CSV and its like, markdown, columns aligned by blanks, JSON,
YAML, lists of keys and values. A prompt is asked for the units of its records: lines, JSON objects, neighbouring lines
of keys and values. So two columns are found whatever tool took them out, and in whatever order.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard.forms import reduced
from trooper_cli.lazy import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# At most so many pairs are stored of one table of many rows.
MOST_PAIRS = 150_000
_MOST_KEYS = 12
_LONGEST_CELL = 200
_LONGEST_LINE = 2000
# A value that this share of the rows or more repeats says little about any of them.
_COMMON_SHARE = 0.02
_DISTINCT_SHARE = 0.7
_FEW_ROWS = 4
# What begins like JSON is read to its end each time.
_MOST_FAILURES = 20

NUMBER, DATE, IDENTIFIER, WORDS = "number", "date", "identifier", "words"


class Key(NamedTuple):
    """What is compared of a cell: its class and its text without layout; whether it is a name, or telling by itself."""

    kind: str
    text: str
    is_name: bool = False
    is_telling: bool = False


class Record(NamedTuple):
    """A part of a prompt that may be a row: its place, its fields, and whether it looks like a row."""

    offset: int
    length: int
    fields: list[str]
    is_row: bool


_DAY = r"\d{4}[-/]\d\d[-/]\d\d|\d{1,2}[./]\d{1,2}[./]\d{4}"
_DATE = pattern(_DAY)
_TIME = pattern(r"\d:\d\d")
_ADDRESS = pattern(r"(?!127\.|0\.)\d{1,3}(?:\.\d{1,3}){3}")
# Who wrote what and when, and under which terms, is told in many texts in the same lines.
_TERMS = pattern(r"(?i)copyright|©|\(c\) |licen[cs]e:|signed-off-by|maintainer")
_AMOUNT = r"\d{1,3}(?:[,.'\u2019]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?"
_NUMBER = pattern(rf"(?<![\w.:/-])(?:{_DAY}|{_AMOUNT})(?![\w:/-]|[.,]\d)")
_WHOLE_AMOUNT = pattern(rf"(?:[-+(]?\s?(?:[$€£¥]|[A-Z]{{3}}|Fr\.)?\s?)(?:{_AMOUNT})\s?(?:[$€£¥%)]|[A-Z]{{3}})?")
_PARTS_OF_NUMBER = pattern(r"[\d,.'\u2019]")
_DIGITS = pattern(r"\d[\d,.'\u2019/-]{3}")
_FOUR_DIGITS = pattern(
    r"(?<!\d)(?!(?:19|20)\d\d(?!\d|[.,]\d))\d[,.'\u2019]?\d[,.'\u2019]?\d[,.'\u2019]?\d|\d{4}[-/]\d\d[-/]\d\d|\d\d?[./]\d\d?[./]\d{4}"
)
_COMMA, _WIDE = pattern(","), pattern(r"[;|\t]|(?<=\S) {2,}")
_QUOTED = pattern(r'"((?:[^"\\]|\\.|"")*)"(\s*:)?|([^,;|\t"]+)')
_BETWEEN_ROWS = pattern(r"\}\s*,?\s*\{|\]\s*,?\s*\[")
# A row as jq prints it by default: one value a line.
_LIST = pattern(r"(?m)(?<=\[\n)(?:[ \t]*(?:\"[^\"\n]{0,200}\"|[\d.]{1,20}|null|true|false),?\n){2,24}")
_KEYED = pattern(
    r"[ \t>{\[]*(-[ \t]+)?[\"']?([A-Za-z][\w .-]{0,30}?)[\"']?[ \t]*[:=][ \t]*(\S[^\n]*?)[ \t]*[,}\]]*\r?$"
)
_NAMES = pattern(r"[A-ZÀ-ÞА-Я][^\W\d_A-Z][\w'\u2019-]*(?: [A-ZÀ-ÞА-Я](?:\.|[^\W\d_A-Z][\w'\u2019-]*)){1,3}")
_RULE = pattern(r"[\s|+:=-]+")
_CODE = pattern(r"[(){}\[\]=<>\\`*]")
_LOGFMT = pattern(r"(?<!\S)([A-Za-z][\w.-]*)=(\"[^\"]*\"|\S+)")
_TIGHT_COMMA = pattern(r",\S")
_DIGIT = pattern(r"\d")
_FUNCTION_WORD = pattern(r" (?:the|and|of|to|in|is|an?|or|by|as|it|that|und|oder|die|das|ist) ")

_STANDARDS = ("iso", "iec", "rfc", "cve", "utf", "sha", "windows")
# Columns whose values stand in many tables: their words are never telling, whatever they are.
_COMMON_COLUMNS = frozenset(
    """city town ort stadt country land state status type kind role rolle dept department abteilung team title
    position level currency unit category gender day month year jahr monat language version command cmd image
    namespace node ready method path zip plz postcode region location standort tag label labels class priority
    severity result mode port protocol os platform group gruppe user tty stat start time age restarts reason
    cluster ip shell format""".split()
)
# Words that stand in cells of many tables; with one of them a cell tells nothing by itself.
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


def stored(text: str) -> Iterator[str]:
    """Return the units of the tables of a text: telling cells and pairs of cells."""
    for header, rows in _tables(text):
        yield from _table_units(header, rows)


def asked(text: str) -> Iterator[tuple[int, int, str]]:
    """Return offset, length and unit of what may be a cell, or a pair of cells, of a stored table."""
    for match in _NAMES.finditer(text):
        words = match[0].split(" ")
        for first, last in combinations(range(len(words) + 1), 2):
            if last - first > 1:
                yield match.start(), len(match[0]), reduced("".join(words[first:last]))
    for record in _records(text):
        if record.is_row and len(record.fields) == 1 and not _DIGIT.search(record.fields[0]):
            units = _halves(record.fields[0].split())
        else:
            numbers, others = _asked_keys(record)
            units = {key.text for key in (*numbers, *others) if key.is_telling}
            pairs = combinations(numbers + others, 2) if record.is_row else _mixed(numbers, others)
            units.update(unit for one, other in pairs if (unit := _pair(one, other)) is not None)
        for unit in units:
            yield record.offset, record.length, unit


def _halves(words: list[str]) -> set[str]:
    """Return the units of a few words that may be two cells apart by a blank."""
    units = set[str]()
    for place in range(1, len(words)):
        one, other = _key(" ".join(words[:place])), _key(" ".join(words[place:]))
        units.update(key.text for key in (one, other) if key is not None and key.is_telling)
        if one is not None and other is not None and (unit := _pair(one, other)) is not None:
            units.add(unit)
    return units


def _mixed(numbers: list[Key], others: list[Key]) -> Iterator[tuple[Key, Key]]:
    yield from combinations(numbers, 2)
    for number in numbers:
        for other in others:
            yield number, other


def _pair(one: Key, other: Key) -> str | None:
    """Return the unit of two cells of a row, if they are telling together."""
    first, last = sorted((one, other), key=lambda key: key.text)
    if first.text == last.text or len(first.text) + len(last.text) < 8:
        return None
    if one.kind == other.kind == WORDS and not (one.is_name or other.is_name):
        return None
    kinds = {one.kind, other.kind}
    if kinds == {DATE} or (kinds == {NUMBER} and len(one.text) + len(other.text) < 9):
        return None
    if kinds == {DATE, NUMBER} and min(len(one.text), len(other.text)) < 5:
        return None
    return f"{first.text}\n{last.text}"


def _table_units(header: Sequence[str], rows: list[list[str]]) -> Iterator[str]:
    width = max(map(len, rows), default=0)
    is_common = [_is_common_column(header[place] if place < len(header) else "") for place in range(width)]
    values = [Counter(row[place] for row in rows if place < len(row)) for place in range(width)]
    most = len(rows) * _COMMON_SHARE
    for place, counted in enumerate(values):
        size = counted.total()
        is_common[place] |= size >= _FEW_ROWS and len(counted) <= (_DISTINCT_SHARE * size if size < 50 else 25)
    allowed = max(4, min(_MOST_KEYS, math.isqrt(2 * MOST_PAIRS // max(1, len(rows)))))
    for row in rows:
        keys: list[Key] = []
        for place, cell in enumerate(row):
            if is_common[place] or not cell or values[place][cell] > max(2, most):
                continue
            key = _key(cell)
            if key is None:
                continue
            if key.is_telling:
                yield key.text
            if key not in keys:
                keys.append(key)
        for one, other in combinations(keys[:allowed], 2):
            if (unit := _pair(one, other)) is not None:
                yield unit


def _is_common_column(name: str) -> bool:
    return not _COMMON_COLUMNS.isdisjoint(re.split(r"[\W_]+", name.lower()))


def _is_telling_number(digits: str) -> bool:
    return len(digits) >= 7 and len(digits.rstrip("0")) >= 5 and len(set(digits)) > 3


def _are_telling_words(cell: str, letters: str) -> bool:
    """Return whether the words of a cell are telling by themselves: a full name, or a text of a few words."""
    words = cell.split()
    if len(words) < 2 or len(letters) < 8 or any(reduced(word) in _COMMON_WORDS for word in words[:6]):
        return False
    return (len(words) >= 3 and len(letters) >= 16) or all(word[0].isupper() for word in words)


def _key(cell: str) -> Key | None:
    """Return what is compared of a cell, or None for one that tells nothing even beside another."""
    cell = cell.strip().strip("\"'")
    if not cell or len(cell) > _LONGEST_CELL:
        return None
    letters = reduced(cell)
    if not letters.isalpha():
        if _DATE.fullmatch(cell):
            return Key(DATE, letters)
        if _WHOLE_AMOUNT.fullmatch(cell):
            return _number("".join(_PARTS_OF_NUMBER.findall(cell)).strip(".,"))
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


def _number(text: str) -> Key | None:
    """Return a number without separators, and without zeros at the end of its decimals."""
    decimals = re.fullmatch(r"(.*)[.,](\d+)", text)
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


def _records(text: str) -> Iterator[Record]:
    """Return the lines of a text that may be rows, and what stands in neighbouring lines of keys and values."""
    for start, end, keyed in _keyed(text):
        yield Record(start, end - start, [value for value in keyed.values() if not _CODE.search(value)], is_row=True)
    for match in _LIST.finditer(text):
        yield Record(match.start(), len(match[0]), _fields(match[0].replace("\n", "\t")), is_row=True)
    at, is_code = 0, _CODE.search
    digits = (match.start() for match in _DIGITS.finditer(text))
    digit = next(digits, -1)
    for line in text.split("\n"):
        offset, at = at, at + len(line) + 1
        has_digits = offset <= digit < at
        while 0 <= digit < at:
            digit = next(digits, -1)
        # Most lines are prose or source code without a number, and no more is asked of them.
        if len(line) < 6 or (not has_digits and ('"' not in line if is_code(line) else _is_prose(line))):
            continue
        first = 0
        if "," in line:
            for match in _BETWEEN_ROWS.finditer(line):
                yield from _row(line[first : match.start() + 1], offset + first)
                first = match.end() - 1
        yield from _row(line[first:], offset + first)


def _is_prose(line: str) -> bool:
    """Return whether a line has no short fields, or has words that hold sentences together."""
    size, divisions = len(line), line.count(",")
    is_divided = _is_divided(line)
    if is_divided:
        divisions += line.count("  ") + line.count("\t") + line.count("|") + line.count(";")
    if size > 31 and size >= 32 * (divisions + 1):
        return True
    return not is_divided and _FUNCTION_WORD.search(line) is not None and not _TIGHT_COMMA.search(line)


def _is_divided(line: str) -> bool:
    return "\t" in line or "|" in line or ";" in line or "  " in line.strip()


def _keyed(text: str) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Return place, end and values of neighbouring lines of keys and values; where a key comes again, a row begins."""
    keyed: dict[str, str] = {}
    start = end = at = 0
    for line in (*text.split("\n"), ""):
        offset, at = at, at + len(line) + 1
        match = (
            _KEYED.match(line)
            if (":" in line or "=" in line) and "(" not in line and len(line) < 2 * _LONGEST_CELL
            else None
        )
        ends = match is None and (not (stripped := line.strip()) or stripped[0] in "{}[]-+|*=")
        if ends or (match and (match[1] or match[2] in keyed)):
            if 1 < len(keyed) <= _MOST_KEYS * 2:
                yield start, end, keyed
            keyed = {}
        if match:
            if not keyed:
                start = offset
            keyed[match[2]] = match[3].strip("\"'")
            end = at - 1


def _row(line: str, offset: int) -> Iterator[Record]:
    size = len(line)
    if size > _LONGEST_LINE:
        return
    has_number = _DIGITS.search(line) is not None and _FOUR_DIGITS.search(line) is not None
    may_be_row = '"' in line or not _CODE.search(line)
    if not has_number and (not may_be_row or _is_prose(line)):
        return
    fields = _fields(line)
    is_row = may_be_row and size < 32 * len(fields)
    if is_row and len(fields) == 1 and not has_number:
        # Two cells of a word or two each, apart by a blank.
        is_row = 1 < len(fields[0].split()) < 5 and fields[0][-1] not in ".:!?" and not fields[0].islower()
    if is_row and len(fields) > 1 and not (_is_divided(line) or _TIGHT_COMMA.search(line)):
        # What commas with blanks divide is a row of names or numbers, or prose.
        is_row = not any(field[0].islower() for field in fields)
    if has_number or is_row:
        yield Record(offset, size, fields, is_row)


def _fields(line: str) -> list[str]:
    """Return the fields of a line, without the names of keys."""
    if '"' in line:
        fields = []
        for match in _QUOTED.finditer(line):
            if match[2] is None:
                field = match[3] if match[1] is None else match[1]
                if field := field.strip(" \t{}[]:"):
                    fields.append(field)
        return fields
    if "=" in line and (pairs := _LOGFMT.findall(line)) and len(pairs) > 1:
        return [value.strip('"') for _, value in pairs]
    parts = (_WIDE if _is_divided(line) else _COMMA).split(line)
    return [field for part in parts if (field := part.strip(" \t>{}[]"))]


def _asked_keys(record: Record) -> tuple[list[Key], list[Key]]:
    """Return the numbers of a record, and the words, names and identifiers, each at most so many."""
    numbers: list[Key] = []
    fields = record.fields[:24]
    # A row may stand behind a label.
    fields += [field.partition(": ")[2] for field in fields[:1] if ": " in field]
    wholes = [_key(field) if len(field) <= _LONGEST_CELL else None for field in fields]
    for field, whole in zip(fields, wholes, strict=True):
        if whole is not None and whole.kind in {NUMBER, DATE}:
            numbers.append(whole)
            continue
        for match in _NUMBER.finditer(field):
            found = match[0]
            number = Key(DATE, reduced(found)) if _DATE.fullmatch(found) else _number(found)
            if number is not None:
                numbers.append(number)
    if not (numbers or record.is_row):
        return [], []
    others = [whole for whole in wholes if whole is not None and whole.kind in {WORDS, IDENTIFIER}]
    if len(fields) == 1 or not record.is_row:
        cells = [cell for field in fields for cell in _cells_apart_by_blanks(field, is_row=record.is_row)]
        others += [key for cell in cells if (key := _key(cell)) is not None and key.kind in {WORDS, IDENTIFIER}]
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


def _tables(text: str) -> Iterator[tuple[Sequence[str], list[list[str]]]]:
    """Return the tables of a text, each as its header, which may be empty, and its rows."""
    yield from _json_tables(text)
    block: list[str] = []
    for line in (*text.split("\n"), ""):
        if line.strip() and not line.lstrip().startswith("```"):
            block.append(line.rstrip("\r"))
        elif block:
            if len(block) > 1 and not any(_TERMS.search(line) for line in block):
                yield from _block_tables(block)
            block = []
    keyed: dict[tuple[str, ...], list[list[str]]] = {}
    for start, end, row in _keyed(text):
        if not _TERMS.search(text, start, end):
            _add(keyed, {key: value for key, value in row.items() if not _CODE.search(value)})

    for line in text.split("\n"):
        if "=" in line and len(pairs := _LOGFMT.findall(line)) > 1:
            _add(keyed, {key: value.strip('"') for key, value in pairs})
    yield from keyed.items()


def _block_tables(lines: list[str]) -> Iterator[tuple[Sequence[str], list[list[str]]]]:  # noqa: C901
    for delimiter in ("\t", ";", "|", ","):
        if not any(delimiter in line for line in lines):
            continue
        split = [_cells(line, delimiter) for line in lines]
        found = False
        for rows in _even_runs(split):
            if delimiter != "," or _is_csv(rows):
                found = True
                yield _with_header(rows)
        if found:
            return
    wide = [re.split(r" {2,}|\t", line.strip()) for line in lines]
    found = False
    for rows in _even_runs(wide):
        if len(rows) > 2 or len(rows[0]) > 2:
            found = True
            yield _with_header(rows)
    if found:
        return
    words = [line.split() for line in lines]
    if any(_DATE.match(line[0]) for line in words):
        # The lines of a log.
        return
    header = words[0]
    if len(header) > 2 and all((word.upper() == word and word[0].isalpha()) or word[0] == "%" for word in header):
        rows = [line.split(None, len(header) - 1) for line in lines[1:]]
        yield header, [row for row in rows if len(row) == len(header)]
        return
    for rows in _even_runs(words):
        if len(rows) > 2 and len(rows[0]) <= 12 and _has_number_column(rows):
            yield _with_header(rows)


def _even_runs(split: list[list[str]]) -> Iterator[list[list[str]]]:
    """Return runs of two or more neighbouring lines with the same number of cells, at least two."""
    run: list[list[str]] = []
    for cells in (*split, []):
        if not cells or (run and len(cells) != len(run[0])):
            if len(run) > 1:
                yield run
            run = []
        if len(cells) > 1:
            run.append(cells)


def _has_number_column(rows: list[list[str]]) -> bool:
    return any(
        all(place[0].isdigit() for place in column[1:]) and any(len(cell) > 2 for cell in column)
        for column in zip(*rows, strict=True)
    )


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == "|":
        if _RULE.fullmatch(line):
            return []
        line = line.strip().strip("|")
    if '"' in line:
        escaped = re.escape(delimiter)
        parts = re.findall(rf'(?:^|(?<={escaped}))\s*(?:"((?:[^"]|"")*)"|([^{escaped}]*))\s*(?={escaped}|$)', line)
        return [(quoted or plain).strip() for quoted, plain in parts]
    return [cell.strip() for cell in line.split(delimiter)]


def _is_csv(rows: list[list[str]]) -> bool:
    """Return whether lines with commas are a table, not prose or source code."""
    cells = [cell for row in rows[:50] for cell in row]
    if sum(1 for cell in cells if _CODE.search(cell)) * 10 > len(cells):
        return False
    return sum(map(len, cells)) < 40 * len(cells) and (len(rows) > 2 or len(rows[0]) > 2 or _has_number(rows[-1]))


def _has_number(row: list[str]) -> bool:
    return any(cell[:1].isdigit() for cell in row)


def _with_header(rows: list[list[str]]) -> tuple[Sequence[str], list[list[str]]]:
    first = rows[0]
    if not any(any(map(str.isdigit, cell)) or "@" in cell for cell in first):
        return first, rows[1:]
    return (), rows


def _json_tables(text: str) -> Iterator[tuple[Sequence[str], list[list[str]]]]:
    if '"' not in text or "{" not in text:
        return
    found: dict[tuple[str, ...], list[list[str]]] = {}
    decoder = json.JSONDecoder()
    at = failures = 0
    # Whatever stands around it: each value begins where a line does.
    for match in re.finditer(r"(?m)^[ \t>]*[\[{]", text):
        start = match.end() - 1
        if start < at or failures > _MOST_FAILURES:
            continue
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            failures += 1
            continue
        _collect(value, found, 0)
    yield from found.items()


def _collect(value: object, found: dict[tuple[str, ...], list[list[str]]], depth: int) -> None:
    if depth > 12:
        return
    if isinstance(value, list):
        for item in value:
            _collect(item, found, depth + 1)
    elif isinstance(value, dict):
        scalars = {
            str(key): str(item)
            for key, item in value.items()
            if isinstance(item, (str, int, float)) and not isinstance(item, bool)
        }
        _add(found, scalars)
        for item in value.values():
            _collect(item, found, depth + 1)


def _add(rows: dict[tuple[str, ...], list[list[str]]], row: dict[str, str]) -> None:
    if len(row) > 1:
        rows.setdefault(tuple(row), []).append(list(row.values()))
