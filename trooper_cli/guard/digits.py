"""Decode base64, base32 and hexadecimal digits, wherever among other letters they begin and end.

Four digits of base64 are three bytes, so a run of letters is read in four ways, one of which begins where the digits
do; hexadecimal in two. What is text in any of them was encoded. Base32 begins where its run of letters does.
"""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.guard.piece import APART, Piece
from trooper_cli.guard.strings import strings
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Sequence

# The lines of an encoded text belong together: where one ends, a character may be cut in two.
LINES = pattern(r"[A-Za-z0-9+/_-]{16,}(?:[\s>|]+[A-Za-z0-9+/_-]{16,})*(?:[\s>|]+[A-Za-z0-9+/_-]{2,39})?={0,6}")
_LINE = pattern(r"[^\s>|=]+")
# Names and paths are no base64, in which capitals, small letters and digits take turns.
_WORDS = pattern(
    r"[a-z0-9/_+-]*|[A-Z0-9/_+-]*|(?:[/_+-]|[A-Z]?[a-z]{3,}+|[A-Z]{3,}+|\d++|(?<![^/_-])\w{1,2}(?![^/_-]))*"
)
_SEPARATOR = pattern(r"[/_-]")
_FROM_BASE32HEX = str.maketrans("0123456789ABCDEFGHIJKLMNOPQRSTUV", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_STANDARD = str.maketrans("-_", "+/")
# Digits that are no part of the text may yet decode to letters: a line's next word, or what is beyond a separator.
_WORD, _NEAR = 40, 8
# A line or a word that is known as a whole is shorter.
_EDGE = 256


class _Base(NamedTuple):
    """A way to write bytes as digits: `group` digits are `size` bytes, and begin at one of the first `phases`."""

    digits: re.Pattern[str]
    group: int
    size: int
    phases: int
    decode: Callable[[str], bytes]


def _from_base64(digits: str) -> bytes:
    whole = digits[: len(digits) - (len(digits) % 4 == 1)].translate(_STANDARD)
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def _from_base32(digits: str) -> bytes:
    # Of what was cut off in the middle of eight digits the rest means nothing.
    whole = digits[: len(digits) - (len(digits) % 8 in {1, 3, 6})].upper()
    return base64.b32decode(whole + "=" * (-len(whole) % 8))


def _from_base32hex(digits: str) -> bytes:
    return _from_base32(digits.upper().translate(_FROM_BASE32HEX))


def _from_hexadecimal(digits: str) -> bytes:
    return bytes.fromhex(digits[: len(digits) - len(digits) % 2])


_BASES = (
    _Base(pattern(r"[0-9A-Fa-f]{16,}"), 2, 1, 2, _from_hexadecimal),
    _Base(pattern(r"[A-Z2-7]{16,}|[a-z2-7]{16,}"), 8, 5, 1, _from_base32),
    _Base(pattern(r"[0-9A-V]{16,}|[0-9a-v]{16,}"), 8, 5, 1, _from_base32hex),
    _Base(pattern(r".{16,}"), 4, 3, 4, _from_base64),
)


class _Found(NamedTuple):
    """Where a run of digits has text; whether all of it is text, so that no other reading of it is."""

    start: int
    end: int
    text: str
    is_all: bool


def from_lines(lines: re.Match[str]) -> Iterator[Piece]:
    """Return what a match of LINES holds that is text once it is decoded."""
    found = list(_LINE.finditer(lines[0]))
    digits = "".join(line[0] for line in found)
    starts = [0, *accumulate(len(line[0]) for line in found)]
    are_words = all(_WORDS.fullmatch(line[0]) for line in found)

    def offset(at: int, line: int) -> int:
        return lines.start() + found[line].start() + at - starts[line]

    for first, last, texts in _joined(_texts(digits, starts, are_words=are_words)):
        end = lines.end() if last == len(digits) else offset(last, bisect_left(starts, last) - 1)
        yield Piece(offset(first, bisect_right(starts, first) - 1), end, f"\n{APART.join(texts)}\n")


def _joined(found: Iterator[tuple[int, int, str]]) -> Iterator[tuple[int, int, list[str]]]:
    """Join what overlaps: of two readings of the same digits, either may be the right one."""
    joined: list[tuple[int, int, list[str]]] = []
    for start, end, text in sorted(found):
        if joined and start < joined[-1][1]:
            first, last, texts = joined[-1]
            joined[-1] = first, max(last, end), [*texts, text]
        else:
            joined.append((start, end, [text]))
    yield from joined


def _texts(digits: str, starts: Sequence[int], *, are_words: bool) -> Iterator[tuple[int, int, str]]:
    edges: list[int] | None = None
    for base in _BASES:
        for run in base.digits.finditer(digits):
            for phase in range(base.phases):
                if phase == 1 and base.group == 4 and are_words:
                    break
                found = list(_decoded(run[0], base, phase))
                if found and edges is None:
                    edges = sorted({*starts, *(at for one in _SEPARATOR.finditer(digits) for at in one.span())})
                for one in found:
                    start, end = run.start() + one.start, run.start() + one.end
                    yield start, end, one.text
                    for first, last in _other_ends(
                        start, end, (run.start() + phase) % base.group, base.group, starts, edges or ()
                    ):
                        yield start, end, base.decode(digits[first:last]).decode(errors="ignore")
                if found and found[0].is_all:
                    break


def _decoded(run: str, base: _Base, phase: int) -> Iterator[_Found]:
    data = base.decode(run[phase:])
    for start, end, text in strings(data):
        first, last = phase + start * base.group // base.size, phase - (-end * base.group // base.size)
        is_all = phase == 0 and (start, end) == (0, len(data)) and text.encode() == data
        yield _Found(first, len(run) if is_all else min(last, len(run)), text, is_all)


def _other_ends(
    start: int, end: int, phase: int, group: int, starts: Sequence[int], edges: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Return where else what was found may begin and end, if letters before and after it are by chance text, too."""
    near = edges[bisect_right(edges, start) : bisect_left(edges, end)]
    whole = start - (start - phase) % group
    heads = [whole, *(edge for edge in near[:_NEAR] if edge <= start + _NEAR and (edge - phase) % group == 0)]
    tails = [edge for edge in near[-_NEAR:] if edge >= end - _NEAR]
    line = bisect_left(starts, end) - 1
    if line > 0 and start < starts[line] >= end - _WORD and starts[line] not in tails:
        tails.append(starts[line])
    for head in heads:
        for tail in (*tails, end):
            if head < tail and (head, tail) != (whole, end):
                if tail - head <= _EDGE:
                    yield head, tail
                elif tail == end:
                    yield head, head + _EDGE
                elif head == whole:
                    yield tail - (tail - phase) % group - _EDGE, tail
