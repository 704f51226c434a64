"""What everybody has, and is no secret though a private turn held it: licences, frames of libraries, skeletons.

Only what was found is asked about, so that it costs nothing where nothing was. All that passes stands in
boilerplate.txt, letter by letter: a shape, such as that of a frame, has room for any text. A number of up to four
digits may be another one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from trooper_cli.guard.normalize import reduced
from trooper_cli.lazy_re import pattern

# Longer numbers may be private ones, of accounts and amounts.
_NUMBER = pattern(r"(?<!\d)\d{1,4}(?!\d)")
# Below so many letters a text could be a part of boilerplate by chance.
_SHORTEST, _SHORTEST_OF_RUN = 10, 20
# Where two pieces of boilerplate meet, each has so many; what stands next to one may reach less far into a run.
_PART = 8


def is_boilerplate(text: str, *, is_run: bool) -> bool:
    """Return whether a text stands in boilerplate, whole; a run also but for a few letters, or in several parts."""
    shown = _folded(text)
    if len(shown) < (_SHORTEST_OF_RUN if is_run else _SHORTEST):
        return False
    known, wholes = _known()
    if shown in known:
        return True
    if not is_run:
        return False
    # Whatever its parts are, one of them begins within the first few letters: most runs have none, and are many.
    if not any(shown[at : at + _PART] in known for at in range(_PART)):
        return False
    splits = range(_PART - 1, len(shown) - _PART + 2)
    return any(
        (at < _PART or shown[:at] in known) and (at > len(shown) - _PART or shown[at:] in known) for at in splits
    ) or _are_in_any_order(shown, known, wholes)


def _are_in_any_order(shown: str, known: str, wholes: frozenset[str]) -> bool:
    """Return whether a run is made of whole lines of boilerplate, and of the end and the beginning of one around them.

    Imports stand in any order. What is shorter than a part must end, or begin, a line: by chance, few letters are a
    part of one.
    """
    size = len(shown)
    reached = [at == 0 or (shown[:at] in known if at >= _PART else f"{shown[:at]}|" in known) for at in range(size)]
    for at in range(size):
        if not reached[at]:
            continue
        if at and (shown[at:] in known if size - at >= _PART else f"|{shown[at:]}" in known):
            return True
        for end in range(at + _PART, size):
            reached[end] |= shown[at:end] in wholes
    return False


@cache
def _known() -> tuple[str, frozenset[str]]:
    """Return all boilerplate, each line between strokes, and its lines."""
    text = Path(__file__).with_name("boilerplate.txt").read_text(encoding="utf-8")
    lines = [*map(_folded, text.splitlines())]
    return f"|{'|'.join(lines)}|", frozenset(line for line in lines if len(line) >= _PART)


def _folded(text: str) -> str:
    return reduced(_NUMBER.sub("0", text))
