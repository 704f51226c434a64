"""The user's own patterns and hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trooper_cli.errors import ConfigurationError
from trooper_cli.guard.find import Find

if TYPE_CHECKING:
    from collections.abc import Iterable


def find(text: str, patterns: Iterable[str]) -> list[Find]:
    """Give the places that match one of the regular expressions.

    Raises:
        ConfigurationError: one of them is none.

    """
    finds: list[Find] = []
    for number, pattern in enumerate(patterns, 1):
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ConfigurationError(f"pattern {number} of guard_patterns is no regular expression") from error
        found = (match for match in compiled.finditer(text) if match[0])
        finds.extend(Find(f"pattern-{number}", match.start(), len(match[0])) for match in found)
    return finds


def hosts(text: str, names: Iterable[str]) -> list[Find]:
    """Give the places where one of these names or addresses stands as a whole."""
    lowered = text.lower()
    finds: list[Find] = []
    for name in names:
        pattern = rf"(?<![\w.-]){re.escape(name.lower())}(?![\w-])"
        finds += [Find("host", match.start(), len(match[0])) for match in re.finditer(pattern, lowered)]
    return finds
