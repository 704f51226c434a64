"""The texts in the JSON of an answer: what a program takes out of it and sends on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where a list or an object may begin.
_OPENS = pattern(r'\{\s{0,99}["}]|\[\s{0,99}[]\["{\dtfn-]')
# What begins like JSON and is none costs time: each costs some, and each that is long a lot.
_MOST_FAILURES, _LONG, _OF_LONG = 500, 1_000, 25


def values_in(answer: str) -> list[str]:
    """Return each text value of all JSON in an answer, once, and each name of a field that is more than one word."""
    return list(dict.fromkeys(value for found in _documents(answer) for value in _texts(found) if value.strip()))


def _documents(answer: str) -> Iterator[object]:
    """Yield the JSON values of an answer: it is one, has one a line, or holds them among sentences and in blocks."""
    decoder, at, failures = json.JSONDecoder(), 0, 0
    while failures < _MOST_FAILURES and (opens := _OPENS.search(answer, at)):
        at = opens.start()
        try:
            found, at = decoder.raw_decode(answer, at)
        except json.JSONDecodeError as error:
            failures += _OF_LONG if error.pos - at > _LONG else 1
            at += 1
        except (ValueError, RecursionError):
            failures += _OF_LONG
            at += 1
        else:
            yield found


def _texts(value: object) -> Iterator[str]:
    """Yield them without recursion: what a model wrote may be nested deeply."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from (name for name in one if " " in name.strip())
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)
