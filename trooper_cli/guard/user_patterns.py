"""The user's own patterns and hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError
from trooper_cli.guard.finding import Find
from trooper_cli.guard.normalize import forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def find(text: str, patterns: Iterable[str]) -> list[Find]:
    """Return the places that match one of the regular expressions, plain or encoded.

    Raises:
        ConfigurationError: one of them is none.

    """
    finds: list[Find] = []
    for number, pattern in enumerate(patterns, 1):
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ConfigurationError(f"pattern {number} of guard_patterns is no regular expression") from error
        finds += _found(f"pattern-{number}", compiled, text)
    return finds


def hosts(text: str, names: Iterable[str]) -> list[Find]:
    """Return the places where one of these names or addresses stands as a whole, plain or encoded."""
    finds: list[Find] = []
    for name in names:
        finds += _found("host", re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", re.IGNORECASE), text)
    return finds


def _found(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Find]:
    places = {
        form.original(*match.span())
        for form in forms(text)
        for match in pattern.finditer(form.decoded)
        if match[0] and form.is_new(*match.span())
    }
    for offset, length in sorted(places):
        yield Find(kind, offset, length)
