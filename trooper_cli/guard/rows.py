"""Find what may be rows of a table in a text: lines, and neighbouring lines of keys and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard.cells import LONGEST_CELL
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST_LINE = 2000
# Neighbouring lines with more keys than this are no row.
_MOST_VALUES = 24
_DIGITS = pattern(r"\d[\d,.'\u2019/-]{3}")
_FOUR_DIGITS = pattern(
    r"(?<!\d)(?!(?:19|20)\d\d(?!\d|[.,]\d))\d[,.'\u2019]?\d[,.'\u2019]?\d[,.'\u2019]?\d|\d{4}[-/]\d\d[-/]\d\d|\d\d?[./]\d\d?[./]\d{4}"
)
_COMMA, _WIDE = pattern(","), pattern(r"[;|\t]|(?<=\S) {2,}")
_QUOTED = pattern(r'"((?:[^"\\]|\\.|"")*)"(\s*:)?|([^,;|\t"]+)')
_BETWEEN_ROWS = pattern(r"\}\s*,?\s*\{|\]\s*,?\s*\[")
# A row as jq prints it by default: one value a line.
_LIST = pattern(r"(?m)(?<=\[\n)(?:[ \t]*(?:\"[^\"\n]{0,200}\"|[\d.]{1,20}|null|true|false),?\n){2,24}")
_KEYED = pattern(r"[ \t>{\[]*(-[ \t]+)?[\"']?([A-Za-z][\w .-]{0,30}?)[\"']?[ \t]*[:=][ \t]*(\S.*)")
CODE = pattern(r"[(){}\[\]=<>\\`*]")
LOGFMT = pattern(r"(?<!\S)([A-Za-z][\w.-]*)=(\"[^\"]*\"|\S+)")
_TIGHT_COMMA = pattern(r",\S")
_FUNCTION_WORD = pattern(r" (?:the|and|of|to|in|is|an?|or|by|as|it|that|und|oder|die|das|ist) ")


class Record(NamedTuple):
    """A part of a prompt that may be a row: its place, its fields, and whether it looks like a row."""

    offset: int
    length: int
    fields: list[str]
    is_row: bool


def records(text: str, is_wanted: Callable[[int, int], bool]) -> Iterator[Record]:
    """Return the lines of a text that may be rows, and what stands in neighbouring lines of keys and values.

    Lines between places for which `is_wanted` is false are left out.
    """
    for start, end, keyed in keyed_lines(text):
        yield Record(start, end - start, [value for value in keyed.values() if not CODE.search(value)], is_row=True)
    for match in _LIST.finditer(text):
        yield Record(match.start(), len(match[0]), _fields(match[0].replace("\n", "\t")), is_row=True)
    at, is_code = 0, CODE.search
    digits = (match.start() for match in _DIGITS.finditer(text))
    digit = next(digits, -1)
    for line in text.split("\n"):
        offset, at = at, at + len(line) + 1
        has_digits = offset <= digit < at
        while 0 <= digit < at:
            digit = next(digits, -1)
        # Most lines are prose or source code without a number, and no more is asked of them.
        if len(line) < 6 or not is_wanted(offset, at):
            continue
        if not has_digits and ('"' not in line if is_code(line) else _is_prose(line)):
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
    divided = is_divided(line)
    if divided:
        divisions += line.count("  ") + line.count("\t") + line.count("|") + line.count(";")
    if size > 31 and size >= 32 * (divisions + 1):
        return True
    return not divided and _FUNCTION_WORD.search(line) is not None and not _TIGHT_COMMA.search(line)


def is_divided(line: str) -> bool:
    return "\t" in line or "|" in line or ";" in line or "  " in line.strip()


def keyed_lines(text: str) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Return place, end and values of neighbouring lines of keys and values; where a key comes again, a row begins."""
    keyed: dict[str, str] = {}
    start = end = at = 0
    for line in (*text.split("\n"), ""):
        offset, at = at, at + len(line) + 1
        match = (
            _KEYED.match(line)
            if (":" in line or "=" in line) and "(" not in line and len(line) < 2 * LONGEST_CELL
            else None
        )
        ends = match is None and (not (stripped := line.strip()) or stripped[0] in "{}[]-+|*=")
        if ends or (match and (match[1] or match[2] in keyed)):
            if 1 < len(keyed) <= _MOST_VALUES:
                yield start, end, keyed
            keyed = {}
        if match:
            if not keyed:
                start = offset
            keyed[match[2]] = match[3].removesuffix("\r").rstrip(",}]").rstrip(" \t").strip("\"'")
            end = at - 1


def _row(line: str, offset: int) -> Iterator[Record]:
    size = len(line)
    if size > _LONGEST_LINE:
        return
    has_number = _DIGITS.search(line) is not None and _FOUR_DIGITS.search(line) is not None
    may_be_row = '"' in line or not CODE.search(line)
    if not has_number and (not may_be_row or _is_prose(line)):
        return
    fields = _fields(line)
    is_row = may_be_row and size < 32 * len(fields)
    if is_row and len(fields) == 1 and not has_number:
        # Two cells of a word or two each, apart by a blank.
        is_row = 1 < len(fields[0].split()) < 5 and fields[0][-1] not in ".:!?" and not fields[0].islower()
    if is_row and len(fields) > 1 and not (is_divided(line) or _TIGHT_COMMA.search(line)):
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
    if "=" in line and (pairs := LOGFMT.findall(line)) and len(pairs) > 1:
        return [value.strip('"') for _, value in pairs]
    parts = (_WIDE if is_divided(line) else _COMMA).split(line)
    return [field for part in parts if (field := part.strip(" \t>{}[]"))]
