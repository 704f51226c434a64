"""The forms in which a text may stand: as it is, decoded, without the heads of its lines; each can be reduced.

Letters and digits alone, in lower case, survive quoting, re-wrapping, indentation and diff markers. Decoders work in
layers: each layer decodes all that it recognises, and the next one looks at the result. A form below the text
itself holds only what was decoded, with as much around it as a shared run can reach into.
"""

from __future__ import annotations

import unicodedata
from array import array
from bisect import bisect_right
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard.decoders import encoded, markup
from trooper_cli.guard.line_heads import line_heads, line_numbers
from trooper_cli.guard.unseen import IGNORABLE, LOOKALIKES, blanked, unseen
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trooper_cli.guard.piece import Piece

    # Offset, length and text of each unit.
    Units = Sequence[tuple[int, int, str]]


class Form:
    """One way to read a text. It maps each of its characters back to its offset in the original."""

    def __init__(self, decoded: str, parts: Sequence[Part] = (), above: Form | None = None) -> None:
        self.decoded = decoded
        self.above = above
        self._parts = parts
        # What fingerprints.py finds in it, which is asked for more than once: short literals, and all else.
        self.units: tuple[Units, Units] | None = None

    @cached_property
    def text(self) -> str:
        """The letters and digits of the form."""
        return reduced(self.decoded)

    @cached_property
    def offsets(self) -> Sequence[int]:
        """Where each character of the reduced text stands in `decoded`."""
        kept = array("I")
        for run in _RUN.finditer(self.decoded):
            if run[0].isascii():
                kept.extend(range(run.start(), run.end()))
                continue
            for offset, character in enumerate(run[0], run.start()):
                kept.extend((offset,) * len(_alike(character)))
        return kept

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return offset and length, in the original text, of what `decoded[start:end]` came from."""
        form = self
        while form.above is not None:
            start, end = form._in_above(start, end)
            form = form.above
        return start, end - start

    def original_of_run(self, start: int, end: int) -> tuple[int, int]:
        """Return the same for a part of the reduced text."""
        return self.original(self.offsets[start], self.offsets[end - 1] + 1)

    def is_new(self, start: int, end: int) -> bool:
        """Return whether `decoded[start:end]` holds or touches something that the form above does not.

        What was left out has no size, and a word beside it was another word above.
        """
        if self.above is None:
            return True
        before = bisect_right(self._new_starts, end) - 1
        return before >= 0 and self._new_ends[before] >= start

    def _in_above(self, start: int, end: int) -> tuple[int, int]:
        first = self._parts[bisect_right(self._starts, start) - 1]
        last = self._parts[bisect_right(self._starts, end - 1) - 1]
        return (
            first.above_start + (start - first.start if first.is_copy else 0),
            last.above_start + end - last.start if last.is_copy else last.above_end,
        )

    @cached_property
    def _starts(self) -> list[int]:
        return [part.start for part in self._parts]

    @cached_property
    def _new_starts(self) -> list[int]:
        return [part.start for part in self._parts if part.is_new]

    @cached_property
    def _new_ends(self) -> list[int]:
        return [part.end for part in self._parts if part.is_new]


class Part(NamedTuple):
    """A part of a form, and the part of the form above that it came from: copied, decoded (new), or left out."""

    start: int
    end: int
    above_start: int
    above_end: int
    is_copy: bool
    is_new: bool


_RUN = pattern(r"[A-Za-z0-9]+|[^\x00-\x7f]+")
_OTHER_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())
# As many letters around what was decoded as the longest run that is surely found, and some more.
_CONTEXT = 64
_DEPTH = 5
# How a text is read, and whether the heads of its lines are gone then, which go once.
_ONCE = ((encoded, True),)
_WAYS = ((encoded, False), (line_numbers, True), (markup, True), (line_heads, True), (unseen, False), (blanked, False))
# Compressed text grows: in all, the forms of a text have at most so many times its size and this.
_GROWTH, _ALWAYS = 20, 1 << 20


# The guard looks at the same texts more than once, and a request holds several. Of large ones two are kept.
_LARGE = 1 << 16


def forms(text: str) -> Iterator[Form]:
    """Return every form of a text in which private text might stand, the text itself first."""
    yield from (_forms_of_large if len(text) > _LARGE else _forms_of_small)(text)


def forget() -> None:
    """Forget the forms that are kept."""
    _forms_of_large.cache_clear()
    _forms_of_small.cache_clear()


def _forms(text: str) -> tuple[Form, ...]:
    made = [(Form(text), 0, False)]
    given: set[str] = {text}
    left = _GROWTH * len(text) + _ALWAYS
    for form, depth, is_stripped in made:
        if depth == _DEPTH:
            continue
        for way, strips in _ONCE if is_stripped else _WAYS:
            if not (pieces := way(form.decoded)):
                continue
            inner = _excerpt(form, pieces)
            if inner.decoded not in given and len(inner.decoded) <= left:
                left -= len(inner.decoded)
                given.add(inner.decoded)
                made.append((inner, depth + 1, strips))
    return tuple(form for form, _, _ in made)


_forms_of_large, _forms_of_small = lru_cache(maxsize=2)(_forms), lru_cache(maxsize=16)(_forms)


def _excerpt(form: Form, pieces: Sequence[Piece]) -> Form:
    """Return a form with the pieces decoded, and of the rest what is near them."""
    text = form.decoded
    found: list[str] = []
    parts: list[Part] = []
    size = end = 0

    def add(start: int, stop: int, decoded: str | None, *, is_new: bool = False) -> None:
        nonlocal size
        shown = text[start:stop] if decoded is None else decoded
        if shown or is_new:
            found.append(shown)
            parts.append(Part(size, size + len(shown), start, stop, decoded is None, is_new))
            size += len(shown)

    for piece in pieces:
        head = piece.start if parts else 0
        if parts:
            head = _reach(text, end, piece.start)
            add(end, head, None)
        tail = _reach_back(text, head if parts else 0, piece.start)
        add(head, tail, "\n" if tail > head else "")
        add(tail, piece.start, None)
        add(piece.start, piece.end, piece.decoded, is_new=piece.decoded is not None)
        end = piece.end
    add(end, _reach(text, end, len(text)), None)
    return Form("".join(found), parts, form)


def _reach(text: str, start: int, limit: int) -> int:
    """Return where enough letters after `start` have been passed."""
    size = 2 * _CONTEXT
    while start + size < limit and len(reduced(text[start : start + size])) < _CONTEXT:
        size *= 2
    return min(start + size, limit)


def _reach_back(text: str, limit: int, end: int) -> int:
    size = 2 * _CONTEXT
    while end - size > limit and len(reduced(text[end - size : end])) < _CONTEXT:
        size *= 2
    return max(end - size, limit)


def reduced(text: str) -> str:
    """Return the letters and digits of a text, in lower case, in compatibility form and without accents (NFKD).

    So a letter with its accent is the same as one with the accent behind it, as names of files have it. Letters of
    other scripts that look like Latin ones are those.
    """
    if text.isascii():
        return text.encode().translate(None, _OTHER_ASCII).lower().decode()
    runs: list[str] = _RUN.findall(text)
    return "".join(run.lower() if run.isascii() else "".join(map(_alike, run)) for run in runs)


@cache
def _alike(character: str) -> str:
    folded = unicodedata.normalize("NFKD", character).casefold()
    # Some that nobody sees are letters to Unicode: the fillers of Hangul.
    shown = "" if IGNORABLE.match(character) else "".join(filter(str.isalnum, folded))
    return shown.translate(LOOKALIKES)
