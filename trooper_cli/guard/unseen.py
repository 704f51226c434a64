"""What nobody sees in a text, and other ways to write a Latin letter: neither makes a word another one for a reader.

A key with a zero-width space in it, in full-width letters, or of which `grep --color` marked a part, is the key.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING

from trooper_cli.guard.piece import Piece
from trooper_cli.lazy import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

# Control characters other than white space. No text for people has one, but what programs print for terminals does:
# sequences of ECMA-48 (colours, links), and letters printed twice or over a line.
_CONTROLS = bytes((*range(9), *range(14, 32), 127))
_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f]"
_SEQUENCE = r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)"
# The letter behind them is taken along: a word may begin there that did not begin behind the last letter of a sequence.
_UNSEEN = pattern(rf"(?:{_SEQUENCE}|[^\n]\x08|{_CONTROL})++([!-~]?)")
_BEYOND_ASCII = pattern(r"[^\x00-\x7f]+")
# Nobody sees them, though they have another category: fillers, and a joiner of letters.
_BLANK = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")


class _Shown(dict[int, str]):
    """What each character stands for: nothing, characters of ASCII (NFKC), or itself."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = unicodedata.normalize("NFKC", character)
        if unicodedata.category(character) == "Cf" or character in _BLANK or "\ufe00" <= character <= "\ufe0f":
            shown = ""
        elif not (shown.isascii() and shown.isprintable()):
            shown = character
        self[code] = shown
        return shown


_SHOWN = _Shown()


def unseen(text: str) -> list[Piece]:
    """Return what nobody sees, which goes, and characters of ASCII written in another way; in order and apart."""
    pieces: list[Piece] = []
    data = text.encode("utf-8", "replace")
    if len(data) != len(data.translate(None, _CONTROLS)):
        pieces += [Piece(*match.span(), match[1]) for match in _UNSEEN.finditer(text)]
    if not text.isascii() and text.translate(_SHOWN) != text:
        pieces = sorted([*pieces, *_other_letters(text)])
    return pieces


def _other_letters(text: str) -> Iterator[Piece]:
    for run in _BEYOND_ASCII.finditer(text):
        end = run.start()
        for is_other, letters in groupby(run[0], _is_other):
            start, end = end, end + sum(1 for _ in letters)
            if not is_other:
                continue
            shown = text[start:end].translate(_SHOWN)
            # Commas of Chinese and joiners of Persian matter only within what is ASCII for the rest.
            if any(map(str.isalnum, shown)) or (_is_word(text[start - 1 : start]) and _is_word(text[end : end + 1])):
                yield Piece(start, end, shown)


def _is_other(letter: str) -> bool:
    return _SHOWN[ord(letter)] != letter


def _is_word(letter: str) -> bool:
    return "!" <= letter <= "~"
