"""Short texts that a request holds in parts: over blocks, over the fields of an object, over JSON within a text.

Each function returns the parts as lines in the order in which they stand, which `texts.py` reads together.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern
from trooper_cli.messages.api_names import is_frame, is_kind, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of a long text only what stands at its ends can be a part of a short one.
_END = 100
# What the API's own fields hold that is a part of no text.
_NO_TEXT = {
    "encrypted_content", "encrypted_index", "file_id", "id", "media_type", "signature", "tool_use_id", "ttl", "url",
}  # fmt: skip
_JSON = pattern(r"[\[{](?=\s*[\[{\]}\"\d-])")
# What begins like JSON and is none is read as far as it looks so: in all, so many times the length of the text, at so
# much for each.
_MOST_LENGTHS, _COST_OF_FAILURE = 4, 200
_LEAST_BUDGET = 20_000
# What the name of a list ends with that is one of several in a list.
_ROW = "\n"
# Pieces that a model's answer is streamed in are more than are read together as lines.
_TOKEN = 16


def in_rows(value: object) -> Iterator[str]:
    """Return the short texts and numbers of parsed JSON in a row: all, with and without names, and of each name."""
    rows: dict[str, list[str]] = {}
    values: list[str] = []
    lines: list[str] = []
    for name, is_value, text in _lines(value):
        lines.append(text)
        if is_value:
            values.append(text)
            rows.setdefault(name, []).append(text)
    # Each once: most objects of the API have no names but the API's, and most have one text.
    found = dict.fromkeys("\n".join(row) for row in (lines, values, *rows.values()) if len(row) > 1)
    found |= dict.fromkeys(
        "".join(row) for row in rows.values() if len(row) > 1 and sum(map(len, row)) < _TOKEN * len(row)
    )
    yield from found


def json_in(text: str) -> Iterator[object]:
    """Return each object and list that stands in a text as JSON; of several, a list of all as well.

    So are lines of JSON read as one, which a program logs a stream in.
    """
    values = list(_each_json_in(text))
    yield from values
    if len(values) > 1:
        yield values


def _each_json_in(text: str) -> Iterator[object]:
    if '"' not in text:
        return
    decoder = json.JSONDecoder()
    at, left = 0, _LEAST_BUDGET + _MOST_LENGTHS * len(text)
    while left > 0 and (match := _JSON.search(text, at)):
        try:
            value, at = decoder.raw_decode(text, match.start())
        except json.JSONDecodeError as error:
            # A string without an end is read to that of the text, and its start is what the error tells.
            end = len(text) if error.msg.startswith("Unterminated") else error.pos
        except (ValueError, RecursionError):
            end = len(text)
        else:
            yield value
            continue
        left -= _COST_OF_FAILURE + end - match.start()
        at = match.end()


def _lines(whole: object) -> Iterator[tuple[str, bool, str]]:
    """Yield the names and values of parsed JSON in order, each with the name of its field and whether it is a value."""
    # Without recursion: how deep JSON in a text is nested is its writer's choice.
    left: list[tuple[str, object]] = [("", whole)]
    while left:
        name, value = left.pop()
        if isinstance(value, _Name):
            yield name, False, value[: 2 * _END]
        elif isinstance(value, str):
            yield name, True, value if len(value) <= 2 * _END else f"{value[:_END]}\n{value[-_END:]}"
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, True, str(value)
        elif isinstance(value, list):
            # Of lists in a list, as rows of a table are, each column is read by itself.
            is_row, is_table = name.endswith(_ROW), sum(isinstance(item, list) for item in value) > 1
            items = [(f"{name}{column}" if is_row else name, item) for column, item in enumerate(value)]
            left += [(name + _ROW if is_table else name, item) for name, item in reversed(items)]
        elif isinstance(value, dict):
            left += reversed([*_fields(value)])


class _Name(str):
    """The name of a field, where it stands among values."""

    __slots__ = ()


def _fields(value: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Return the fields of an object that may hold a part of a text, each behind its name if that is not the API's."""
    is_api = is_frame(value)
    is_binary = value.get("type") == "base64"
    for name, item in value.items():
        if not (is_api and is_name(name)):
            yield name, _Name(name)
            yield name, item
        elif isinstance(item, (str, list, dict)) and not (
            name in _NO_TEXT or is_kind(name, item) or (is_binary and name == "data")
        ):
            yield name, item
