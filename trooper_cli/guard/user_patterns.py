"""The user's own patterns and hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError
from trooper_cli.guard.finding import Finding
from trooper_cli.guard.normalize import forms

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
        findings += _found("host", re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", re.IGNORECASE), text)
    return findings


def _found(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Finding]:
    offsets = {
        form.original(*match.span())
        for form in forms(text)
        for match in pattern.finditer(form.decoded)
        if match[0] and form.is_new(*match.span())
    }
    for offset, length in sorted(offsets):
        yield Finding(kind, offset, length)
