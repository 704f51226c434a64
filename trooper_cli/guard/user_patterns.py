"""The user's own patterns and hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError
from trooper_cli.guard.finding import Finding
from trooper_cli.guard.normalize import forms
from trooper_cli.guard.repeats import repeats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def find(text: str, patterns: Iterable[str]) -> list[Finding]:
    """Return the places that match one of the regular expressions, plain or encoded.

    Raises:
        ConfigurationError: one of them is none.

    """
    findings: list[Finding] = []
    for number, pattern in enumerate(patterns, 1):
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ConfigurationError(
                f"pattern {number} of guard_patterns is no regular expression; correct it in config.toml"
            ) from error
        findings += _found(f"pattern-{number}", compiled, text)
    return findings


def hosts(text: str, names: Iterable[str]) -> list[Finding]:
    """Return the places where one of these names or addresses stands as a whole, plain or encoded."""
    findings: list[Finding] = []
    for name in names:
        pattern = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", re.IGNORECASE)
        findings += _apart("host", {place for place, _ in _matches(pattern, text)})
    return findings


def _found(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Finding]:
    """Yield the places of a pattern, and those where what it matched stands again, whatever stands beside it."""
    places: set[tuple[int, int]] = set()
    values: set[str] = set()
    for place, value in _matches(pattern, text):
        places.add(place)
        values.add(value)
    if values:
        places |= {
            form.original(start, end)
            for form in forms(text)
            for start, end, _ in repeats(form.decoded, values)
            if form.is_new(start, end)
        }
    yield from _apart(kind, places)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield offset and length of each match in the original text, and what it says."""
    for form in forms(text):
        for match in pattern.finditer(form.decoded):
            if match[0] and form.is_new(*match.span()):
                yield form.original(*match.span()), match[0]


def _apart(kind: str, places: Iterable[tuple[int, int]]) -> Iterator[Finding]:
    """Yield the places in order, without those that lie within another one."""
    reached = 0
    for offset, length in sorted(places, key=lambda place: (place[0], -place[1])):
        if offset + length > reached:
            reached = offset + length
            yield Finding(kind, offset, length)
