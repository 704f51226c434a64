"""The sentences of a text that come again and again, as a small model's do: known as they arrive, or told once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

# How often a sentence comes before it is a repetition.
TIMES = 3
# Bytes of letters and digits: "Yes, it is." may be said of many things.
_LEAST_BYTES = 20
# Code says the same line often. As many in a row, of so many letters and digits, are a repetition.
_LINES, _LEAST_BYTES_OF_LINES = 4, 60
_LONGEST = 4_000
_END = pattern("(?<=[.!?…])[\"'\u201d\u2019)\\]*_]*[ \\t]+|(?<=[\u3002\uff01\uff1f\u0964\u0965])|\\n")
_CODE = ("    ", "\t", "|")


class Repetition:
    """Looks for a sentence that comes the third time, or lines of code that do, while a text arrives."""

    def __init__(self) -> None:
        self.found = False
        self._held = ""
        self._reader = _Reader()
        self._counts: Counter[str] = Counter()

    def add(self, piece: str) -> bool:
        """Read on; return whether something has come the third time by now."""
        self._held += piece
        *whole, self._held = _cut(self._held)
        for part in whole:
            key = self._reader.key(part)
            if key:
                self._counts[key] += 1
                self.found = self.found or self._counts[key] >= TIMES
        if len(self._held) > _LONGEST:
            self._held = ""
        return self.found


def told_once(text: str) -> str:
    """Return a text in which each sentence that was repeated stands once; as it is if none came the third time."""
    repetition = Repetition()
    if len(text) < TIMES * _LEAST_BYTES // 4 or not repetition.add(text + "\n"):
        return text
    reader = _Reader()
    said: set[str] = set()
    kept: list[str] = []
    is_after_cut = False
    for part in _cut(text):
        key, end = reader.key(part), "".join(kept[-2:])[-2:]
        if key in said:
            is_after_cut = True
            if part.endswith("\n") and not end.endswith("\n"):
                kept.append("\n")
        elif not (is_after_cut and not part.strip() and end in {"", "\n\n"}):
            is_after_cut = is_after_cut and not part.strip()
            kept.append(part)
            if key and not reader.is_code:
                said.add(key)
    return "".join(kept)


class _Reader:
    """Reads the parts of a text in their order, and knows which of them are code."""

    def __init__(self) -> None:
        self.is_code = False
        self._is_fenced = False
        self._at_start = True
        self._line = ""
        self._lines: list[str] = []

    def key(self, part: str) -> str:
        """Return what two parts have in common that say the same; empty where a part says too little to count."""
        if self._at_start and part.lstrip().startswith(("```", "~~~")):
            self._is_fenced = not self._is_fenced
        if self._at_start:
            self.is_code = self._is_fenced or part.startswith(_CODE)
        self._at_start = part.endswith("\n")
        letters = "".join(filter(str.isalnum, part.casefold()))
        if not self.is_code:
            self._lines.clear()
            return letters if len(letters.encode()) >= _LEAST_BYTES else ""
        self._line += letters
        if not self._at_start:
            return ""
        if self._line:
            self._lines = [*self._lines[1 - _LINES :], self._line]
        self._line = ""
        key = "\n".join(self._lines)
        return key if len(self._lines) == _LINES and len(key.encode()) >= _LEAST_BYTES_OF_LINES else ""


def _cut(text: str) -> Iterator[str]:
    """Cut a text after its sentences and lines; the last part, which may be empty, has no end yet."""
    start = 0
    for match in _END.finditer(text):
        if match.end() > start:
            yield text[start : match.end()]
            start = match.end()
    yield text[start:]
