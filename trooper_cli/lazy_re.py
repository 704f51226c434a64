"""Regular expressions that are compiled at their first use: most calls need few, and all take 15 ms."""

from __future__ import annotations

import re
from typing import cast


class _Pattern:
    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        value: object = getattr(re.compile(self._text, self._flags), name)
        self.__dict__[name] = value
        return value


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return a stand-in for `re.compile(text, flags)` that is compiled when first used."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
