"""Is a fact in a text? The one scorer of both sets: an answer counts where a word that belongs to it stands near."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.memory.sessions import Probe

_NEAR = 160  # characters on either side of an answer
_MARKED = 24  # characters before an old value in which it may be named as the old one
_OLD = re.compile(
    r"(was|from|old|not|superseded|replaced|instead of|formerly|~~|→|->|no longer|dropped|outdated|ex)\W*$"
)

# What became of a probe, one letter each, so that a row of them can be stored.
MISSED, FOUND = "0", "1"
# Of a fact that was reversed. Backwards: the old value is read last.
NEWEST, BACKWARDS, ONLY_OLD, LOST = "2", "3", "4", "5"


def normalise(text: str) -> str:
    """Return a text in lower case, without Markdown's marks, with single spaces."""
    return re.sub(r"\s+", " ", text.lower().replace("\u2019", "'").replace("**", "").replace("`", "")).strip()


def outcome(text: str, probe: Probe) -> str:
    """Return what became of a probe in a normalised text, as one letter."""
    found = _grounded(text, probe.answers, probe.keys)
    if not probe.old:
        return FOUND if found else MISSED
    old = _grounded(text, probe.old, probe.keys)
    if not found:
        return ONLY_OLD if old else LOST
    clear = not old or max(found) > max(old) or all(_OLD.search(text[max(0, at - _MARKED) : at]) for at in old)
    return NEWEST if clear else BACKWARDS


def _grounded(text: str, answers: Sequence[str], keys: Sequence[str]) -> list[int]:
    """Return where an answer stands with one of the key words near it, if there are any."""
    found = []
    for answer in answers:
        for match in re.finditer(_bounded(normalise(answer)), text):
            start, end = match.span()
            near = text[max(0, start - _NEAR) : start] + " " + text[end : end + _NEAR]
            if not keys or any(key.lower() in near for key in keys):
                found.append(start)
    return found


def _bounded(answer: str) -> str:
    """Return a pattern for an answer: "14" is not in "140", "3.14" or "14.5"."""
    pattern = re.escape(answer)
    if answer[0].isalnum():
        pattern = r"(?<![a-z0-9])(?<![0-9][.,])" + pattern
    if answer[-1].isdigit():
        return pattern + r"(?![0-9])(?!\.[0-9])(?![a-z]{3,})"
    return pattern + r"(?!\d)" if answer[-1].isalnum() else pattern
