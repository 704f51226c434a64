"""Read the tables of a text: CSV and its like, markdown, aligned columns, JSON, and lists of keys and values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from trooper_cli.guard.cells import DATE_SIGN
from trooper_cli.guard.rows import CODE, LOGFMT, keyed_lines
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What begins like JSON is read to its end each time.
_MOST_FAILURES = 20
# Who wrote what and when, and under which terms, is told in many texts in the same lines.
_TERMS = pattern(r"(?i)copyright|©|\(c\) |licen[cs]e:|signed-off-by|maintainer")
_RULE = pattern(r"[\s|+:=-]+")


def tables_of(text: str) -> Iterator[tuple[Sequence[str], list[list[str]]]]:
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
    for start, end, row in keyed_lines(text):
        if not _TERMS.search(text, start, end):
            _add(keyed, {key: value for key, value in row.items() if not CODE.search(value)})

    for line in text.split("\n"):
        if "=" in line and len(pairs := LOGFMT.findall(line)) > 1:
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
    if any(DATE_SIGN.match(line[0]) for line in words):
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
        all(offset[0].isdigit() for offset in column[1:]) and any(len(cell) > 2 for cell in column)
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
    if sum(1 for cell in cells if CODE.search(cell)) * 10 > len(cells):
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
